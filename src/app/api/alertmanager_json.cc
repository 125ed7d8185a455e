#include "app/api/alertmanager_json.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "model/alert.h"

namespace holdfast::app {
namespace {

namespace route = respond::route;
using nlohmann::json;

constexpr int kMissing = 602;
constexpr int kWrongForm = 601;
constexpr int kTooFew = 612;

BodyProblem missing(const std::string& path) {
  return {422, kMissing, path + " in body is required"};
}
BodyProblem wrong_type(const std::string& path, std::string_view wanted, const json& is) {
  return {400, 400,
          "parsing body from \"\" failed, because " + path + " must be " + std::string(wanted) + ", is " +
              is.type_name()};
}

// Reads members of one object; the first problem stays.
class Members {
 public:
  Members(const json& object, std::string path) : object_(object), path_(std::move(path)) {
    if (!object.is_object()) problem_ = wrong_type(path_.empty() ? "the body" : path_, "an object", object);
  }

  const json* find(const char* name) {
    if (problem_) return nullptr;
    const auto it = object_.find(name);
    return it == object_.end() || it->is_null() ? nullptr : &*it;
  }
  std::string text(const char* name, bool required) {
    const auto* value = find(name);
    if (value == nullptr) {
      if (required && !problem_) problem_ = missing(place(name));
      return {};
    }
    if (value->is_string()) return value->get<std::string>();
    problem_ = wrong_type(place(name), "a string", *value);
    return {};
  }
  bool boolean(const char* name, bool fallback, bool required) {
    const auto* value = find(name);
    if (value == nullptr) {
      if (required && !problem_) problem_ = missing(place(name));
      return fallback;
    }
    if (value->is_boolean()) return value->get<bool>();
    problem_ = wrong_type(place(name), "a boolean", *value);
    return fallback;
  }
  // Empty text and the zero time of Go clients count as not given.
  std::optional<WallTime> time(const char* name, bool required) {
    const auto value = text(name, required);
    if (value.empty() || value.starts_with("0001-01-01T00:00:00")) return std::nullopt;
    const auto parsed = value.find('T') == std::string::npos ? Result<WallTime>(invalid("")) : parse_time(value);
    if (parsed) return *parsed;
    if (!problem_)
      problem_ = BodyProblem{422, kWrongForm, place(name) + " in body must be of type date-time: \"" +
                                                  printable(value, 100) + "\""};
    return std::nullopt;
  }
  std::vector<std::pair<std::string, std::string>> pairs(const char* name, bool required) {
    std::vector<std::pair<std::string, std::string>> read;
    const auto* value = find(name);
    if (value == nullptr) {
      if (required && !problem_) problem_ = missing(place(name));
      return read;
    }
    if (!value->is_object()) {
      problem_ = wrong_type(place(name), "an object of strings", *value);
      return read;
    }
    for (const auto& [key, one] : value->items()) {
      if (!one.is_string()) {
        problem_ = wrong_type(place(name) + "." + printable(key, 100), "a string", one);
        return {};
      }
      read.emplace_back(key, one.get_ref<const std::string&>());
    }
    return read;
  }
  std::string place(const char* name) const { return path_.empty() ? name : path_ + "." + name; }
  void fail(BodyProblem problem) {
    if (!problem_) problem_ = std::move(problem);
  }
  const std::optional<BodyProblem>& problem() const { return problem_; }

