// Which burn rates wake somebody up.
//
// An alert on the error ratio of one window is either late (long window) or nervous (short window), and goes on long after the
// trouble is over. The workbook's answer is pairs: the long window says that a real share of the budget is gone, the short one, a
// twelfth of it, that it is still going. Its four pairs for 30 days are the shares of the budget below, and the factor follows:
//
//     factor = share * objective's window / long window         2 % in 1 h of 720 h: 0.02 * 720 / 1 = 14.4
//
//     share   long   short   factor at 30 d   at 7 d   at 90 d
//      2 %    1h     5m      14.4             3.36     43.2      page
//      5 %    6h     30m      6               1.4      18        page
//     10 %    1d     2h       3               1         9        ticket
//     10 %    3d     6h       1               1         3        ticket
//
// Two corrections keep the formula honest where it was not made for. A factor below 1 would complain of a service that keeps its
// objective, so 1 is the least. And 14.4 times the budget of a 90 % objective would be 144 % errors, which nothing can reach: the
// ratio asked for is never more than a half, so that a total outage is told whatever the objective. A long window of more
// than half the objective's is left out.
//
// Windows up to 6h are counted from the indicator itself, so they know the past from the first evaluation on. Longer ones are the
// sums of what was recorded of the shortest: two series, whatever the indicator has; a new objective has no ratio of a day before a quarter
// of it is known. Weighed by traffic, as it should be, unlike an average
// of ratios.
#include "detect/slo/burn_rules.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"
#include "detect/slo/indicator.h"

namespace holdfast::detect::slo {
namespace {

struct Share {
  Duration long_window, short_window;
  double share;
  bool page;
};
constexpr Share kShares[] = {{1h, 5min, 0.02, true},
                             {6h, 30min, 0.05, true},
                             {24h, 2h, 0.10, false},
                             {72h, 6h, 0.10, false}};
constexpr double kFactorMin = 1.0;
constexpr double kErrorRatioMax = 0.5;
constexpr Duration kDirectMax = 6h;
constexpr double kKnownMin = 0.25;  // of a recorded window: less says nothing about a day
constexpr Duration kShortest = 5min;

std::string ratio_name(Duration window) {
  return "slo:sli_error:ratio_rate" + format_duration(window);
}
std::string total_name(Duration window) {
  return "slo:sli_total:increase" + format_duration(window);
}
std::string bad_name(Duration window) { return "slo:sli_bad:increase" + format_duration(window); }

class GroupMaker {
 public:
  explicit GroupMaker(const Slo& slo) : slo_(slo), selector_("{slo=\"" + slo.name + "\"}") {
    group_.name = "slo/" + slo.name;
    group_.file = slo.place.file;
    group_.interval = kRuleInterval;
    identity_ = {{"slo", slo.name}};
    if (!slo.service.empty()) identity_.push_back({"service", slo.service});
  }

  RuleGroup make() {
    for (const auto window : recorded_windows(slo_)) record_window(window);
    record_facts();
    if (slo_.alerts.multiwindow) {
      add_burn_alert(true);
      add_burn_alert(false);
    }
    for (const auto& condition : slo_.alerts.conditions) add_condition(condition);
    add_no_data();
    return std::move(group_);
  }

 private:
  // The name with this objective's selector.
  std::string of(const std::string& name) const { return name + selector_; }

  void record(const std::string& name, const std::string& query) {
    RecordingRule rule;
    rule.record = name;
    rule.query = query;
    rule.expr = parsed(query);
    rule.labels = model::Labels(identity_);
    rule.place = slo_.place;
    group_.rules.emplace_back(std::move(rule));
  }

  static query::promql::ExprPtr parsed(const std::string& query) {
    auto expr = query::promql::parse_expr(query);
    HF_CHECK(expr.has_value(), "a generated rule does not parse: " + query);
    return *expr;
  }

  static std::string checked(Result<std::string> query) {
    HF_CHECK(query.has_value(), "an indicator that was not checked");
    return *std::move(query);
  }

