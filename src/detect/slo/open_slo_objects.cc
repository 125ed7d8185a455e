#include "detect/slo/open_slo_objects.h"

#include "base/text.h"
#include "detect/slo/reader_parts.h"

namespace holdfast::detect::slo {
namespace {

constexpr Duration kNoDataAfterDefault = 10min;

std::vector<std::string> names_of(const auto& registered) {
  std::vector<std::string> names;
  for (const auto& [name, value] : registered) names.push_back(name);
  return names;
}

// "no SLI 'x' in these files; did you mean 'y'?"
std::string unknown(std::string_view kind, const std::string& name,
                    const std::vector<std::string>& known) {
  const auto near = nearest(name, known);
  return "no " + std::string(kind) + " '" + printable(name) + "' in these files" +
         (near.empty() ? "" : "; did you mean '" + near + "'?");
}

// A metric source: the PromQL of it.
std::string read_metric(const YamlContext& context, const YamlNode& node, const std::string& what,
                        bool counter, const Registry& registry) {
  YamlMap outer(context, node, what);
  const auto* source = outer.member("metricSource");
  // Older documents leave the level out.
  YamlMap map(context, source == nullptr ? node : *source, what);
  if (const auto ref = map.text("metricSourceRef"); !ref.empty()) {
    const auto found = registry.source_types.find(ref);
    if (found == registry.source_types.end())
      map.report("metricSourceRef", unknown("DataSource", ref, names_of(registry.source_types)));
    else if (!is_promql_source(found->second))
      map.report("metricSourceRef", "DataSource '" + ref + "' is of type '" +
                                        printable(found->second) + "'; allowed: Prometheus");
  }
  if (const auto type = map.text("type"); !type.empty() && !is_promql_source(type))
    map.report("type", "a metric source of type '" + printable(type) + "'; allowed: Prometheus");
  std::string query;
  if (const auto* spec = map.member("spec")) {
    YamlMap inner(context, *spec, "the spec of '" + what + "'");
    const char* member = inner.has("query") ? "query" : inner.has("promql") ? "promql" : "query";
    query = inner.required_text(member);
    if (!query.empty()) check_query(context, *inner.member(member), what, query, counter);
    inner.finish();
  } else if (map.valid()) {
    map.report("spec", "'" + what + "' has no 'spec' with a 'query'");
  }
  map.finish();
  if (source != nullptr) outer.finish();
  return query;
}

void read_ratio(const YamlContext& context, const YamlNode& node, const Registry& registry,
                Indicator& indicator) {
  YamlMap map(context, node, "ratioMetric");
  indicator.counter = map.boolean("counter", !map.has("raw"));
  const auto metric = [&](const char* name, bool counter) -> std::string {
    const auto* member = map.member(name);
    return member == nullptr ? "" : read_metric(context, *member, name, counter, registry);
  };
  if (map.has("raw")) {
    indicator.kind = Indicator::Kind::kRaw;
    if (indicator.counter) map.report("counter", "a raw ratio is a level, not a counter");
    indicator.raw_is_failure = map.word("rawType", "success", {"success", "failure"}) == "failure";
    indicator.value = metric("raw", false);
    for (const auto* other : {"good", "bad", "total"}) {
      if (map.has(other))
        map.report(other, "'" + std::string(other) + "' next to 'raw'; one of the two is allowed");
    }
  } else {
    indicator.good = metric("good", indicator.counter);
    indicator.bad = metric("bad", indicator.counter);
    indicator.total = metric("total", indicator.counter);
    if (map.valid() && !map.has("total"))
      map.report("total", "ratioMetric needs 'total', or 'raw'");
    if (map.valid() && map.has("good") == map.has("bad"))
      map.report("good", "ratioMetric needs one of 'good' and 'bad', and not both");
    if (map.has("rawType")) map.report("rawType", "'rawType' without 'raw'");
  }
  map.finish();
}

}  // namespace

bool is_promql_source(std::string_view type) {
  for (const std::string_view known :
       {"prometheus", "holdfast", "mimir", "cortex", "thanos", "victoriametrics"}) {
    if (equals_ignoring_case(type, known)) return true;
  }
  return false;
}

std::optional<Limit> limit_of(std::string_view word) {
  if (word == "lt") return Limit::kLess;
  if (word == "lte") return Limit::kLessEqual;
  if (word == "gt") return Limit::kGreater;
  if (word == "gte") return Limit::kGreaterEqual;
  return std::nullopt;
}

Metadata read_metadata(const YamlContext& context, YamlMap& object, bool required) {
  Metadata metadata;
  const auto* node = object.member("metadata");
  if (node == nullptr) {
    if (required) object.report("metadata", "'metadata' with a 'name' is missing");
    return metadata;
  }
  YamlMap map(context, *node, "metadata");
  metadata.name = required ? map.required_text("name") : map.text("name");
  metadata.display_name = map.text("displayName");
  metadata.annotations = map.text_map("annotations");
  map.member("labels");  // texts or lists of them, for other tools
  if (!metadata.name.empty() && !is_slo_name(metadata.name))
    map.report("name", "'" + printable(metadata.name) +
                           "' is no name; allowed: letters, digits, '-', '_' and '.', at most 63");
  map.finish();
  return metadata;
}

std::optional<Duration> read_shorthand(const YamlContext& context, const YamlNode& node,
                                       const std::string& what) {
  const auto text = context.text(node, "'" + what + "'");
  if (!text) return std::nullopt;
  const auto wrong = [&]() -> std::optional<Duration> {
    context.report(node, "'" + what + "' is '" + printable(*text) +
                             "'; allowed: a whole number with m, h, d, w, M, Q or Y, such as 30d");
    return std::nullopt;
  };
  if (text->size() < 2 || text->size() > 6) return wrong();
  const auto count = parse_int(std::string_view(*text).substr(0, text->size() - 1));
  if (!count || *count < 1) return wrong();
  Duration unit{};
  switch (text->back()) {
    case 'm':
      unit = 1min;
      break;
    case 'h':
      unit = 1h;
      break;
    case 'd':
      unit = 24h;
      break;
    case 'w':
      unit = 7 * 24h;
      break;
    case 'M':
      unit = 30 * 24h;
      break;
    case 'Q':
      unit = 90 * 24h;
      break;
    case 'Y':
      unit = 365 * 24h;
      break;
    default:
      return wrong();
  }
  if (*count > kWindowMax / unit) {
    context.report(node, "'" + what + "' is '" + printable(*text) + "'; allowed: up to 400d");
    return std::nullopt;
  }
  return *count * unit;
}

void read_source(const YamlContext& context, const YamlNode& spec, const std::string& name,
                 Registry& registry) {
  YamlMap map(context, spec, "DataSource");
  map.text("description");
  registry.source_types[name] = map.required_text("type");
  map.member("connectionDetails");
  map.finish();
}

std::optional<Indicator> read_indicator(const YamlContext& context, const YamlNode& spec,
                                        const Registry& registry) {
  const auto before = context.findings->size();
  YamlMap map(context, spec, "SLI");
  Indicator indicator;
  map.text("description");
  const auto* threshold = map.member("thresholdMetric");
  const auto* ratio = map.member("ratioMetric");
  if (map.valid() && (threshold == nullptr) == (ratio == nullptr))
    map.report("ratioMetric", "an SLI needs one of 'ratioMetric' and 'thresholdMetric'");
  if (threshold != nullptr) {
    indicator.kind = Indicator::Kind::kThreshold;
    indicator.value = read_metric(context, *threshold, "thresholdMetric", false, registry);
  }
  if (ratio != nullptr) read_ratio(context, *ratio, registry, indicator);
  map.finish();
  if (context.findings->size() != before) return std::nullopt;
  return indicator;
}

std::optional<BurnCondition> read_condition(const YamlContext& context, const YamlNode& spec,
                                            const std::string& name) {
  const auto before = context.findings->size();
  YamlMap map(context, spec, "AlertCondition");
  BurnCondition condition;
  condition.name = name;
  map.text("description");
  condition.severity = map.required_text("severity");
  if (const auto* node = map.member("condition")) {
    YamlMap inner(context, *node, "condition");
    inner.word("kind", "burnrate", {"burnrate"});
    if (!inner.has("kind")) inner.report("kind", "'kind' is missing; allowed: burnrate");
    condition.limit = *limit_of(inner.word("op", "gte", {"lt", "lte", "gt", "gte"}));
    if (!inner.has("threshold")) inner.report("threshold", "'threshold', a burn rate, is missing");
    condition.threshold = inner.number("threshold", 1, 0, 1e6);
    if (const auto* lookback = inner.member("lookbackWindow"))
      condition.lookback = read_shorthand(context, *lookback, "lookbackWindow").value_or(1h);
    else
      inner.report("lookbackWindow", "'lookbackWindow' is missing, such as 1h");
    if (const auto* after = inner.member("alertAfter"))
      condition.hold = read_shorthand(context, *after, "alertAfter").value_or(Duration::zero());
    inner.finish();
  } else if (map.valid()) {
    map.report("condition", "'condition' is missing");
  }
  map.finish();
  if (context.findings->size() != before) return std::nullopt;
  return condition;
}

namespace {

void read_condition_item(const YamlContext& context, const YamlNode& node, const Registry& registry,
                         std::vector<BurnCondition>& conditions) {
  YamlMap map(context, node, "condition");
  if (map.has("conditionRef")) {
    const auto ref = map.text("conditionRef");
    const auto found = registry.conditions.find(ref);
    if (found == registry.conditions.end())
      map.report("conditionRef", unknown("AlertCondition", ref, names_of(registry.conditions)));
    else if (found->second)
      conditions.push_back(*found->second);
  } else {
    map.word("kind", "AlertCondition", {"AlertCondition"});
    const auto metadata = read_metadata(context, map, false);
    if (const auto* spec = map.member("spec")) {
      if (auto condition = read_condition(context, *spec, metadata.name))
        conditions.push_back(std::move(*condition));
    } else if (map.valid()) {
      map.report("spec", "a condition needs 'conditionRef' or 'spec'");
    }
  }
  map.finish();
}

void read_target_item(const YamlContext& context, const YamlNode& node, const Registry& registry) {
  YamlMap map(context, node, "notification target");
  if (const auto ref = map.text("targetRef"); !ref.empty() && !registry.targets.contains(ref))
    map.report("targetRef", unknown("AlertNotificationTarget", ref,
                                    {registry.targets.begin(), registry.targets.end()}));
  map.text("kind");
  read_metadata(context, map, false);
  map.member("spec");  // who is told is decided by the routes
  map.finish();
}

}  // namespace

AlertPolicyParts read_policy(const YamlContext& context, const YamlNode& spec,
                             const std::string& name, const Registry& registry) {
  AlertPolicyParts parts;
  YamlMap map(context, spec, "AlertPolicy");
  map.text("description");
  const bool when_breaching = map.boolean("alertWhenBreaching", true);
  const bool when_no_data = map.boolean("alertWhenNoData", false);
  map.boolean("alertWhenResolved", true);  // receivers decide, by send_resolved
  const auto items = map.list("conditions");
  if (map.valid() && items.empty()) map.report("conditions", "an AlertPolicy needs 'conditions'");
  for (const auto* item : items) read_condition_item(context, *item, registry, parts.conditions);
  for (const auto* item : map.list("notificationTargets"))
    read_target_item(context, *item, registry);
  map.finish();
  for (auto& condition : parts.conditions) condition.policy = name;
  if (when_no_data) {
    parts.no_data_after = kNoDataAfterDefault;
    if (!parts.conditions.empty() && parts.conditions.front().hold > Duration::zero())
      parts.no_data_after = parts.conditions.front().hold;
  }
  if (!when_breaching) parts.conditions.clear();
  return parts;
}

}  // namespace holdfast::detect::slo
