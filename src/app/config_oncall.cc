// Schedules and escalation policies.
#include "app/config_oncall.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "respond/oncall/ical.h"

namespace holdfast::app {

using respond::oncall::Absence;
using respond::oncall::Condition;
using respond::oncall::EscalationPolicy;
using respond::oncall::Layer;
using respond::oncall::Schedule;
using respond::oncall::Step;
using respond::oncall::Target;

namespace {

class Reader {
 public:
  Reader(const YamlContext& context, FileSystem& files, std::string folder, OnCallConfig& config)
      : context_(context), files_(files), folder_(std::move(folder)), config_(config) {}

  void read(YamlMap& top) {
    config_.people = read_people(context_, top);
    for (const auto& person : config_.people) {
      ids_.push_back(person.id);
      teams_.insert(person.teams.begin(), person.teams.end());
    }
    read_paging(context_, top, folder_, config_);
    for (const auto* node : top.list("schedules"))
      config_.schedules.push_back(read_schedule(*node));
    for (const auto* node : top.list("escalation_policies"))
      config_.policies.push_back(read_policy(*node));
  }

 private:
  void check_person(const YamlNode& at, const std::string& id) const {
    if (std::find(ids_.begin(), ids_.end(), id) != ids_.end()) return;
    const auto near = nearest(id, ids_);
    context_.report(at, "no person '" + printable(id) + "' stands in 'people'" +
                            (near.empty() ? "" : "; did you mean '" + near + "'?"));
  }

  // A list of turns, each a person or a list of them.
  std::vector<std::vector<std::string>> read_users(YamlMap& map) const {
    std::vector<std::vector<std::string>> users;
    for (const auto* item : map.list("users")) {
      std::vector<std::string> turn;
      const auto add = [&](const YamlNode& node) {
        if (auto id = context_.text(node, "a person")) {
          check_person(node, *id);
          turn.push_back(*id);
        }
      };
      if (item->kind == YamlNode::Kind::kSequence) {
        for (const auto& node : item->items) add(node);
      } else {
        add(*item);
      }
      if (!turn.empty()) users.push_back(std::move(turn));
    }
    return users;
  }

  void read_turn(YamlMap& map, Layer& layer) const {
    const auto turn = map.text("turn", "weekly");
    if (turn == "hourly")
      layer.turn = Layer::Turn::kHourly;
    else if (turn == "daily")
      layer.turn = Layer::Turn::kDaily;
    else if (turn == "weekly")
      layer.turn = Layer::Turn::kWeekly;
    else if (turn == "monthly")
      layer.turn = Layer::Turn::kMonthly;
    else if (turn == "rule")
      layer.turn = Layer::Turn::kRule;
    else if (turn == "calendar")
      layer.turn = Layer::Turn::kCalendar;
    else {
      layer.turn = Layer::Turn::kCustom;
      const auto length = parse_duration(turn);
      if (!length || *length < 15min || *length > 366 * 24h)
        map.report("turn", "'turn' is '" + printable(turn) +
                               "'; allowed: hourly, daily, weekly, monthly, rule, calendar, or a "
                               "duration of 15m to 366d");
      layer.length = length.value_or(Duration(24h));
      if (layer.length < 15min) layer.length = 15min;
    }
    layer.interval = static_cast<int>(map.integer("interval", 1, 1, 366));
  }

  void read_rule(YamlMap& map, Layer& layer) const {
    const auto text = map.required_text("rule");
    layer.length = map.duration("length", 24h, 1min, 366 * 24h);
    layer.rule.emplace();
    if (text.empty()) return;
    auto rule = respond::oncall::parse_recurrence(text);
    if (!rule)
      map.report("rule", "'rule': " + rule.error().message());
    else
      layer.rule = *rule;
  }

  void read_calendar(YamlMap& map, Layer& layer) const {
    const auto file = map.required_text("calendar");
    if (file.empty()) return;
    const auto path = file.front() == '/' || folder_.empty() ? file : folder_ + "/" + file;
    auto text = files_.read_file(path);
    if (!text) return map.report("calendar", "'calendar': " + text.error().message());
    auto calendar = respond::oncall::parse_calendar(*text, layer.zone);
    if (!calendar)
      return map.report("calendar", "'calendar', " + path + ": " + calendar.error().message());
    std::vector<std::string> unknown;
    layer.calendar = respond::oncall::shifts_of(
        *calendar, [this](std::string_view name) { return person_named(name); }, unknown);
    for (auto& shift : layer.calendar) shift.level += layer.level;
    std::sort(unknown.begin(), unknown.end());
    unknown.erase(std::unique(unknown.begin(), unknown.end()), unknown.end());
    for (const auto& name : unknown)
      map.report("calendar", "'calendar', " + path + ": nobody of 'people' is '" + printable(name) +
                                 "', by id, name or mail address");
  }