 private:
  const json& object_;
  std::string path_;
  std::optional<BodyProblem> problem_;
};

model::Labels labels_of(std::vector<std::pair<std::string, std::string>> pairs, bool drop_empty) {
  std::vector<model::Label> labels;
  labels.reserve(pairs.size());
  for (auto& [name, value] : pairs) {
    if (!drop_empty || !value.empty()) labels.push_back({std::move(name), std::move(value)});
  }
  return model::Labels(std::move(labels));
}

std::optional<BodyProblem> parse_body(std::string_view body, json& into) {
  into = json::parse(body, nullptr, false);
  if (!into.is_discarded()) return std::nullopt;
  return BodyProblem{400, 400, "parsing body from \"\" failed, because it is not JSON"};
}

void read_matcher(const json& one, const std::string& path, Members& silence_members,
                  std::vector<model::Matcher>& into) {
  Members members(one, path);
  auto name = members.text("name", true);
  auto value = members.text("value", true);
  const bool is_regex = members.boolean("isRegex", false, true);
  const bool is_equal = members.boolean("isEqual", true, false);
  if (members.problem()) return silence_members.fail(*members.problem());
  if (name.empty())
    return silence_members.fail({422, kTooFew, path + ".name in body should be at least 1 chars long"});
  const auto op = is_regex ? (is_equal ? model::MatchOp::kRegex : model::MatchOp::kNotRegex)
                           : (is_equal ? model::MatchOp::kEqual : model::MatchOp::kNotEqual);
  auto matcher = model::Matcher::make(op, std::move(name), std::move(value));
  if (matcher)
    into.push_back(std::move(*matcher));
  else
    silence_members.fail({400, 400, matcher.error().message()});
}

std::optional<route::SilenceRecurrence> read_recurrence(Members& silence) {
  const auto* value = silence.find("recurrence");
  if (value == nullptr) return std::nullopt;
  Members members(*value, "recurrence");
  route::SilenceRecurrence recurrence;
  recurrence.rrule = members.text("rrule", true);
  recurrence.zone = members.text("zone", false);
  const auto duration = members.text("duration", true);
  if (!members.problem()) {
    if (auto parsed = parse_duration(duration))
      recurrence.duration = *parsed;
    else
      members.fail({400, 400, "recurrence.duration: " + parsed.error().message()});
  }
  if (members.problem()) silence.fail(*members.problem());
  return recurrence;
}

json names_json(const std::vector<std::string>& names) {
  json list = json::array();
  for (const auto& name : names) list.push_back({{"name", name}});
  return list;
}

std::string_view state_name(route::RoutedState state) {
  switch (state) {
    case route::RoutedState::kUnprocessed: return "unprocessed";
    case route::RoutedState::kActive: return "active";
    case route::RoutedState::kSuppressed: return "suppressed";
  }
  return "active";
}

}  // namespace

PostedAlerts parse_posted_alerts(std::string_view body) {
  json list;
  if (auto problem = parse_body(body, list)) return *problem;
  if (!list.is_array()) return wrong_type("the body", "an array of alerts", list);
  std::vector<route::PostedAlert> alerts;
  alerts.reserve(list.size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    Members members(list[i], std::to_string(i));
    route::PostedAlert alert;
    alert.labels = labels_of(members.pairs("labels", true), true);
    alert.annotations = labels_of(members.pairs("annotations", false), false);
    alert.starts_at = members.time("startsAt", false);
    alert.ends_at = members.time("endsAt", false);
    alert.generator_url = members.text("generatorURL", false);
    if (members.problem()) return *members.problem();
    alerts.push_back(std::move(alert));
  }
  return alerts;
}

PostedSilence parse_posted_silence(std::string_view body) {
  json object;
  if (auto problem = parse_body(body, object)) return *problem;
  Members members(object, "");
  route::Silence silence;
  silence.id = members.text("id", false);
  silence.comment = members.text("comment", true);
  silence.created_by = members.text("createdBy", true);
  const auto ends_at = members.time("endsAt", true);
  const auto starts_at = members.time("startsAt", true);
  if (const auto* matchers = members.find("matchers"); matchers == nullptr) {
    members.fail(missing("matchers"));
  } else if (!matchers->is_array()) {
    members.fail(wrong_type("matchers", "an array", *matchers));
  } else {
    if (matchers->empty())
      members.fail({422, kTooFew, "matchers in body should have at least 1 items"});
    for (std::size_t i = 0; i < matchers->size() && !members.problem(); ++i)
      read_matcher((*matchers)[i], "matchers." + std::to_string(i), members, silence.matchers);
  }
  for (auto& [name, value] : members.pairs("annotations", false))
    silence.annotations.emplace(std::move(name), std::move(value));
  silence.recurrence = read_recurrence(members);
  if (members.problem()) return *members.problem();
  silence.starts_at = starts_at.value_or(WallTime{});
  silence.ends_at = ends_at.value_or(WallTime{});
  return silence;
}

json problem_json(const BodyProblem& problem) {
  return {{"code", problem.code}, {"message", problem.message}};
}

json alert_json(const route::AlertView& view) {
  json one = {{"labels", view.alert.labels},
              {"annotations", view.alert.annotations},
              {"fingerprint", view.fingerprint},
              {"generatorURL", view.alert.generator_url},
              {"startsAt", format_time(view.alert.starts_at)},
              {"endsAt", format_time(view.alert.ends_at.value_or(WallTime{}))},
              {"updatedAt", format_time(view.updated_at)},
              {"receivers", names_json(view.receivers)},
              {"status",
               {{"state", state_name(view.state)},
                {"silencedBy", view.silenced_by},
                {"inhibitedBy", view.inhibited_by},
                {"mutedBy", view.muted_by}}}};
  // Holdfast's own; generated clients pass over what they do not know.
  if (view.acknowledged) one["status"]["acknowledged"] = true;
  if (view.flapping) one["status"]["flapping"] = true;
  return one;
}

json group_json(const route::GroupView& view) {
  json alerts = json::array();
  for (const auto& alert : view.alerts) alerts.push_back(alert_json(alert));
  return {{"labels", view.labels},
          {"routeLabels", view.route_labels},
          {"receiver", {{"name", view.receiver}}},
          {"alerts", std::move(alerts)}};
}

json silence_json(const route::Silence& silence, route::SilenceState state) {
  json matchers = json::array();
  for (const auto& m : silence.matchers) {
    const bool is_regex = m.op() == model::MatchOp::kRegex || m.op() == model::MatchOp::kNotRegex;
    const bool is_equal = m.op() == model::MatchOp::kEqual || m.op() == model::MatchOp::kRegex;
    matchers.push_back(
        {{"name", m.name()}, {"value", m.value()}, {"isRegex", is_regex}, {"isEqual", is_equal}});
  }
  json one = {{"id", silence.id},
              {"status", {{"state", route::silence_state_name(state)}}},
              {"updatedAt", format_time(silence.updated_at)},
              {"comment", silence.comment},
              {"createdBy", silence.created_by},
              {"startsAt", format_time(silence.starts_at)},
              {"endsAt", format_time(silence.ends_at)},
              {"matchers", std::move(matchers)}};
  if (!silence.annotations.empty()) one["annotations"] = silence.annotations;
  if (silence.recurrence) {
    json except = json::array();
    for (const auto at : silence.recurrence->except) except.push_back(format_time(at));
    one["recurrence"] = {{"rrule", silence.recurrence->rrule},
                         {"zone", silence.recurrence->zone},
                         {"duration", format_duration(silence.recurrence->duration)},
                         {"except", std::move(except)}};
  }
  return one;
}

}  // namespace holdfast::app
