#include "app/cli/rules_commands.h"

#include <fmt/format.h>

#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "app/machine.h"
#include "base/text.h"
#include "detect/rules/backfill.h"
#include "detect/rules/lint.h"
#include "detect/rules/unit_test.h"
#include "detect/rules/usage.h"
#include "net/http.h"

namespace holdfast::app {
namespace {

using nlohmann::json;

constexpr int kLintStatus = 3;
// One request of a backfill; the receiver limits bodies.
constexpr std::size_t kImportBodySize = 4 * 1024 * 1024;

int fail(const Error& error) {
  fmt::print(stderr, "holdfast: {}\n", error.message());
  return 1;
}

Result<std::string> read_input(FileSystem& files, const std::string& path) {
  if (path != "-") return files.read_file(path);
  return std::string(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>());
}

// What lint says of a file; empty: nothing.
std::string lint_text(const std::vector<detect::RuleGroup>& groups) {
  const auto duplicates = detect::find_duplicates(groups);
  if (duplicates.empty()) return "";
  std::string text = std::to_string(duplicates.size()) + " duplicate rule(s) found.\n";
  for (const auto& one : duplicates) {
    std::vector<std::string> places;
    for (const auto& place : one.places) places.push_back(place.text());
    text += "Metric: " + one.metric + " (" + join(places, ", ") + ")\nLabel(s):\n";
    for (const auto& label : one.labels) text += "\t" + label.name + ": " + label.value + "\n";
  }
  return text + "Might cause inconsistency while recording expressions";
}

enum class Verdict { kGood, kLint, kBad };

Verdict check_file(FileSystem& files, const std::string& path, bool lint) {
  fmt::print("Checking {}\n", path == "-" ? "standard input" : path);
  std::fflush(stdout);
  auto text = read_input(files, path);
  if (!text) {
    fmt::print(stderr, "  FAILED:\n{}\n", text.error().message());
    return Verdict::kBad;
  }
  const auto file = detect::parse_rule_file(path, *text);
  if (!file.findings.empty()) {
    fmt::print(stderr, "  FAILED:\n");
    for (const auto& finding : file.findings) fmt::print(stderr, "{}\n", finding.text());
    return Verdict::kBad;
  }
  if (const auto warning = lint ? lint_text(file.groups) : ""; !warning.empty()) {
    fmt::print(stderr, "  FAILED:\nlint error {}\n", warning);
    return Verdict::kLint;
  }
  std::size_t count = 0;
  for (const auto& group : file.groups) count += group.rules.size();
  fmt::print("  SUCCESS: {} rules found\n\n", count);
  return Verdict::kGood;
}

// All groups of all files, or the findings on standard error.
std::optional<std::vector<detect::RuleGroup>> load_groups(FileSystem& files,
                                                          const std::vector<std::string>& paths) {
  std::vector<detect::RuleGroup> groups;
  bool good = true;
  for (const auto& path : paths) {
    auto text = files.read_file(path);
    if (!text) {
      fail(text.error());
      good = false;
      continue;
    }
    auto file = detect::parse_rule_file(path, *text);
    for (const auto& finding : file.findings) fmt::print(stderr, "{}\n", finding.text());
    good = good && file.findings.empty();
    for (auto& group : file.groups) groups.push_back(std::move(group));
  }
  if (!good) return std::nullopt;
  return groups;
}

// --- a backfill over HTTP ---------------------------------------------------------------------------------

std::string seconds_text(model::Timestamp ms) {
  return fmt::format("{}.{:03}", ms / 1000, ms % 1000);
}

Result<query::promql::Matrix> read_matrix(const json& answer) {
  query::promql::Matrix matrix;
  const auto data = answer.find("data");
  if (data == answer.end() || data->value("resultType", "") != "matrix")
    return invalid("the answer is no matrix");
  for (const auto& one : data->value("result", json::array())) {
    query::promql::Series series;
    std::vector<model::Label> labels;
    const auto metric = one.value("metric", json::object());
    for (const auto& [name, value] : metric.items()) {
      if (value.is_string()) labels.push_back({name, value.get<std::string>()});
    }
    series.labels = model::Labels(std::move(labels));
    if (one.contains("histograms"))
      return Error(Code::kUnsupported, "native histograms are written with --store only");
    for (const auto& point : one.value("values", json::array())) {
      if (!point.is_array() || point.size() != 2 || !point[0].is_number() ||
          !point[1].is_string()) {
        return invalid("a point of the answer cannot be read: " + printable(point.dump()));
      }
      const auto value = parse_double(point[1].get<std::string>());
      if (!value) return invalid("a value of the answer is no number: " + printable(point.dump()));
      series.points.push_back({std::llround(point[0].get<double>() * 1000), *value, nullptr});
    }
    matrix.series.push_back(std::move(series));
  }
  return matrix;
}

// JSON lines, each {"metric":{...},"values":[...],"timestamps":[...]}.
std::string import_line(const metrics::Column& column) {
  json metric = json::object();
  for (const auto& label : *column.labels) metric[label.name] = label.value;
  std::string values;
  for (const double value : column.values) {
    const auto text = format_double(value);
    values += (values.empty() ? "" : ",") + (value - value == 0 ? text : "\"" + text + "\"");
  }
  return "{\"metric\":" + metric.dump() + ",\"values\":[" + values +
         "],\"timestamps\":" + json(column.times).dump() + "}\n";
}

Result<void> import_over_http(Remote& remote, std::span<const metrics::Column> columns) {
  std::string body;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    body += import_line(columns[i]);
    if (body.size() < kImportBodySize && i + 1 < columns.size()) continue;
    HF_TRY(remote.post_text("/api/v1/import", std::exchange(body, {}), "application/x-ndjson"));
  }
  return {};
}

Result<detect::BackfillReport> backfill_over_http(const RemoteOptions& options,
                                                  const std::vector<detect::RuleGroup>& groups,
                                                  const detect::BackfillOptions& span) {
  Remote remote(options);
  const auto ask = [&remote](const std::string& query, model::Timestamp from, model::Timestamp to,
                             std::int64_t step) -> Result<query::promql::Matrix> {
    const auto path = "/api/v1/query_range?query=" + net::percent_encode(query) +
                      "&start=" + seconds_text(from) + "&end=" + seconds_text(to) +
                      "&step=" + seconds_text(step);
    return read_matrix(HF_TRY(remote.get(path)));
  };
  return detect::backfill(groups, span, ask,
                          [&](auto columns) { return import_over_http(remote, columns); });
}

Result<detect::BackfillReport> backfill_store(const std::string& directory,
                                              const std::vector<detect::RuleGroup>& groups,
                                              const detect::BackfillOptions& span) {
  Machine machine(1, 1);
  metrics::StoreOptions store_options;
  store_options.directory = directory;
  auto store = HF_TRY(metrics::Store::open(machine.env, store_options));
  const query::promql::Engine engine(*store, machine.env.clock);
  const auto ask = [&](const std::string& query, model::Timestamp from, model::Timestamp to,
                       std::int64_t step) -> Result<query::promql::Matrix> {
    auto result = HF_TRY(engine.range(query, from, to, step));
    return std::move(std::get<query::promql::Matrix>(result.value));
  };
  auto report =
      detect::backfill(groups, span, ask, [&](auto columns) { return store->import(columns); });
  store.reset();
  machine.stop_executor();
  return report;
}

// --- which metrics there are --------------------------------------------------------------------------------

Result<std::map<std::string, std::uint64_t>> names_of_file(FileSystem& files,
                                                           const std::string& path) {
  std::map<std::string, std::uint64_t> names;
  const auto text = HF_TRY(read_input(files, path));
  for (const auto line : split(text, '\n')) {
    if (!trim(line).empty()) names.emplace(trim(line), 1);
  }
  return names;
}

Result<std::map<std::string, std::uint64_t>> names_of_server(const RemoteOptions& options) {
  Remote remote(options);
  const auto answer = HF_TRY(remote.get(
      "/api/v1/query?query=" + net::percent_encode("count by (__name__) ({__name__!=\"\"})")));
  std::map<std::string, std::uint64_t> names;
  const auto data = answer.find("data");
  if (data == answer.end()) return unavailable("the answer has no data");
  for (const auto& one : data->value("result", json::array())) {
    const auto name = one.value("metric", json::object()).value("__name__", "");
    const auto& value = one.value("value", json::array());
    if (name.empty() || value.size() != 2 || !value[1].is_string()) continue;
    names[name] = static_cast<std::uint64_t>(parse_double(value[1].get<std::string>()).value_or(0));
  }
  return names;
}

json use_json(const detect::MetricUse& use) {
  return {{"name", use.name},
          {"series", use.series},
          {"rules", use.rule_count},
          {"dashboards", use.dashboard_count}};
}

void print_usage(const detect::UsageReport& report, bool as_json) {
  if (as_json) {
    json out{{"unusedSeries", report.unused_series},
             {"namelessSelectors", report.nameless_count},
             {"unread", report.unread}};
    for (const auto* list : {&report.unused, &report.used}) {
      auto& into = out[list == &report.unused ? "unused" : "used"] = json::array();
      for (const auto& use : *list) into.push_back(use_json(use));
    }
    fmt::print("{}\n", out.dump(2));
    return;
  }
  for (const auto& use : report.unused) fmt::print("{:>10}  {}\n", use.series, use.name);
  fmt::print("{} of {} metrics are never asked for; they have {} series\n", report.unused.size(),
             report.unused.size() + report.used.size(), report.unused_series);
  if (report.nameless_count > 0)
    fmt::print("{} selectors name no metric and may mean any\n", report.nameless_count);
  for (const auto& text : report.unread) fmt::print(stderr, "not read: {}\n", text);
}

}  // namespace

