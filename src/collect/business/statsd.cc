#include "collect/business/statsd.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace holdfast::collect {
namespace {

// More values in one line than any client sends.
constexpr std::size_t kValuesMax = 1000;

// Whether the name has the mapping's shape; `parts` are what the stars stood for, one dotted part each.
bool matches(std::string_view name, std::string_view pattern, std::vector<std::string>& parts) {
  parts.clear();
  const auto names = split(name, '.'), patterns = split(pattern, '.');
  if (names.size() != patterns.size()) return false;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (patterns[i] == "*")
      parts.emplace_back(names[i]);
    else if (patterns[i] != names[i])
      return false;
  }
  return true;
}

void name_event(std::string_view name, const StatsdOptions& options, BusinessEvent& event) {
  std::vector<std::string> parts;
  for (const auto& mapping : options.mappings) {
    if (!matches(name, mapping.match, parts)) continue;
    event.metric = mapping.metric;
    for (const auto& [label, text] : mapping.labels) {
      const auto value =
          expand_references(text, [&parts](std::string_view reference) -> std::string {
            const auto number = parse_int(reference);
            return number && *number >= 1 && static_cast<std::size_t>(*number) <= parts.size()
                       ? parts[static_cast<std::size_t>(*number) - 1]
                       : "";
          });
      event.labels.push_back({label, value});
    }
    return;
  }
  if (!options.prefix.empty() && name.starts_with(options.prefix))
    name.remove_prefix(options.prefix.size());
  event.metric = std::string(name);
  std::replace_if(
      event.metric.begin(), event.metric.end(),
      [](char c) { return c == '.' || c == '-' || c == ' ' || c == '/'; }, '_');
}

void add_tags(std::string_view tags, BusinessEvent& event) {
  for (const auto tag : split(tags, ',')) {
    if (tag.empty()) continue;
    const auto colon = tag.find(':');
    std::string name(tag.substr(0, colon));
    std::string value(colon == std::string_view::npos ? std::string_view() : tag.substr(colon + 1));
    const auto known = std::find_if(event.labels.begin(), event.labels.end(),
                                    [&](const auto& l) { return l.name == name; });
    if (known == event.labels.end()) event.labels.push_back({std::move(name), std::move(value)});
  }
}

Result<void> set_value(std::string_view text, std::string_view type, BusinessEvent& event) {
  if (type == "s") {
    if (text.empty()) return invalid("a set needs an id");
    event.id = std::string(text);
    return {};
  }
  const auto value = parse_double(text);
  if (!value || !std::isfinite(*value)) return invalid("'" + printable(text) + "' is no number");
  event.value = type == "ms" ? *value / 1000 : *value;
  if (type != "g") return {};
  const bool relative = text.starts_with('+') || text.starts_with('-');
  event.operation = relative ? BusinessEvent::Operation::kAdd : BusinessEvent::Operation::kSet;
  return {};
}

}  // namespace

Result<std::vector<BusinessEvent>> parse_statsd_line(std::string_view line,
                                                     const StatsdOptions& options) {
  const auto whole = [&line](Error error) {
    return std::move(error).context("statsd line '" + printable(line) + "'");
  };
  if (line.starts_with("_e{") || line.starts_with("_sc|"))
    return whole({Code::kUnsupported, "events and service checks are not metrics"});
  const auto sections = split(line, '|');
  const auto colon = sections[0].find(':');
  if (colon == std::string_view::npos || colon == 0)
    return whole(invalid("expected name:value|type"));
  if (sections.size() < 2) return whole(invalid("the type is missing; expected name:value|type"));
  const auto type = sections[1];
  constexpr std::string_view kTypes[] = {"c", "g", "ms", "h", "d", "s"};
  if (std::find(std::begin(kTypes), std::end(kTypes), type) == std::end(kTypes)) {
    return whole(invalid("type '" + printable(type) + "' is unknown; allowed: c, g, ms, h, d, s"));
  }
  BusinessEvent event;
  name_event(sections[0].substr(0, colon), options, event);
  for (const auto section : std::vector(sections.begin() + 2, sections.end())) {
    if (section.starts_with('#')) add_tags(section.substr(1), event);
    if (!section.starts_with('@'))
      continue;  // container ids and times of newer clients say nothing here
    const auto rate = parse_double(section.substr(1));
    if (!rate || !(*rate > 0) || *rate > 1)
      return whole(invalid("the rate '" + printable(section) + "' must be above 0 and at most 1"));
    if (type != "g" && type != "s") event.weight = 1 / *rate;
  }
  // An id may hold colons; numbers may not.
  const auto values = sections[0].substr(colon + 1);
  std::vector<BusinessEvent> events;
  const auto texts = type == "s" ? std::vector{values} : split(values, ':');
  if (texts.size() > kValuesMax)
    return whole(invalid("more than " + std::to_string(kValuesMax) + " values"));
  for (const auto text : texts) {
    auto one = event;
    if (auto set = set_value(text, type, one); !set) return whole(std::move(set).error());
    events.push_back(std::move(one));
  }
  return events;
}

}  // namespace holdfast::collect
