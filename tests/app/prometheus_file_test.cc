#include "app/prometheus_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/sim.h"

namespace holdfast::app {
namespace {

using ::testing::HasSubstr;

class PrometheusYml : public ::testing::Test {
 protected:
  PrometheusYml() {
    EXPECT_TRUE(files.create_directories("/p/rules"));
    write("/p/rules/a.yml", "groups: [{name: a, rules: [{record: r, expr: b}]}]");
    write("/p/rules/b.yml", "groups: [{name: b, rules: [{alert: A, expr: b}]}]");
  }
  void write(const std::string& path, const std::string& text) {
    EXPECT_TRUE(files.write_file_atomic(path, text));
  }
  ConfigResult parse(const std::string& path, const std::string& yaml) {
    return parse_config(files, path, yaml, [](const std::string&) { return std::nullopt; });
  }
  static std::string all(const ConfigResult& result) {
    std::string text;
    for (const auto& finding : result.findings) text += finding.text() + "\n";
    return text;
  }
  SeededRandom random{1};
  SimFileSystem files{random};
};

const std::string kWhole = R"(
global: {scrape_interval: 15s, evaluation_interval: 20s, external_labels: {cluster: c}, query_log_file: q.log}
rule_files: ['rules/*.yml']
alerting: {alertmanagers: [{static_configs: [{targets: ['alertmanager:9093']}]}]}
scrape_config_files: ['more/*.yml']
scrape_configs:
- job_name: claude-api
  scrape_interval: 10s
  static_configs: [{targets: ['claude-api:8080']}]
- job_name: pods
  kubernetes_sd_configs: [{role: pod}]
storage: {tsdb: {out_of_order_time_window: 30m}}
)";

TEST_F(PrometheusYml, GivenAloneItIsTheWholeConfiguration) {
  const auto result = parse("/p/prometheus.yml", kWhole);
  ASSERT_EQ(all(result), "");
  const auto& config = result.config;
  EXPECT_EQ(config.evaluation_interval, 20s);
  EXPECT_EQ(config.external_labels.get("cluster"), "c");
  ASSERT_EQ(config.jobs.size(), 2u);
  EXPECT_EQ(config.jobs[0].interval, 10s);
  EXPECT_EQ(config.jobs[1].interval, 15s);
  ASSERT_EQ(config.rule_groups.size(), 2u) << "all files of the pattern";
  EXPECT_EQ(config.rule_groups[0].interval, 20s);
  ASSERT_EQ(config.notices.size(), 2u);
  EXPECT_THAT(config.notices[0], HasSubstr("'alerting' is accepted"));
}

TEST_F(PrometheusYml, HoldfastYamlTakesItsJobsAndRules) {
  write("/p/prometheus.yml", kWhole);
  const auto result =
      parse("/p/holdfast.yaml", "prometheus: prometheus.yml\nevaluation_interval: 5s\n");
  ASSERT_EQ(all(result), "");
  EXPECT_EQ(result.config.jobs.size(), 2u);
  EXPECT_EQ(result.config.rule_groups.size(), 2u);
  EXPECT_EQ(result.config.evaluation_interval, 5s) << "Holdfast's own stays";
  EXPECT_THAT(all(parse("/p/holdfast.yaml", "prometheus: none.yml\n")),
              HasSubstr("Prometheus configuration 'none.yml'"));
}

TEST_F(PrometheusYml, UnknownMembersAreNamedWithTheirPlace) {
  const auto result =
      parse("/p/prometheus.yml",
            "global: {scrape_intervall: 1s}\nscrape_configs:\n- {job_name: a, metric_path: /m}\n");
  EXPECT_THAT(all(result), HasSubstr("/p/prometheus.yml:1:10: unknown member 'scrape_intervall' in "
                                     "global; did you mean 'scrape_interval'?"));
  EXPECT_THAT(all(result), HasSubstr("/p/prometheus.yml:3:17: unknown member 'metric_path' in "
                                     "scrape config; did you mean 'metrics_path'?"));
}

TEST_F(PrometheusYml, ScrapeConfigFilesAddJobsAndNamesAreUniqueOverAll) {
  EXPECT_TRUE(files.create_directories("/p/more"));
  write("/p/more/x.yml", "scrape_configs:\n- {job_name: more}\n- {job_name: pods}\n");
  const auto result = parse("/p/prometheus.yml", kWhole);
  EXPECT_EQ(result.config.jobs.size(), 4u);
  EXPECT_THAT(
      all(result),
      HasSubstr("/p/more/x.yml:3:14: found multiple scrape configs with job name \"pods\""));
}

}  // namespace
}  // namespace holdfast::app
