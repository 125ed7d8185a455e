// Objects may stand in any order and any file, so all are found first and then read kind by kind, what is referred to before
// what refers to it.
#include "detect/slo/open_slo.h"

#include <deque>
#include <set>

#include "base/text.h"
#include "detect/slo/open_slo_objects.h"
#include "detect/slo/reader_parts.h"

namespace holdfast::detect::slo {

std::vector<YamlDocument> split_documents(std::string_view stream) {
  std::vector<YamlDocument> documents;
  std::size_t begin = 0;
  int line = 0, first = 0;
  for (std::size_t at = 0; at < stream.size(); ++line) {
    const auto end = std::min(stream.find('\n', at), stream.size());
    const auto text = stream.substr(at, end - at);
    // At the beginning of a line it is never content.
    const bool marks = text.starts_with("---") &&
                       (text.size() == 3 || text[3] == ' ' || text[3] == '\t' || text[3] == '\r');
    if (marks && at > begin) {
      documents.push_back({stream.substr(begin, at - begin), first});
      begin = at;
      first = line;
    }
    at = end + 1;
  }
  documents.push_back({stream.substr(begin), first});
  return documents;
}

bool is_open_slo(std::string_view text) {
  for (const auto& document : split_documents(text)) {
    for (const auto line : split(document.text, '\n')) {
      if (!line.starts_with("apiVersion:")) continue;
      const auto value = trim(line.substr(11));
      return value.find("openslo") != std::string_view::npos;
    }
  }
  return false;
}

namespace {

constexpr std::size_t kDocumentCountMax = 1000;
constexpr std::size_t kObjectiveCountMax = 1000;
const std::vector<std::string> kKinds = {"SLO",
                                         "SLI",
                                         "Service",
                                         "DataSource",
                                         "AlertPolicy",
                                         "AlertCondition",
                                         "AlertNotificationTarget"};

void move_lines(YamlNode& node, int by) {
  node.line += by;
  for (auto& item : node.items) move_lines(item, by);
  for (auto& [key, value] : node.members) {
    move_lines(key, by);
    move_lines(value, by);
  }
}

struct Object {
  const YamlContext* context;
  const YamlNode* node;
  const YamlNode* spec;
  Metadata metadata;
};

class Reader {
 public:
  explicit Reader(SloFile& out) : out_(out) {}

  void read(const std::vector<SloSource>& sources) {
    for (const auto& source : sources) find_objects(source);
    each("Service", [&](const Object& object) { read_service(object); });
    each("DataSource", [&](const Object& object) {
      read_source(*object.context, *object.spec, object.metadata.name, registry_);
    });
    each("SLI", [&](const Object& object) {
      registry_.indicators[object.metadata.name] =
          read_indicator(*object.context, *object.spec, registry_);
    });
    each("AlertCondition", [&](const Object& object) {
      registry_.conditions[object.metadata.name] =
          read_condition(*object.context, *object.spec, object.metadata.name);
    });
    each("AlertNotificationTarget", [&](const Object& object) { read_target(object); });
    each("AlertPolicy", [&](const Object& object) {
      registry_.policies[object.metadata.name] =
          read_policy(*object.context, *object.spec, object.metadata.name, registry_);
    });
    each("SLO", [&](const Object& object) { read_slo(object); });
  }

 private:
  template <typename F>
  void each(const std::string& kind, F f) {
    for (const auto& object : objects_[kind]) f(object);
  }

  void find_objects(const SloSource& source) {
    const auto& context = contexts_.emplace_back(YamlContext{source.file, &out_.findings, {}});
    for (const auto& document : split_documents(source.text)) {
      if (roots_.size() >= kDocumentCountMax) {
        out_.findings.push_back({{source.file, document.line + 1, 1}, "more than 1000 documents"});
        return;
      }
      std::vector<Finding> wrong;
      auto root = parse_yaml(source.file, document.text, wrong);
      for (auto& finding : wrong) {
        if (finding.place.line > 0) finding.place.line += document.line;
        out_.findings.push_back(std::move(finding));
      }
      if (!root || root->kind == YamlNode::Kind::kNull) continue;
      move_lines(*root, document.line);
      register_object(context, roots_.emplace_back(std::move(*root)));
    }
  }

