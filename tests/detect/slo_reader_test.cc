// OpenSLO documents and the short form: what is taken, and what is said of what is not.
#include <gmock/gmock.h>

#include "base/files.h"
#include "base/text.h"
#include "detect/slo/open_slo.h"
#include "slo_world.h"

namespace holdfast::detect::slo {
namespace {

constexpr char kWhole[] = R"(apiVersion: openslo/v1
kind: DataSource
metadata: { name: prom }
spec: { type: Prometheus, connectionDetails: { url: http://prometheus:9090 } }
---
apiVersion: openslo/v1
kind: Service
metadata: { name: checkout, displayName: The checkout }
spec: { description: Takes the money }
---
# SLIs may stand behind what refers to them.
apiVersion: openslo/v1
kind: SLO
metadata:
  name: checkout-availability
  displayName: Checkout availability
  labels: { team: [ shop, money ] }
  annotations: { holdfast.io/failures-min: "5", holdfast.io/page-severity: emergency }
spec:
  description: Users can pay
  service: checkout
  indicatorRef: checkout-requests
  timeWindow: [ { duration: 4w, isRolling: true } ]
  budgetingMethod: Occurrences
  objectives:
    - displayName: four nines
      target: 0.9999
---
apiVersion: openslo/v1
kind: SLI
metadata: { name: checkout-requests }
spec:
  ratioMetric:
    counter: true
    bad: { metricSource: { metricSourceRef: prom, type: Prometheus, spec: { query: 'requests_total{code=~"5.."}' } } }
    total: { metricSource: { metricSourceRef: prom, spec: { query: requests_total } } }
---
apiVersion: openslo/v1
kind: SLO
metadata: { name: latency }
spec:
  service: checkout
  indicator:
    metadata: { name: inline }
    spec:
      thresholdMetric:
        metricSource: { type: prometheus, spec: { query: p95_seconds } }
  timeWindow:
    - duration: 1M
      isRolling: false
      calendar: { startTime: 2026-01-01 00:00:00, timeZone: Asia/Shanghai }
  budgetingMethod: Timeslices
  objectives:
    - { displayName: fast, op: lte, value: 0.3, targetPercent: 95, timeSliceTarget: 0.9, timeSliceWindow: 5m }
    - { displayName: bearable, op: lt, value: 1, target: 0.99, timeSliceTarget: 0.9, timeSliceWindow: 2 }
  alertPolicies:
    - alertPolicyRef: fast
    - kind: AlertPolicy
      metadata: { name: slow }
      spec:
        alertWhenNoData: true
        conditions:
          - kind: AlertCondition
            metadata: { name: burn1 }
            spec: { severity: ticket, condition: { kind: burnrate, op: gt, threshold: 1, lookbackWindow: 1d, alertAfter: 1h } }
---
apiVersion: openslo/v1
kind: AlertPolicy
metadata: { name: fast }
spec:
  conditions: [ { conditionRef: burn2 } ]
  notificationTargets: [ { targetRef: devs } ]
---
apiVersion: openslo/v1
kind: AlertCondition
metadata: { name: burn2 }
spec: { severity: page, condition: { kind: burnrate, op: gte, threshold: 2, lookbackWindow: 1h } }
---
apiVersion: openslo/v1
kind: AlertNotificationTarget
metadata: { name: devs }
spec: { target: email }
)";

TEST(OpenSlo, ReadsEveryKindInAnyOrder) {
  const auto file = parse_open_slo({{"slo.yml", kWhole}});
  ASSERT_TRUE(file.findings.empty()) << file.findings[0].text();
  ASSERT_EQ(file.slos.size(), 3U);
  ASSERT_EQ(file.services.size(), 1U);
  EXPECT_EQ(file.services[0].display_name, "The checkout");

  const auto& availability = file.slos[0];
  EXPECT_EQ(availability.name, "checkout-availability");
  EXPECT_EQ(availability.display_name, "Checkout availability: four nines");
  EXPECT_EQ(availability.service, "checkout");
  EXPECT_EQ(availability.objective, 0.9999);
  EXPECT_EQ(availability.budget(), 0.0001);
  EXPECT_EQ(availability.window.length, Duration(28 * 24h));
  EXPECT_EQ(availability.indicator.total, "requests_total");
  EXPECT_EQ(availability.indicator.bad, "requests_total{code=~\"5..\"}");
  EXPECT_TRUE(availability.indicator.counter);
  EXPECT_TRUE(availability.alerts.multiwindow);
  EXPECT_EQ(availability.alerts.failures_min, 5);
  EXPECT_EQ(availability.alerts.page_severity, "emergency");
  EXPECT_EQ(availability.place.line, 12);

  const auto& fast = file.slos[1];
  EXPECT_EQ(fast.name, "latency-1");
  EXPECT_EQ(fast.budgeting, Budgeting::kTimeslices);
  EXPECT_EQ(fast.slice, Duration(5min));
  EXPECT_EQ(fast.slice_target, 0.9);
  EXPECT_EQ(fast.objective, 0.95);
  EXPECT_EQ(fast.indicator.threshold, 0.3);
  EXPECT_EQ(fast.window.text(), "each month from 2026-01-01 00:00 Asia/Shanghai");
  EXPECT_FALSE(fast.alerts.multiwindow);
  ASSERT_EQ(fast.alerts.conditions.size(), 2U);
  EXPECT_EQ(fast.alerts.conditions[0].policy, "fast");
  EXPECT_EQ(fast.alerts.conditions[0].threshold, 2);
  EXPECT_EQ(fast.alerts.conditions[1].hold, Duration(1h));
  EXPECT_EQ(fast.alerts.no_data_after, Duration(1h));
  EXPECT_EQ(file.slos[2].name, "latency-2");
  EXPECT_EQ(file.slos[2].slice, Duration(2min));
  EXPECT_EQ(file.slos[2].indicator.limit, Limit::kLess);
  for (const auto& slo : file.slos) EXPECT_FALSE(burn_rules(slo).rules.empty());
}

TEST(OpenSlo, ReferencesReachOverFiles) {
  const std::string_view whole = kWhole;
  const auto half = whole.find("---\napiVersion: openslo/v1\nkind: SLI");
  const auto file =
      parse_open_slo({{"b.yml", whole.substr(half)}, {"a.yml", whole.substr(0, half)}});
  EXPECT_TRUE(file.findings.empty()) << file.findings[0].text();
  EXPECT_EQ(file.slos.size(), 3U);
}

std::string slo_with(const std::string& from, const std::string& to) {
  std::string text = R"(apiVersion: openslo/v1
kind: SLO
metadata: { name: a }
spec:
  service: s
  indicator:
    spec:
      ratioMetric:
        counter: true
        good: { metricSource: { type: Prometheus, spec: { query: good_total } } }
        total: { metricSource: { type: Prometheus, spec: { query: all_total } } }
  timeWindow: [ { duration: 30d, isRolling: true } ]
  budgetingMethod: Occurrences
  objectives: [ { target: 0.99 } ]
)";
  if (from.empty()) return text;
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(OpenSlo, SaysWhatIsWrongAndWhere) {
  ASSERT_TRUE(parse_open_slo({{"f", slo_with("", "")}}).findings.empty());
  struct Case {
    std::string from, to, want;
  };
  for (const auto& one : std::vector<Case>{
           {"openslo/v1", "openslo/v2alpha",
            "f:1:13: 'apiVersion' is 'openslo/v2alpha'; allowed: openslo/v1"},
           {"kind: SLO", "kind: Slo", "f:2:7: 'kind' is 'Slo'; allowed: SLO, SLI, Service"},
           {"{ name: a }", "{ name: a b }", "f:3:19: 'a b' is no name"},
           {"{ name: a }", "{ displayName: a }", "f:3:11: metadata needs 'name'"},
           {"service: s", "servicee: s", "f:5:3: "},
           {"good_total", "sum(good_total", "f:10:"},
           {"good_total", "'irate(good_total[5m])'", "'irate' cannot be counted over a window"},
           {"good_total", "avg(good_total)", "'avg' of a counter; counts may only be summed"},
           {"good_total", "12", "the query gives a scalar"},
           {"good_total", "'increase(x[5m])[1h:5m]'", "the query gives a range vector"},
           {"type: Prometheus", "type: Datadog",
            "a metric source of type 'Datadog'; allowed: Prometheus"},
           {"type: Prometheus", "metricSourceRef: p", "no DataSource 'p' in these files"},
           {"good:", "bad:", ""},
           {"        total:", "        bad:", "f:9:9: ratioMetric needs 'total', or 'raw'"},
           {"isRolling: true", "isRolling: false", "a window that does not roll needs 'calendar'"},
           {"duration: 30d", "duration: 30x",
            "f:12:29: 'duration' is '30x'; allowed: a whole number with m, h, d, w, M, Q or Y"},
           {"duration: 30d", "duration: 99Y", "'duration' is '99Y'; allowed: up to 400d"},
           {"duration: 30d", "duration: 5m", "the window is 5m; allowed: 1h to 400d"},
           {"[ { duration: 30d, isRolling: true } ]", "[]",
            "'timeWindow' must be a list of exactly one window"},
           {"Occurrences", "Sometimes", "allowed: Occurrences, Timeslices, RatioTimeslices"},
           {"Occurrences", "Timeslices", "'timeSliceWindow' is missing"},
           {"target: 0.99", "target: 1", "an objective of 100 % has no budget"},
           {"target: 0.99", "target: 99", "allowed: a number from 0 to 1"},
           {"target: 0.99", "target: 0.9, targetPercent: 90",
            "one of 'target' and 'targetPercent'"},
           {"target: 0.99", "target: 0.99, compositeWeight: 1",
            "weighted composites are not evaluated"},
           {"[ { target: 0.99 } ]", "[]", "an SLO needs 'objectives'"},
           {"  objectives:", "  alertPolicies: [ { alertPolicyRef: p } ]\n  objectives:",
            "no AlertPolicy 'p' in these files"},
           {"kind: SLO\n", "kind: SLO\nkind: SLO\n", "f:3:1: "},
       }) {
    SCOPED_TRACE(one.to);
    const auto file = parse_open_slo({{"f", slo_with(one.from, one.to)}});
    if (one.want.empty()) {
      EXPECT_TRUE(file.findings.empty()) << file.findings[0].text();
      continue;
    }
    std::vector<std::string> texts;
    for (const auto& finding : file.findings) texts.push_back(finding.text());
    EXPECT_THAT(texts, testing::Contains(testing::HasSubstr(one.want)));
  }
}

TEST(OpenSlo, KeepsLinesOfLaterDocuments) {
  const auto file = parse_open_slo(
      {{"f", "# one\n---\n" + slo_with("", "") + "---\n" + slo_with("kind: SLO", "kind: Sli")}});
  ASSERT_EQ(file.findings.size(), 1U);
  EXPECT_EQ(file.findings[0].place.line, 19);
  const auto torn = parse_open_slo({{"f", slo_with("", "") + "---\na: [\n"}});
  ASSERT_EQ(torn.findings.size(), 1U);
  EXPECT_GE(torn.findings[0].place.line, 16);
}

TEST(OpenSlo, RefusesTwoOfOneName) {
  const auto file = parse_open_slo({{"f", slo_with("", "")}, {"g", slo_with("", "")}});
  ASSERT_EQ(file.findings.size(), 1U);
  EXPECT_EQ(file.findings[0].text(), "g:1:1: SLO 'a' stands twice");
}

TEST(OpenSlo, IsRecognised) {
  EXPECT_TRUE(is_open_slo(kWhole));
  EXPECT_TRUE(is_open_slo("# c\nkind: SLO\napiVersion: \"openslo/v1\"\n"));
  EXPECT_FALSE(is_open_slo("groups: []\n"));
  EXPECT_FALSE(is_open_slo("apiVersion: v1\nkind: Service\n"));
  EXPECT_FALSE(is_open_slo(""));
}

TEST(OpenSlo, ShippedExamplesAreGood) {
  PosixFileSystem files;
  std::map<std::string, std::string> objectives;
  std::vector<std::pair<std::string, std::string>> texts;
  for (const auto* name : {"claude-enhancer", "aura-flow", "claude-code"}) {
    const auto path = std::string(HOLDFAST_SOURCE_DIR "/examples/slo/") + name + ".yml";
    const auto text = files.read_file(path);
    ASSERT_TRUE(text.has_value()) << text.error().message();
    texts.emplace_back(path, *text);
    const auto file = parse_open_slo({{path, *text}});
    EXPECT_TRUE(file.findings.empty()) << file.findings[0].text();
    for (const auto& slo : file.slos) {
      objectives[slo.name] = format_double(tidy(slo.objective * 100));
      EXPECT_EQ(slo.service, name);
      EXPECT_FALSE(burn_rules(slo).rules.empty());
    }
  }
  std::vector<SloSource> sources;
  for (const auto& [path, text] : texts) sources.push_back({path, text});
  EXPECT_TRUE(parse_open_slo(sources).findings.empty()) << "they may be named together";
  // What the mission asks of each service: M14-05..07, 09, 11, 16.
  for (const auto& [name, percent] :
       std::map<std::string, std::string>{{"enhancer-monthly", "99.95"},
                                          {"enhancer-uptime", "99.9"},
                                          {"enhancer-errors", "99.9"},
                                          {"enhancer-api-p95", "95"},
                                          {"enhancer-database-p95", "95"},
                                          {"enhancer-agents", "99"},
                                          {"enhancer-workflows", "98"},
                                          {"aura-availability", "99.9"},
                                          {"aura-p95", "95"},
                                          {"aura-errors", "99"},
                                          {"platform-api", "95"},
                                          {"platform-availability", "99.9"},
                                          {"platform-accuracy", "99"}})
    EXPECT_EQ(objectives[name], percent) << name;
}

std::vector<std::string> findings_of(const std::string& yaml) {
  std::vector<Finding> findings;
  const auto root = parse_yaml("f", yaml, findings);
  const YamlContext context{"f", &findings, {}};
  if (root) read_short_form(context, *root);
  std::vector<std::string> texts;
  for (const auto& finding : findings) texts.push_back(finding.text());
  return texts;
}

TEST(SloShortForm, TakesAPercentageAndAFewLines) {
  const auto slo = read_slo(
      "{name: a, service: s, objective: 99.95 %, window: 28d, total: x, good: y, alerts: {page: "
      "high, labels: {team: ops}}}");
  EXPECT_EQ(slo.objective, 0.9995);
  EXPECT_EQ(slo.budget(), 0.0005);
  EXPECT_EQ(slo.window.length, Duration(28 * 24h));
  EXPECT_EQ(slo.alerts.page_severity, "high");
  EXPECT_EQ(slo.alerts.labels.get("team"), "ops");
  EXPECT_EQ(slo.alerts.failures_min, 3) << "of events";
  const auto level = read_slo("{name: a, objective: 95, value: p95, below: 0.3}");
  EXPECT_EQ(level.objective, 0.95);
  EXPECT_EQ(level.indicator.limit, Limit::kLess);
  EXPECT_EQ(level.alerts.failures_min, 1) << "of minutes";
  EXPECT_EQ(level.window.text(), "30d rolling");
}

TEST(SloShortForm, SaysWhatIsWrong) {
  for (const auto& [yaml, want] : std::vector<std::pair<std::string, std::string>>{
           {"{name: a, objective: 0.999, total: x, good: y}",
            "f:1:22: 'objective' is '0.999', less than one percent; is 99.9 % meant? Write the "
            "sign where it is not"},
           {"{name: a, objective: 100 %, total: x, good: y}",
            "allowed: a percentage above 0 and below 100"},
           {"{name: a, total: x, good: y}", "'objective' is missing"},
           {"{name: a, objective: 99}", "an slo needs one of 'total'"},
           {"{name: a, objective: 99, total: x}", "'total' needs one of 'good' and 'bad'"},
           {"{name: a, objective: 99, value: x}",
            "'value' needs one of 'below', 'at_most', 'above' and 'at_least'"},
           {"{name: a, objective: 99, value: x, below: 1, above: 2}", "'value' needs one of"},
           {"{name: a, objective: 99, total: x, good: y, below: 1}", "'below' without 'value'"},
           {"{name: a, objective: 99, total: x, good: y, window: fortnight}",
            "'window' is 'fortnight'; allowed: a duration such as 30d, or day"},
           {"{name: a, objective: 99, total: x, good: y, window: month, zone: Moon/Sea}",
            "unknown time zone Moon/Sea"},
           {"{name: a, objective: 99, total: x, good: y, slice_target: 95 %}",
            "'slice_target' without 'budgeting: timeslices'"},
           {"{name: a, objective: 99, total: 'x[', good: y}", "'total': "},
           {"{name: a, objective: 99, latency: {histogram: 'a b', threshold: 1s}}",
            "is no name of a metric"},
           {"{name: a, objective: 99, total: x, good: y, alert: {}}", "alert"},
       }) {
    EXPECT_THAT(findings_of(yaml), testing::Contains(testing::HasSubstr(want))) << yaml;
  }
}

}  // namespace
}  // namespace holdfast::detect::slo