int run_rules_check(const RulesCheck& command) {
  PosixFileSystem files;
  const bool lint = command.lint != "none";
  bool bad = false, linted = false;
  for (const auto& path : command.files.empty() ? std::vector<std::string>{"-"} : command.files) {
    const auto verdict = check_file(files, path, lint);
    bad = bad || verdict == Verdict::kBad;
    linted = linted || verdict == Verdict::kLint;
  }
  if (bad) return 1;
  return linted && command.lint_fatal ? kLintStatus : 0;
}

int run_rules_test(const RulesTest& command) {
  PosixFileSystem files;
  const SystemClock clock;
  std::vector<detect::UnitTestReport> reports;
  bool passed = true;
  for (const auto& path : command.files) {
    fmt::print("Unit Testing:  {}\n", path);
    std::fflush(stdout);
    reports.push_back(detect::run_unit_tests(files, clock, path, {command.run, command.diff}));
    const auto& report = reports.back();
    for (const auto& warning : report.warnings) fmt::print(stderr, "  WARNING: {}\n", warning);
    passed = passed && report.passed();
    if (report.passed()) {
      fmt::print("  SUCCESS\n\n");
      continue;
    }
    fmt::print(stderr, "  FAILED:\n");
    for (const auto& failure : report.failures()) fmt::print(stderr, "{}\n\n", failure);
  }
  if (!command.junit.empty()) {
    if (auto written = files.write_file_atomic(command.junit, detect::junit_xml(reports)); !written)
      return fail(written.error());
  }
  return passed ? 0 : 1;
}

