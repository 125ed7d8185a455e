#include "detect/slo/short_form.h"

#include "base/text.h"
#include "detect/slo/reader_parts.h"

namespace holdfast::detect::slo {
namespace {

struct Direction {
  const char* member;
  Limit limit;
};
constexpr Direction kDirections[] = {{"below", Limit::kLess},
                                     {"at_most", Limit::kLessEqual},
                                     {"above", Limit::kGreater},
                                     {"at_least", Limit::kGreaterEqual}};

struct CalendarWord {
  const char* word;
  Window::Unit unit;
  int count;
  Duration length;
};
constexpr CalendarWord kPeriods[] = {{"day", Window::Unit::kDay, 1, 24h},
                                     {"week", Window::Unit::kWeek, 1, 7 * 24h},
                                     {"month", Window::Unit::kMonth, 1, 30 * 24h},
                                     {"quarter", Window::Unit::kMonth, 3, 90 * 24h},
                                     {"year", Window::Unit::kYear, 1, 365 * 24h}};

// A Monday and the first of a month, a quarter and a year.
constexpr CivilTime kCalendarStart{2024, 1, 1, 0, 0, 0, 0};

class ItemReader {
 public:
  ItemReader(const YamlContext& context, const YamlNode& node) : context_(context), node_(node) {}

  std::optional<Slo> read() {
    const auto before = context_.findings->size();
    YamlMap map(context_, node_, "slo");
    if (!map.valid()) return std::nullopt;
    slo_.place = {context_.file, node_.line, node_.column};
    slo_.name = map.required_text("name");
    if (!slo_.name.empty() && !is_slo_name(slo_.name))
      map.report("name",
                 "'" + printable(slo_.name) +
                     "' is no name; allowed: letters, digits, '-', '_' and '.', at most 63");
    slo_.display_name = map.text("title");
    slo_.service = map.text("service");
    slo_.description = map.text("description");
    if (const auto* objective = map.member("objective"))
      slo_.objective = read_percent(context_, *objective, "objective", 99.99999).value_or(0.99);
    else
      map.report("objective", "'objective' is missing, such as 99.9 %");
    read_window(map);
    read_indicator(map);
    read_budgeting(map);
    slo_.alerts.failures_min = counts_events() ? kFailuresMinDefault : 1;
    if (const auto* alerts = map.member("alerts")) read_alerts(*alerts);
    map.finish();
    if (context_.findings->size() != before) return std::nullopt;
    check_slo(context_, node_, slo_);
    return context_.findings->size() == before ? std::optional(std::move(slo_)) : std::nullopt;
  }

 private:
  void read_window(YamlMap& map) {
    const auto text = map.text("window", "30d");
    const auto zone = map.text("zone");
    for (const auto& period : kPeriods) {
      if (text != period.word) continue;
      slo_.window.unit = period.unit;
      slo_.window.count = period.count;
      slo_.window.length = period.length;
      slo_.window.start = kCalendarStart;
      if (auto found = find_zone(zone))
        slo_.window.zone = *found;
      else
        map.report("zone", found.error().message());
      return;
    }
    if (!zone.empty())
      map.report("zone",
                 "'zone' of a window that rolls; allowed with day, week, month, quarter, year");
    const auto length = parse_duration(text);
    if (length)
      slo_.window.length = *length;
    else
      map.report("window",
                 "'window' is '" + printable(text) +
                     "'; allowed: a duration such as 30d, or day, week, month, quarter, year");
  }

  std::string query(YamlMap& map, const char* member, bool counter) {
    auto text = map.text(member);
    if (const auto* node = map.member(member)) check_query(context_, *node, member, text, counter);
    return text;
  }

  void read_indicator(YamlMap& map) {
    auto& indicator = slo_.indicator;
    int kinds = 0;
    for (const auto* member : {"total", "latency", "value", "success_ratio"})
      kinds += map.has(member) ? 1 : 0;
    if (kinds != 1)
      map.report("total",
                 "an slo needs one of 'total' (with 'good' or 'bad'), 'latency', 'value' and "
                 "'success_ratio'");
    for (const auto* member : {"good", "bad", "levels"}) {
      if (map.has(member) && !map.has("total"))
        map.report(member, "'" + std::string(member) + "' without 'total'");
    }
    if (map.has("total")) {
      indicator.counter = !map.boolean("levels", false);
      indicator.total = query(map, "total", indicator.counter);
      indicator.good = query(map, "good", indicator.counter);
      indicator.bad = query(map, "bad", indicator.counter);
      if (map.has("good") == map.has("bad"))
        map.report("total", "'total' needs one of 'good' and 'bad', and not both");
    }
    if (const auto* latency = map.member("latency")) read_latency(*latency);
    if (map.has("success_ratio")) {
      indicator.kind = Indicator::Kind::kRaw;
      indicator.value = query(map, "success_ratio", false);
    }
    read_value(map);
  }

