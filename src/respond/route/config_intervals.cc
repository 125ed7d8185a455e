// time_intervals and mute_time_intervals of alertmanager.yml.
#include "base/zones.h"
#include "respond/route/config_reader.h"

namespace holdfast::respond::route {
namespace {

constexpr std::string_view kIntervalType = "timeinterval.TimeInterval";
constexpr std::string_view kTimesType = "timeinterval.yamlTimeRange";

using ParseRange = Result<Range> (*)(std::string_view);

std::vector<Range> read_ranges(StrictYaml& yaml, const YamlNode& node, std::string_view go_type,
                               ParseRange parse) {
  std::vector<Range> ranges;
  for (const auto& item : yaml.items(node, go_type)) {
    const auto text = yaml.text(item);
    if (!text || yaml.stopped()) continue;
    auto range = parse(*text);
    if (range)
      ranges.push_back(*range);
    else
      yaml.refuse(item.line, range.error().message());
  }
  return ranges;
}

void read_time(StrictYaml& yaml, const YamlNode& node, std::vector<Range>& times) {
  if (node.kind != YamlNode::Kind::kMap) {
    yaml.cannot(node, kTimesType);
    return;
  }
  const auto before = yaml.mismatches();
  std::string start;
  std::string end;
  for (const auto& [key, value] : node.members) {
    if (key.scalar == "start_time")
      start = yaml.text(value).value_or("");
    else if (key.scalar == "end_time")
      end = yaml.text(value).value_or("");
    else
      yaml.unknown_field(key, kTimesType);
  }
  if (!yaml.clean_since(before)) return;
  auto range = parse_time_range(start, end);
  if (range)
    times.push_back(*range);
  else
    yaml.refuse(node.line, range.error().message());
}

void read_location(StrictYaml& yaml, const YamlNode& node, TimeInterval& interval) {
  if (node.kind == YamlNode::Kind::kNull) return;
  const auto name = yaml.text(node);
  if (!name || yaml.stopped()) return;
  if (auto zone = find_zone(*name); !zone) yaml.refuse(node.line, zone.error().message());
  interval.location = *name;
}

void read_member(StrictYaml& yaml, const YamlNode& key, const YamlNode& node,
                 TimeInterval& interval) {
  if (key.scalar == "times") {
    for (const auto& item : yaml.items(node, "[]timeinterval.TimeRange"))
      read_time(yaml, item, interval.times);
  } else if (key.scalar == "weekdays") {
    interval.weekdays = read_ranges(yaml, node, "[]timeinterval.WeekdayRange", parse_weekday_range);
  } else if (key.scalar == "days_of_month") {
    interval.days_of_month =
        read_ranges(yaml, node, "[]timeinterval.DayOfMonthRange", parse_day_range);
  } else if (key.scalar == "months") {
    interval.months = read_ranges(yaml, node, "[]timeinterval.MonthRange", parse_month_range);
  } else if (key.scalar == "years") {
    interval.years = read_ranges(yaml, node, "[]timeinterval.YearRange", parse_year_range);
  } else if (key.scalar == "location") {
    read_location(yaml, node, interval);
    return;
  } else {
    yaml.unknown_field(key, kIntervalType);
    return;
  }
  if (node.kind == YamlNode::Kind::kSequence && node.items.empty()) interval.never = true;
}

TimeInterval read_interval(StrictYaml& yaml, const YamlNode& node) {
  TimeInterval interval;
  if (node.kind == YamlNode::Kind::kNull) return interval;
  if (node.kind != YamlNode::Kind::kMap) {
    yaml.cannot(node, kIntervalType);
    return interval;
  }
  for (const auto& [key, value] : node.members) read_member(yaml, key, value, interval);
  return interval;
}

IntervalDraft read_named(StrictYaml& yaml, const YamlNode& node, bool deprecated) {
  IntervalDraft draft;
  draft.line = node.line;
  if (node.kind == YamlNode::Kind::kNull) return draft;
  if (node.kind != YamlNode::Kind::kMap) {
    yaml.cannot(node, "config.plain");
    return draft;
  }
  const auto before = yaml.mismatches();
  for (const auto& [key, value] : node.members) {
    if (key.scalar == "name") {
      draft.name = yaml.text(value).value_or("");
    } else if (key.scalar == "time_intervals") {
      for (const auto& item : yaml.items(value, "[]timeinterval.TimeInterval"))
        draft.intervals.push_back(read_interval(yaml, item));
    } else {
      yaml.unknown_field(key, "config.plain");
    }
  }
  if (yaml.clean_since(before) && draft.name.empty())
    yaml.refuse(node.line, deprecated ? "missing name in mute time interval"
                                      : "missing name in time interval");
  return draft;
}

}  // namespace

std::vector<IntervalDraft> read_intervals(StrictYaml& yaml, const YamlNode& node, bool deprecated) {
  std::vector<IntervalDraft> drafts;
  const auto* type = deprecated ? "[]config.MuteTimeInterval" : "[]config.TimeInterval";
  for (const auto& item : yaml.items(node, type))
    drafts.push_back(read_named(yaml, item, deprecated));
  return drafts;
}

}  // namespace holdfast::respond::route