  void record_window(Duration window) {
    if (window <= kDirectMax) {
      record(total_name(window), checked(total_over(slo_, window, Counting::kPlain)));
      record(bad_name(window), checked(bad_over(slo_, window, Counting::kPlain)));
    } else {
      // Each unit was counted once an evaluation for as long as the shortest window had it.
      const auto times = to_seconds(std::max(kShortest, slo_.slice)) / to_seconds(kRuleInterval);
      const auto sum = [&](const std::string& name) {
        return "sum_over_time(" + of(name) + "[" + format_duration(window) + "]) / " +
               format_double(times);
      };
      record(total_name(window), sum(total_name(kShortest)));
      record(bad_name(window), sum(bad_name(kShortest)));
    }
    auto ratio = of(bad_name(window)) + " / (" + of(total_name(window)) + " > 0)";
    if (window > kDirectMax && window != slo_.window.length) {
      const auto enough = to_seconds(window) / to_seconds(kRuleInterval) * kKnownMin;
      ratio += " and count_over_time(" + of(total_name(kShortest)) + "[" + format_duration(window) +
               "]) >= " + format_double(enough);
    }
    record(ratio_name(window), ratio);
  }

  void record_facts() {
    const auto budget = format_double(slo_.budget());
    record("slo:objective:ratio", "vector(" + format_double(slo_.objective) + ")");
    record("slo:error_budget:ratio", "vector(" + budget + ")");
    record("slo:current_burn_rate:ratio", of(ratio_name(kShortest)) + " / " + budget);
    if (!slo_.window.rolling()) return;
    record("slo:period_burn_rate:ratio", of(ratio_name(slo_.window.length)) + " / " + budget);
    record("slo:period_error_budget_remaining:ratio", "1 - " + of("slo:period_burn_rate:ratio"));
  }

  std::string burning(Duration window, const std::string& factor) const {
    return of(ratio_name(window)) + " / " + format_double(slo_.budget()) + " > " + factor;
  }

  void add_burn_alert(bool page) {
    std::string query;
    for (const auto& pair : burn_pairs(slo_)) {
      if (pair.page != page) continue;
      const auto factor = format_double(pair.factor);
      auto both = burning(pair.long_window, factor) + " and " + burning(pair.short_window, factor);
      if (slo_.alerts.failures_min > 1)
        both += " and " + of(bad_name(pair.long_window)) + " >= " + format_double(enough());
      query += (query.empty() ? "(" : " or (") + both + ")";
    }
    if (query.empty()) return;
    auto rule =
        alert(kBurnAlert, page ? slo_.alerts.page_severity : slo_.alerts.ticket_severity, query);
    describe(rule, page ? "is burning fast" : "is burning",
             "The error budget of " + title() + " (" + objective_text() +
                 ") burns {{ $value | printf \"%.1f\" }} times as fast as it may.");
    group_.rules.emplace_back(std::move(rule));
  }

  // Increases are extrapolated: two failures may be counted as 2.03, or three as 2.98.
  double enough() const { return slo_.alerts.failures_min - 0.5; }

  void add_condition(const BurnCondition& condition) {
    const auto window = format_duration(condition.lookback);
    const auto query = checked(bad_over(slo_, condition.lookback, Counting::kPlain)) + " / (" +
                       checked(total_over(slo_, condition.lookback, Counting::kPlain)) +
                       " > 0) / " + format_double(slo_.budget()) + " " +
                       std::string(limit_text(condition.limit)) + " " +
                       format_double(condition.threshold);
    auto rule = alert(kBurnAlert, condition.severity, query);
    rule.hold = condition.hold;
    rule.labels = rule.labels.with("policy", condition.policy).with("condition", condition.name);
    describe(rule, "burns as policy " + condition.policy + " forbids",
             "The error budget of " + title() + " (" + objective_text() +
                 ") burns {{ $value | printf \"%.1f\" }} times as fast as it may, over " + window +
                 ".");
    group_.rules.emplace_back(std::move(rule));
  }

  void add_no_data() {
    if (!slo_.alerts.no_data_after) return;
    auto rule = alert(kNoDataAlert, slo_.alerts.ticket_severity,
                      "absent(" + of(total_name(kShortest)) + ")");
    rule.hold = *slo_.alerts.no_data_after;
    describe(rule, "has no data",
             "The indicator of " + title() + " (" + objective_text() +
                 ") has no data; nobody knows whether it is kept.");
    group_.rules.emplace_back(std::move(rule));
  }