  void register_object(const YamlContext& context, const YamlNode& root) {
    YamlMap map(context, root, "the document");
    if (!map.valid()) return;
    const auto version = map.required_text("apiVersion");
    if (!version.empty() && version != "openslo/v1")
      map.report("apiVersion", "'apiVersion' is '" + printable(version) + "'; allowed: openslo/v1");
    map.required_text("kind");
    const auto kind = map.has("kind") ? map.word("kind", "", kKinds) : "";
    Object object{&context, &root, nullptr, read_metadata(context, map, true)};
    object.spec = map.member("spec");
    if (object.spec == nullptr) map.report("spec", "'spec' is missing");
    map.finish();
    if (kind.empty() || object.spec == nullptr || object.metadata.name.empty()) return;
    if (!names_.insert({kind, object.metadata.name}).second) {
      context.report(root, kind + " '" + object.metadata.name + "' stands twice");
      return;
    }
    objects_[kind].push_back(std::move(object));
  }

  void read_service(const Object& object) {
    YamlMap map(*object.context, *object.spec, "Service");
    out_.services.push_back(
        {object.metadata.name, object.metadata.display_name, map.text("description")});
    map.finish();
  }

  void read_target(const Object& object) {
    YamlMap map(*object.context, *object.spec, "AlertNotificationTarget");
    map.text("description");
    map.required_text("target");
    map.finish();
    registry_.targets.insert(object.metadata.name);
  }

  // ---- SLO ----

  void read_slo(const Object& object) {
    const auto& context = *object.context;
    YamlMap map(context, *object.spec, "SLO");
    Slo slo;
    slo.name = object.metadata.name;
    slo.display_name = object.metadata.display_name;
    slo.place = {context.file, object.node->line, object.node->column};
    slo.description = map.text("description");
    slo.service = map.required_text("service");
    const auto method = map.word("budgetingMethod", "Occurrences",
                                 {"Occurrences", "Timeslices", "RatioTimeslices"});
    if (method == "Timeslices") slo.budgeting = Budgeting::kTimeslices;
    if (method == "RatioTimeslices") slo.budgeting = Budgeting::kRatioTimeslices;
    read_window(context, map, slo.window);
    const auto before = out_.findings.size();
    const auto indicator = indicator_of(context, map);
    const bool indicator_told = out_.findings.size() != before;
    for (const auto* item : map.list("alertPolicies")) read_policy_item(context, *item, slo.alerts);
    if (map.has("alertPolicies")) slo.alerts.multiwindow = false;
    read_annotations(context, *object.node, object.metadata.annotations, slo.alerts);
    const auto objectives = map.list("objectives");
    if (map.valid() && objectives.empty()) map.report("objectives", "an SLO needs 'objectives'");
    if (out_.slos.size() + objectives.size() > kObjectiveCountMax) {
      map.report("objectives", "more than 1000 objectives");
      return;
    }
    map.finish();
    int number = 0;
    for (const auto* item : objectives) {
      auto one = slo;
      if (objectives.size() > 1) one.name += "-" + std::to_string(++number);
      read_objective(context, *item, std::move(one), indicator, indicator_told);
    }
  }

  // The indicator of an SLO or an objective: referred to, or in place. Empty: none, or told.
  std::optional<Indicator> indicator_of(const YamlContext& context, YamlMap& map) {
    const auto* inner = map.member("indicator");
    const auto ref = map.text("indicatorRef");
    if (inner != nullptr && !ref.empty())
      map.report("indicatorRef", "'indicatorRef' next to 'indicator'");
    if (inner != nullptr) {
      YamlMap sli(context, *inner, "indicator");
      read_metadata(context, sli, false);
      const auto* spec = sli.member("spec");
      if (spec == nullptr && sli.valid()) sli.report("spec", "'spec' is missing");
      sli.finish();
      return spec == nullptr ? std::nullopt : read_indicator(context, *spec, registry_);
    }
    if (ref.empty()) return std::nullopt;
    const auto found = registry_.indicators.find(ref);
    if (found != registry_.indicators.end()) return found->second;
    map.report("indicatorRef", "no SLI '" + printable(ref) + "' in these files");
    return std::nullopt;
  }