int run_rules_backfill(const RemoteOptions& remote, const RulesBackfill& command) {
  PosixFileSystem files;
  const auto groups = load_groups(files, command.files);
  if (!groups) return 1;
  detect::BackfillOptions span;
  auto from = parse_time(command.from);
  auto to = command.to.empty() ? Result<WallTime>(SystemClock().now()) : parse_time(command.to);
  if (!from || !to) return fail((from ? std::move(to) : std::move(from)).error());
  span.from = to_ms(*from);
  span.to = to_ms(*to);
  span.interval = command.interval.value_or(Duration::zero());
  const auto report = command.store.empty() ? backfill_over_http(remote, *groups, span)
                                            : backfill_store(command.store, *groups, span);
  if (!report) return fail(report.error());
  fmt::print("{} recording rules: {} series, {} samples written; {} alerting rules left out\n",
             report->rule_count, report->series_count, report->sample_count, report->alert_count);
  return 0;
}

int run_metrics_unused(const RemoteOptions& remote, const MetricsUnused& command, bool as_json) {
  PosixFileSystem files;
  const auto groups = load_groups(files, command.rules);
  if (!groups) return 1;
  std::vector<detect::DashboardText> dashboards;
  for (const auto& path : command.dashboards) {
    auto text = files.read_file(path);
    if (!text) return fail(text.error());
    dashboards.push_back({path, std::move(*text)});
  }
  auto names =
      command.names.empty() ? names_of_server(remote) : names_of_file(files, command.names);
  if (!names) return fail(names.error());
  print_usage(detect::find_unused(*names, *groups, dashboards), as_json);
  return 0;
}

}  // namespace holdfast::app