  void read_value(YamlMap& map) {
    auto& indicator = slo_.indicator;
    const bool wanted = map.has("value");
    int limits = 0;
    for (const auto& direction : kDirections) {
      if (!map.has(direction.member)) continue;
      ++limits;
      indicator.limit = direction.limit;
      indicator.threshold = map.number(direction.member, 0, -1e18, 1e18);
      if (!wanted)
        map.report(direction.member, "'" + std::string(direction.member) + "' without 'value'");
    }
    if (!wanted) return;
    indicator.kind = Indicator::Kind::kThreshold;
    indicator.value = query(map, "value", false);
    if (limits != 1)
      map.report("value", "'value' needs one of 'below', 'at_most', 'above' and 'at_least'");
  }

  // The bucket of a classic histogram, or the share of a native one.
  void read_latency(const YamlNode& node) {
    YamlMap map(context_, node, "latency");
    auto& indicator = slo_.indicator;
    const auto histogram = map.required_text("histogram");
    if (!histogram.empty() && !model::is_metric_name(histogram))
      map.report("histogram", "'" + printable(histogram) + "' is no name of a metric");
    auto selector = std::string(trim(map.text("selector")));
    if (selector.starts_with('{') && selector.ends_with('}'))
      selector = trim(std::string_view(selector).substr(1, selector.size() - 2));
    if (!map.has("threshold")) map.report("threshold", "'threshold' is missing, such as 500ms");
    const auto threshold = map.duration("threshold", 1s, 1ms, 24h);
    const bool milliseconds =
        map.word("unit", "seconds", {"seconds", "milliseconds"}) == "milliseconds";
    const bool native = map.boolean("native", false);
    map.finish();
    const auto limit = format_double(tidy(to_seconds(threshold) * (milliseconds ? 1000 : 1)));
    if (native) {
      const auto series = histogram + "{" + selector + "}";
      indicator.total = "histogram_count(" + series + ")";
      indicator.good = indicator.total + " * histogram_fraction(0, " + limit + ", " + series + ")";
    } else {
      const auto comma = selector.empty() ? "" : ",";
      // "1" and "1.0" are the same bucket, written by different libraries.
      const auto whole = limit.find('.') == std::string::npos ? "(\\\\.0)?" : "";
      std::string escaped;
      for (const char c : limit) escaped += c == '.' ? std::string("\\\\.") : std::string(1, c);
      indicator.total = histogram + "_bucket{" + selector + comma + "le=\"+Inf\"}";
      indicator.good =
          histogram + "_bucket{" + selector + comma + "le=~\"" + escaped + whole + "\"}";
      indicator.good_exists = true;
    }
    if (histogram.empty()) return;
    check_query(context_, node, "latency", indicator.total, true);
  }

  bool counts_events() const {
    return slo_.budgeting == Budgeting::kOccurrences &&
           slo_.indicator.kind == Indicator::Kind::kRatio && slo_.indicator.counter;
  }

  void read_budgeting(YamlMap& map) {
    const auto method =
        map.word("budgeting", "occurrences", {"occurrences", "timeslices", "ratio_timeslices"});
    if (method == "timeslices") slo_.budgeting = Budgeting::kTimeslices;
    if (method == "ratio_timeslices") slo_.budgeting = Budgeting::kRatioTimeslices;
    slo_.slice = map.duration("slice", 1min, kSliceMin, kSliceMax);
    if (const auto* target = map.member("slice_target")) {
      if (slo_.budgeting != Budgeting::kTimeslices)
        map.report("slice_target", "'slice_target' without 'budgeting: timeslices'");
      slo_.slice_target = read_percent(context_, *target, "slice_target").value_or(1);
    }
  }

  void read_alerts(const YamlNode& node) {
    YamlMap map(context_, node, "alerts");
    auto& alerts = slo_.alerts;
    alerts.multiwindow = map.boolean("multiwindow", true);
    alerts.page_severity = map.text("page", alerts.page_severity);
    alerts.ticket_severity = map.text("ticket", alerts.ticket_severity);
    alerts.failures_min =
        static_cast<int>(map.integer("failures_min", alerts.failures_min, 0, 1'000'000));
    if (map.has("no_data_after"))
      alerts.no_data_after = map.duration("no_data_after", 10min, 0s, 30 * 24h);
    alerts.labels = labels(map, "labels");
    alerts.annotations = labels(map, "annotations");
    map.finish();
  }

  model::Labels labels(YamlMap& map, const char* member) {
    std::vector<model::Label> found;
    for (const auto& [name, value] : map.text_map(member)) {
      if (!model::is_label_name(name))
        map.report(member, "invalid name in '" + std::string(member) + "': " + printable(name));
      found.push_back({name, value});
    }
    return model::Labels(std::move(found));
  }

  const YamlContext& context_;
  const YamlNode& node_;
  Slo slo_;
};

}  // namespace

std::optional<Slo> read_short_form(const YamlContext& context, const YamlNode& node) {
  return ItemReader(context, node).read();
}

}  // namespace holdfast::detect::slo
