// `holdfast check FILE`: what a file is taken for, and what is found in it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "app/config.h"
#include "base/sim.h"

namespace holdfast::app {
namespace {

std::optional<std::string> no_variables(const std::string&) { return std::nullopt; }

TEST(Recognise, AFileByItsTopMembers) {
  const struct {
    const char* text;
    FileKind want;
  } cases[] = {
      {"services: []\n", FileKind::kHoldfast},
      {"scrape: []\n", FileKind::kHoldfast},
      {"probes: []\n", FileKind::kHoldfast},
      {"notify: {}\n", FileKind::kHoldfast},
      {"incidents: {}\n", FileKind::kHoldfast},
      {"rules: [a]\n", FileKind::kHoldfast},
      {"host: {}\n", FileKind::kHoldfast},
      {"external_url: http://a\n", FileKind::kHoldfast},
      {"external_labels: {a: b}\n", FileKind::kHoldfast},
      {"evaluation_interval: 1s\n", FileKind::kHoldfast},
      {"alerting: {config: alertmanager.yml}\n", FileKind::kHoldfast},
      {"alerting: {alertmanagers: []}\n", FileKind::kPrometheusConfig},
      {"people: []\n", FileKind::kHoldfast},
      {"groups: []\n", FileKind::kPrometheusRules},
      {"# a comment\n\ngroups:\n", FileKind::kPrometheusRules},
      {"scrape_configs: []\n", FileKind::kPrometheusConfig},
      {"global: {scrape_interval: 1s}\nrule_files: [a]\n", FileKind::kPrometheusConfig},
      {"route: {receiver: a}\nreceivers: [{name: a}]\n", FileKind::kAlertmanagerConfig},
      {"global: {resolve_timeout: 5m}\nroute: {receiver: a}\n", FileKind::kAlertmanagerConfig},
      {"inhibit_rules: []\n", FileKind::kAlertmanagerConfig},
      {R"j({"title": "t", "panels": []})j", FileKind::kDashboard},
      {"  \n{\"dashboard\": {\"panels\": []}}", FileKind::kDashboard},
      {R"j({"groups": []})j", FileKind::kPrometheusRules},  // JSON is YAML
      {"", FileKind::kUnknown},
      {"hello\n", FileKind::kUnknown},
      {"- a\n", FileKind::kUnknown},
      {"a: b\n", FileKind::kUnknown},
      {"{\"panels\": [", FileKind::kUnknown},
      {"groups: [\n", FileKind::kUnknown},
      {"\xff\xfe", FileKind::kUnknown},
  };
  for (const auto& c : cases)
    EXPECT_EQ(recognise(c.text), c.want)
        << c.text << " was taken for " << file_kind_name(recognise(c.text));
}

struct CheckCase {
  const char* what;
  const char* text;
  const char* want;  // every finding; empty: good
};

class Check : public testing::Test {
 protected:
  std::string check(const std::string& text) {
    EXPECT_TRUE(files.create_directories("/d"));
    EXPECT_TRUE(files.write_file_atomic("/d/f", text));
    std::string all;
    for (const auto& finding : check_file(files, "/d/f", no_variables))
      all += (all.empty() ? "" : "\n") + finding.text();
    return all;
  }
  void check_all(std::initializer_list<CheckCase> cases) {
    for (const auto& c : cases) EXPECT_EQ(check(c.text), c.want) << c.what;
  }
  SeededRandom random{1};
  SimFileSystem files{random};
};

TEST_F(Check, ItsOwnConfiguration) {
  check_all({
      {"good", "services: [ { name: a } ]\n", ""},
      {"bad", "services: [ { name: A } ]\n",
       "/d/f:1:21: service name 'A'; allowed: lower-case letters, digits and -, beginning with a "
       "letter"},
      {"a rule file that is not there", "rules: [r.yml]\n",
       "/d/f:1:8: rule file 'r.yml': open /d/r.yml: No such file or directory"},
  });
}

TEST_F(Check, RuleFiles) {
  check_all({
      {"good", "groups: [ { name: g, rules: [ { record: a, expr: b } ] } ]\n", ""},
      {"bad", "groups: [ { name: g, rules: [ { record: a } ] } ]\n",
       "/d/f:1:31: field 'expr' must be set in rule"},
  });
}

TEST_F(Check, PrometheusConfigurations) {
  check_all({
      {"good",
       "global: { scrape_interval: 15s, external_labels: { a: b } }\nrule_files: [ a.yml "
       "]\nscrape_configs:\n- job_name: a\n  static_configs: [ { targets: [ 'a:1' ] } ]\n",
       ""},
      {"no job name", "scrape_configs:\n- static_configs: []\n",
       "/d/f:2:3: scrape config needs 'job_name'"},
      {"a job twice", "scrape_configs:\n- job_name: a\n- job_name: a\n",
       "/d/f:3:13: found multiple scrape configs with job name \"a\""},
      {"timeout over interval",
       "scrape_configs:\n- {job_name: a, scrape_interval: 5s, scrape_timeout: 6s}\n",
       "/d/f:2:54: scrape timeout greater than scrape interval for scrape config with job name "
       "\"a\""},
      {"global timeout over interval", "global: {scrape_interval: 5s, scrape_timeout: 6s}\n",
       "/d/f:1:47: global scrape timeout greater than scrape interval"},
      {"scheme", "scrape_configs:\n- {job_name: a, scheme: ftp}\n",
       "/d/f:2:25: 'scheme' is 'ftp'; allowed: http, https"},
      {"discovery", "scrape_configs:\n- {job_name: a, ec2_sd_configs: []}\n",
       "/d/f:2:17: service discovery 'ec2_sd_configs' is not provided; allowed: "
       "static_configs, file_sd_configs, http_sd_configs, dns_sd_configs, docker_sd_configs, "
       "kubernetes_sd_configs, consul_sd_configs"},
      {"no targets", "scrape_configs:\n- {job_name: a, static_configs: [ {labels: {a: b}} ]}\n",
       "/d/f:2:35: a static config needs 'targets', a list of host:port"},
      {"misspelt", "scrape_config: []\nglobal: {}\n",
       "/d/f:1:1: unknown member 'scrape_config' in the Prometheus configuration; did you mean "
       "'scrape_configs'?"},
      {"bad interval", "global: {scrape_interval: 5 s}\n",
       "/d/f:1:27: 'scrape_interval': duration \"5 s\": \" s\" is no unit; write for example "
       "1h30m, 15s or 5ms, with the units y w d h m s ms"},
  });
}

TEST_F(Check, AlertmanagerConfigurations) {
  check_all({
      {"good",
       "route: {receiver: a, routes: [ {receiver: b, group_wait: 10s} ]}\nreceivers: [ {name: a}, "
       "{name: b} ]\n",
       ""},
      {"no route", "receivers: [ {name: a} ]\n", "/d/f:1:1: no routes provided"},
      {"no receiver at the root", "route: {group_by: [a]}\nreceivers: [ {name: a} ]\n",
       "/d/f:1:1: root route must specify a default receiver"},
      {"a receiver that is none",
       "route:\n  receiver: a\n  routes:\n  - receiver: b\nreceivers: [ {name: a} ]\n",
       "/d/f:4:1: undefined receiver \"b\" used in route"},
      {"a receiver twice", "route: {receiver: a}\nreceivers: [ {name: a}, {name: a} ]\n",
       "/d/f:2:1: notification config name \"a\" is not unique"},
      {"misspelt, twice",
       "route: {receiver: a}\nreceivers: [ {name: a, foo: 1} ]\ninhibit_rule: []\n",
       "/d/f:2:1: field foo not found in type config.plain\n"
       "/d/f:3:1: field inhibit_rule not found in type config.plain"},
      {"route is a list", "route: [a]\nreceivers: []\n",
       "/d/f:1:1: cannot unmarshal !!seq into config.plain"},
      {"an integration", "route: {receiver: a}\nreceivers:\n- name: a\n  webhook_configs:\n  - {}\n",
       "/d/f:5:1: one of url or url_file must be configured"},
      {"a variable that is not set",
       "route: {receiver: a}\nreceivers:\n- name: a\n  webhook_configs: [{url: '${NO_SUCH}'}]\n",
       "/d/f:4:1: environment variable 'NO_SUCH' is not set; set it, or write ${NO_SUCH:-default}"},
      {"the documents' dialect",
       "routing: {receiver: a}\nreceivers: [ {name: a, slack_configs: [{api_url: 'http://u'}]} ]\n"
       "alert_rules: [{alert: A, expr: 'up == 0'}]\n",
       ""},
      {"the dialect with a mistake",
       "routing: {receiver: b}\nreceivers: [ {name: a, slack_configs: [{api_url: 'http://u'}]} ]\n",
       "/d/f: undefined receiver \"b\" used in route"},
  });
}

TEST_F(Check, Dashboards) {
  check_all({
      {"good",
       R"j({"panels": [{"title": "a", "targets": [{"expr": "sum(rate(a[5m]))"}, {"expr": "rate(a[$__rate_interval])"}]}]})j",
       ""},
      {"bad",
       R"j({"panels": [{"title": "a", "targets": [{"expr": "sum("}]}, {"targets": [{"expr": "a b"}]}]})j",
       "/d/f: panel 'a': 1:5: parse error: unclosed left parenthesis\n/d/f: panel 'untitled': 1:3: "
       "parse error: unexpected identifier \"b\""},
      {"wrapped", R"j({"dashboard": {"panels": [{"title": "a", "targets": [{"expr": "("}]}]}})j",
       "/d/f: panel 'a': 1:2: parse error: unclosed left parenthesis"},
      {"panels are a text", R"j({"panels": "none"})j", "/d/f: 'panels' must be a list"},
      {"odd members are passed over",
       R"j({"panels": [1, {"targets": 2}, {"targets": [3, {"expr": 4}]}]})j", ""},
  });
}

TEST_F(Check, AnythingElseIsNamedAndNotTaken) {
  const std::string nothing =
      ": this is no file Holdfast knows; allowed: holdfast.yaml (services, scrape, probes, rules, "
      "...), Prometheus rules (groups) or "
      "configuration (scrape_configs), alertmanager.yml (route, receivers), OpenSLO documents "
      "(apiVersion: openslo/v1), a Grafana dashboard (panels)";
  EXPECT_EQ(check(""), "/d/f" + nothing);
  EXPECT_EQ(check("version: 3\n"), "/d/f:1:1" + nothing);
  EXPECT_EQ(check("groups: [\n"), "/d/f:2:1: end of sequence flow not found");
  const auto findings = check_file(files, "/d/none", no_variables);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].text(), "/d/none: open /d/none: No such file or directory");
}

// ---- files that are not made here

TEST(CheckFiles, TheDemonstrationsConfigurationIsGoodWithItsVariablesSetAndSaysWhichAreMissing) {
  PosixFileSystem files;
  const auto path = std::string(HOLDFAST_SOURCE_DIR) + "/examples/enhancer/holdfast.yaml";
  const auto set = [](const std::string& name) {
    return std::optional<std::string>("/tmp/" + name);
  };
  for (const auto& finding : check_file(files, path, set)) ADD_FAILURE() << finding.text();
  const auto missing = check_file(files, path, no_variables);
  ASSERT_FALSE(missing.empty());
  for (const auto& finding : missing)
    EXPECT_NE(finding.message.find("environment variable 'HOLDFAST_"), std::string::npos)
        << finding.text();
  for (const char* rules : {"rules.yml", "../rules/claude-enhancer.yml"}) {
    for (const auto& finding :
         check_file(files, std::string(HOLDFAST_SOURCE_DIR) + "/examples/enhancer/" + rules, set))
      ADD_FAILURE() << finding.text();
  }
}

// Prometheus' own rule files: *.bad.yaml are refused, the others are good.
TEST(CheckFiles, PrometheusOwnRuleFilesAreJudgedAsItJudgesThem) {
  const auto* folder = std::getenv("HOLDFAST_CONFORMANCE");
  const std::filesystem::path base =
      folder != nullptr ? folder : HOLDFAST_SOURCE_DIR "/../shared/conformance";
  const auto rules = base / "prometheus" / "rules";
  if (!std::filesystem::exists(rules))
    GTEST_SKIP() << "no " << rules << "; set HOLDFAST_CONFORMANCE";
  PosixFileSystem files;
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(rules)) {
    const auto findings = check_file(files, entry.path().string(), no_variables);
    const bool bad = entry.path().filename().string().find(".bad.") != std::string::npos;
    EXPECT_EQ(findings.empty(), !bad)
        << entry.path() << (findings.empty() ? "" : ": " + findings[0].text());
    ++count;
  }
  EXPECT_GE(count, 9);
}

}  // namespace
}  // namespace holdfast::app