  AlertingRule alert(const std::string& name, const std::string& severity,
                     const std::string& query) {
    AlertingRule rule;
    rule.alert = name;
    rule.query = query;
    rule.expr = parsed(query);
    rule.place = slo_.place;
    auto labels = identity_;
    labels.push_back({"severity", severity});
    rule.labels = merged(labels, slo_.alerts.labels);
    return rule;
  }

  void describe(AlertingRule& rule, const std::string& what, const std::string& description) const {
    rule.annotations = merged(
        {{"summary", "The error budget of " + title() + " " + what}, {"description", description}},
        slo_.alerts.annotations);
  }

  // Ours, and what was asked for under other names.
  static model::Labels merged(const std::vector<model::Label>& ours, const model::Labels& wished) {
    auto all = wished.all();
    all.insert(all.end(), ours.begin(), ours.end());  // the later one of a name stands
    return model::Labels(std::move(all));
  }

  // Inside a template: braces of a name would be an action.
  std::string title() const {
    const auto& text = slo_.display_name.empty() ? slo_.name : slo_.display_name;
    return text.find("{{") == std::string::npos ? text : slo_.name;
  }
  std::string objective_text() const {
    return format_double(tidy(slo_.objective * 100)) + " %, " + slo_.window.brief();
  }

  const Slo& slo_;
  const std::string selector_;
  std::vector<model::Label> identity_;
  RuleGroup group_;
};

}  // namespace

std::vector<BurnPair> burn_pairs(const Slo& slo) {
  std::vector<BurnPair> pairs;
  const auto length = to_seconds(slo.window.length);
  const auto factor_max = kErrorRatioMax / slo.budget();
  for (const auto& share : kShares) {
    if (share.long_window * 2 > slo.window.length && !pairs.empty()) continue;
    const auto by_share = share.share * length / to_seconds(share.long_window);
    const auto factor = tidy(std::min(std::max(by_share, kFactorMin), factor_max));
    pairs.push_back({share.long_window, share.short_window, factor,
                     tidy(factor * to_seconds(share.long_window) / length), share.page});
  }
  return pairs;
}

std::vector<Duration> recorded_windows(const Slo& slo) {
  std::vector<Duration> windows = {5min, 30min, 1h, 2h, 6h, 24h, 72h};
  if (!slo.window.rolling()) return windows;
  // The whole window may be one of them, or shorter than some.
  std::erase_if(windows, [&](Duration window) { return window > slo.window.length; });
  if (windows.back() != slo.window.length) windows.push_back(slo.window.length);
  return windows;
}

RuleGroup burn_rules(const Slo& slo) { return GroupMaker(slo).make(); }

namespace {

void append_labels(std::string& out, std::string_view name, const model::Labels& labels) {
  if (labels.empty()) return;
  out += "        " + std::string(name) + ":\n";
  for (const auto& label : labels)
    out += "          " + model::quote(label.name) + ": " + model::quote(label.value) + "\n";
}

}  // namespace

std::string rule_file_text(const std::vector<RuleGroup>& groups) {
  std::string out = "groups:\n";
  for (const auto& group : groups) {
    out += "  - name: " + model::quote(group.name) +
           "\n    interval: " + format_duration(group.interval) + "\n    rules:\n";
    for (const auto& rule : group.rules) {
      if (const auto* recording = std::get_if<RecordingRule>(&rule)) {
        out += "      - record: " + model::quote(recording->record) +
               "\n        expr: " + model::quote(recording->query) + "\n";
        append_labels(out, "labels", recording->labels);
        continue;
      }
      const auto& alerting = std::get<AlertingRule>(rule);
      out += "      - alert: " + model::quote(alerting.alert) +
             "\n        expr: " + model::quote(alerting.query) + "\n";
      if (alerting.hold > Duration::zero())
        out += "        for: " + format_duration(alerting.hold) + "\n";
      append_labels(out, "labels", alerting.labels);
      append_labels(out, "annotations", alerting.annotations);
    }
  }
  return out;
}

}  // namespace holdfast::detect::slo