  void read_window(const YamlContext& context, YamlMap& map, Window& window) {
    const auto items = map.list("timeWindow");
    if (items.size() != 1) {
      if (map.valid())
        map.report("timeWindow", "'timeWindow' must be a list of exactly one window");
      return;
    }
    YamlMap item(context, *items[0], "timeWindow");
    const auto* duration = item.member("duration");
    const bool rolling = item.boolean("isRolling", false);
    const auto* calendar = item.member("calendar");
    if (duration == nullptr) {
      if (item.valid()) item.report("duration", "'duration' is missing, such as 30d");
    } else if (const auto length = read_shorthand(context, *duration, "duration")) {
      window.length = *length;
      if (!rolling) read_unit(duration->scalar, window);
    }
    if (rolling && calendar != nullptr)
      item.report("calendar", "'calendar' next to 'isRolling: true'");
    if (!rolling && calendar == nullptr && item.valid())
      item.report("calendar",
                  "a window that does not roll needs 'calendar'; or say 'isRolling: true'");
    if (!rolling && calendar != nullptr) read_calendar(context, *calendar, window);
    item.finish();
  }

  static void read_unit(std::string_view text, Window& window) {
    window.count = static_cast<int>(parse_int(text.substr(0, text.size() - 1)).value_or(1));
    switch (text.back()) {
      case 'm':
        window.unit = Window::Unit::kMinute;
        break;
      case 'h':
        window.unit = Window::Unit::kHour;
        break;
      case 'w':
        window.unit = Window::Unit::kWeek;
        break;
      case 'M':
        window.unit = Window::Unit::kMonth;
        break;
      case 'Q':
        window.unit = Window::Unit::kMonth;
        window.count *= 3;
        break;
      case 'Y':
        window.unit = Window::Unit::kYear;
        break;
      default:
        window.unit = Window::Unit::kDay;
        break;
    }
  }

  static void read_calendar(const YamlContext& context, const YamlNode& node, Window& window) {
    YamlMap map(context, node, "calendar");
    const auto start = map.required_text("startTime");
    if (const auto civil = parse_civil(start))
      window.start = *civil;
    else if (!start.empty())
      map.report("startTime",
                 "'startTime' is '" + printable(start) + "'; allowed: 2026-01-01 00:00:00");
    const auto name = map.text("timeZone", "UTC");
    if (auto zone = find_zone(name))
      window.zone = *zone;
    else
      map.report("timeZone", zone.error().message());
    map.finish();
  }

  void read_policy_item(const YamlContext& context, const YamlNode& node, AlertWishes& alerts) {
    YamlMap map(context, node, "alert policy");
    AlertPolicyParts parts;
    if (map.has("alertPolicyRef")) {
      const auto ref = map.text("alertPolicyRef");
      const auto found = registry_.policies.find(ref);
      if (found == registry_.policies.end())
        map.report("alertPolicyRef", "no AlertPolicy '" + printable(ref) + "' in these files");
      else
        parts = found->second;
    } else {
      map.word("kind", "AlertPolicy", {"AlertPolicy"});
      const auto metadata = read_metadata(context, map, false);
      if (const auto* spec = map.member("spec"))
        parts = read_policy(context, *spec, metadata.name, registry_);
      else if (map.valid())
        map.report("spec", "an alert policy needs 'alertPolicyRef' or 'spec'");
    }
    map.finish();
    alerts.conditions.insert(alerts.conditions.end(), parts.conditions.begin(),
                             parts.conditions.end());
    if (parts.no_data_after && !alerts.no_data_after) alerts.no_data_after = parts.no_data_after;
  }

  static void read_annotations(const YamlContext& context, const YamlNode& node,
                               const std::map<std::string, std::string>& annotations,
                               AlertWishes& alerts) {
    for (const auto& [name, value] : annotations) {
      if (!name.starts_with("holdfast.io/")) continue;
      const auto what = name.substr(12);
      const auto wrong = [&, &name = name, &value = value](const char* allowed) {
        context.report(
            node, "annotation '" + name + "' is '" + printable(value) + "'; allowed: " + allowed);
      };
      if (what == "page-severity" && !value.empty()) {
        alerts.page_severity = value;
      } else if (what == "ticket-severity" && !value.empty()) {
        alerts.ticket_severity = value;
      } else if (what == "failures-min") {
        const auto count = parse_int(value);
        if (count && *count >= 0 && *count <= 1'000'000)
          alerts.failures_min = static_cast<int>(*count);
        else
          wrong("a whole number from 0 to 1000000");
      } else if (what == "no-data-after") {
        const auto after = parse_duration(value);
        if (after)
          alerts.no_data_after = *after;
        else
          wrong("a duration, such as 10m");
      } else {
        wrong("page-severity, ticket-severity, failures-min, no-data-after, with a value");
      }
    }
  }