  std::string person_named(std::string_view name) const {
    for (const auto& person : config_.people) {
      if (equals_ignoring_case(person.id, name) || equals_ignoring_case(person.email, name) ||
          person.name == name)
        return person.id;
    }
    return {};
  }

  Layer read_layer(const YamlNode& node, const Schedule& schedule, std::set<std::string>& names) {
    YamlMap map(context_, node, "layer");
    Layer layer;
    layer.name = map.text("name", "layer-" + std::to_string(schedule.layers.size() + 1));
    if (!names.insert(layer.name).second)
      map.report("name", "layer '" + printable(layer.name) + "' stands twice");
    layer.level = static_cast<int>(map.integer("level", 0, 0, 1000));
    layer.zone = read_zone(map, "zone", schedule.zone);
    read_turn(map, layer);
    if (layer.turn == Layer::Turn::kRule) read_rule(map, layer);
    const bool calendar = layer.turn == Layer::Turn::kCalendar;
    if (calendar) {
      read_calendar(map, layer);
    } else {
      layer.users = read_users(map);
      if (layer.users.empty())
        map.report("users", "layer '" + layer.name + "' needs 'users', a list of turns");
      if (!map.has("start"))
        map.report("start", "layer '" + layer.name + "' needs 'start', its first handover");
    }
    layer.start = read_civil(map, "start").value_or(layer.start);
    layer.until = read_civil(map, "until");
    layer.first = static_cast<int>(map.integer("first", 0, 0, 10'000));
    layer.windows = read_windows(context_, map, "windows");
    map.finish();
    return layer;
  }

  void read_holidays(YamlMap& map, Schedule& schedule) const {
    for (const auto& text : map.texts("holidays")) {
      std::string digits = text;
      std::erase(digits, '-');
      const auto stamp = respond::oncall::parse_stamp(digits);
      if (!stamp || !stamp->is_date)
        map.report("holidays",
                   "'holidays' has '" + printable(text) + "'; allowed: dates like 2026-10-01");
      else
        schedule.holidays.insert(days_of(stamp->civil.year, stamp->civil.month, stamp->civil.day));
    }
  }

  Absence read_absence(const YamlNode& node, const Zone& zone) const {
    YamlMap map(context_, node, "absence");
    Absence absence;
    absence.person = map.required_text("person");
    if (!absence.person.empty()) check_person(*map.member("person"), absence.person);
    const auto from = read_civil(map, "from");
    const auto to = read_civil(map, "to");
    if (!map.has("from")) map.report("from", "absence needs 'from'");
    if (!map.has("to")) map.report("to", "absence needs 'to'");
    if (from) absence.from = zone.instant(*from);
    if (to) absence.to = zone.instant(*to);
    if (from && to && absence.to <= absence.from) map.report("to", "'to' must come after 'from'");
    absence.reason = map.text("reason");
    map.finish();
    return absence;
  }

  Schedule read_schedule(const YamlNode& node) {
    YamlMap map(context_, node, "schedule");
    Schedule schedule;
    schedule.name = map.required_text("name");
    if (!schedule.name.empty() && !schedules_.insert(schedule.name).second)
      map.report("name", "schedule '" + schedule.name + "' stands twice");
    schedule.title = map.text("title", schedule.name);
    schedule.zone = read_zone(map, "zone", Zone());
    schedule.roles = map.texts("roles");
    read_holidays(map, schedule);
    for (const auto* item : map.list("absences"))
      schedule.absences.push_back(read_absence(*item, schedule.zone));
    std::set<std::string> names;
    for (const auto* item : map.list("layers"))
      schedule.layers.push_back(read_layer(*item, schedule, names));
    if (schedule.layers.empty())
      map.report("layers", "schedule '" + schedule.name + "' needs 'layers'");
    map.finish();
    return schedule;
  }

  std::optional<Target> read_target(const YamlNode& node) const {
    const auto text = context_.text(node, "a target");
    if (!text) return std::nullopt;
    auto target = parse_target(*text);
    if (!target) {
      context_.report(
          node,
          "target '" + printable(*text) +
              "'; allowed: a person, schedule:NAME, schedule:NAME/ROLE, team:NAME, receiver:NAME");
      return std::nullopt;
    }
    if (target->kind == Target::Kind::kPerson) check_person(node, target->name);
    if (target->kind == Target::Kind::kTeam && teams_.count(target->name) == 0)
      context_.report(node, "nobody of 'people' is in team '" + printable(target->name) + "'");
    if (target->kind == Target::Kind::kSchedule) check_schedule(node, *target);
    return target;
  }

  void check_schedule(const YamlNode& node, const Target& target) const {
    const auto found =
        std::find_if(config_.schedules.begin(), config_.schedules.end(),
                     [&](const Schedule& schedule) { return schedule.name == target.name; });
    if (found == config_.schedules.end())
      return context_.report(node,
                             "no schedule '" + printable(target.name) + "' stands in 'schedules'");
    const auto& roles = found->roles;
    if (!target.role.empty() && std::find(roles.begin(), roles.end(), target.role) == roles.end())
      context_.report(node, "schedule '" + target.name + "' has no role '" +
                                printable(target.role) + "'" +
                                (roles.empty() ? "" : "; allowed: " + join(roles, ", ")));
  }

  Condition read_condition(const YamlNode& node) const {
    YamlMap map(context_, node, "when");
    Condition condition;
    condition.worst_rank_only = static_cast<int>(map.integer("ranks_up_to", 4, 1, 4));
    condition.zone = read_zone(map, "zone", Zone());
    condition.between = read_windows(context_, map, "between");
    if (map.has("alerts_more_than"))
      condition.alerts_more_than =
          static_cast<int>(map.integer("alerts_more_than", 0, 0, 1'000'000));
    condition.alerts_within = map.duration("alerts_within", condition.alerts_within, 1min, 24h);
    map.finish();
    return condition;
  }

  Step read_step(const YamlNode& node) const {
    YamlMap map(context_, node, "step");
    Step step;
    for (const auto* item : map.list("notify")) {
      if (auto target = read_target(*item)) step.targets.push_back(*target);
    }
    step.wait = map.duration("wait", step.wait, respond::oncall::kStepWaitMin, 24h);
    if (map.has("urgency")) step.urgency = map.word("urgency", "high", {"high", "low"});
    step.round_robin = map.boolean("round_robin", false);
    if (const auto* when = map.member("when")) step.when = read_condition(*when);
    map.finish();
    return step;
  }

  EscalationPolicy read_policy(const YamlNode& node) {
    YamlMap map(context_, node, "escalation policy");
    EscalationPolicy policy;
    policy.name = map.required_text("name");
    if (!policy.name.empty() && !policies_.insert(policy.name).second)
      map.report("name", "escalation policy '" + policy.name + "' stands twice");
    policy.title = map.text("title", policy.name);
    policy.services = map.texts("services");
    policy.worst_rank_only = static_cast<int>(map.integer("ranks_up_to", 4, 1, 4));
    policy.repeat = static_cast<int>(map.integer("repeat", 0, 0, respond::oncall::kRepeatMax));
    policy.ack_timeout = map.duration("ack_timeout", policy.ack_timeout, 0s, 7 * 24h);
    policy.repair_timeout = map.duration("repair_timeout", policy.repair_timeout, 0s, 24h);
    for (const auto* item : map.list("steps")) policy.steps.push_back(read_step(*item));
    if (policy.steps.empty())
      map.report("steps", "escalation policy '" + policy.name + "' needs 'steps'");
    map.finish();
    return policy;
  }

  const YamlContext& context_;
  FileSystem& files_;
  const std::string folder_;
  OnCallConfig& config_;
  std::vector<std::string> ids_;
  std::set<std::string> teams_, schedules_, policies_;
};

}  // namespace

std::optional<Target> parse_target(std::string_view text) {
  const auto colon = text.find(':');
  Target target;
  if (colon == std::string_view::npos) {
    if (text.empty()) return std::nullopt;
    target.name = std::string(text);
    return target;
  }
  const auto kind = text.substr(0, colon);
  auto name = text.substr(colon + 1);
  if (kind == "person") {
    target.kind = Target::Kind::kPerson;
  } else if (kind == "schedule") {
    target.kind = Target::Kind::kSchedule;
    if (const auto slash = name.find('/'); slash != std::string_view::npos) {
      target.role = std::string(name.substr(slash + 1));
      name = name.substr(0, slash);
    }
  } else if (kind == "team") {
    target.kind = Target::Kind::kTeam;
  } else if (kind == "receiver") {
    target.kind = Target::Kind::kReceiver;
  } else {
    return std::nullopt;
  }
  if (name.empty()) return std::nullopt;
  target.name = std::string(name);
  return target;
}

OnCallConfig read_oncall(const YamlContext& context, YamlMap& top, FileSystem& files,
                         const std::string& base_folder) {
  OnCallConfig config;
  Reader(context, files, base_folder, config).read(top);
  return config;
}

}  // namespace holdfast::app