  void read_objective(const YamlContext& context, const YamlNode& node, Slo slo,
                      std::optional<Indicator> indicator, bool told) {
    const auto before = out_.findings.size();
    YamlMap map(context, node, "objective");
    if (const auto name = map.text("displayName"); !name.empty())
      slo.display_name += (slo.display_name.empty() ? "" : ": ") + name;
    read_target_share(context, map, slo);
    if (map.has("indicator") || map.has("indicatorRef")) {
      indicator = indicator_of(context, map);
      told = told || out_.findings.size() != before;
    }
    if (map.has("compositeWeight"))
      map.report("compositeWeight",
                 "weighted composites are not evaluated; write one SLO for each part");
    read_slice(context, map, slo);
    if (indicator) read_limit(map, *indicator);
    if (!indicator && !told && map.valid() && out_.findings.size() == before)
      map.report("indicator", "the SLO needs 'indicator' or 'indicatorRef'");
    map.finish();
    if (!indicator) return;
    slo.indicator = *indicator;
    // Levels and slices are few and each is a stretch of time: one of them is no accident.
    if (slo.alerts.failures_min == kFailuresMinDefault && !counts_events(slo))
      slo.alerts.failures_min = 1;
    if (out_.findings.size() == before) check_slo(context, node, slo);
    if (!slo_names_.insert(slo.name).second)
      context.report(node, "the objective is called '" + slo.name +
                               "' as another one is; name one of the SLOs otherwise");
    out_.slos.push_back(std::move(slo));
  }

  static bool counts_events(const Slo& slo) {
    return slo.budgeting == Budgeting::kOccurrences &&
           slo.indicator.kind == Indicator::Kind::kRatio && slo.indicator.counter;
  }

  static void read_target_share(const YamlContext& context, YamlMap& map, Slo& slo) {
    const bool percent = map.has("targetPercent");
    if (map.valid() && percent == map.has("target")) {
      map.report("target", "an objective needs one of 'target' and 'targetPercent'");
      return;
    }
    const auto value = percent ? tidy(map.number("targetPercent", 99, 0, 100) / 100)
                               : map.number("target", 0.99, 0, 1);
    if (value <= 0 || value > kObjectiveMax) {
      context.report(*map.member(percent ? "targetPercent" : "target"),
                     value > kObjectiveMax
                         ? "an objective of 100 % has no budget; allowed: less, such as 99.9 %"
                         : "an objective of 0 % is none");
      return;
    }
    slo.objective = value;
  }

  static void read_slice(const YamlContext& context, YamlMap& map, Slo& slo) {
    const bool slices = slo.budgeting != Budgeting::kOccurrences;
    if (const auto* window = map.member("timeSliceWindow")) {
      // A number alone counts minutes.
      if (const auto minutes = parse_int(window->scalar); minutes && *minutes > 0 && *minutes <= 60)
        slo.slice = *minutes * Duration(1min);
      else if (const auto length = read_shorthand(context, *window, "timeSliceWindow"))
        slo.slice = *length;
    } else if (slices && map.valid()) {
      map.report("timeSliceWindow",
                 "'timeSliceWindow' is missing, which the budgeting method needs");
    }
    if (slo.budgeting == Budgeting::kTimeslices && map.valid() && !map.has("timeSliceTarget"))
      map.report("timeSliceTarget", "'timeSliceTarget' is missing, which Timeslices needs");
    slo.slice_target = map.number("timeSliceTarget", 1, 0, 1);
  }

  static void read_limit(YamlMap& map, Indicator& indicator) {
    const bool wanted = indicator.kind == Indicator::Kind::kThreshold;
    for (const auto* member : {"op", "value"}) {
      if (wanted && map.valid() && !map.has(member))
        map.report(member,
                   "'" + std::string(member) + "' is missing, which a thresholdMetric needs");
    }
    const auto op = map.word("op", "lte", {"lt", "lte", "gt", "gte"});
    const auto value = map.number("value", 0, -1e18, 1e18);
    if (!wanted) return;  // of a ratio they say nothing
    indicator.limit = limit_of(op).value_or(Limit::kLessEqual);
    indicator.threshold = value;
  }

  SloFile& out_;
  std::deque<YamlContext> contexts_;
  std::deque<YamlNode> roots_;
  std::map<std::string, std::vector<Object>> objects_;
  std::set<std::pair<std::string, std::string>> names_;
  std::set<std::string> slo_names_;
  Registry registry_;
};

}  // namespace

SloFile parse_open_slo(const std::vector<SloSource>& sources) {
  SloFile file;
  Reader(file).read(sources);
  return file;
}

}  // namespace holdfast::detect::slo
