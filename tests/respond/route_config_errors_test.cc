// Every mistake alertmanager.yml can hold, and what is said of it: the texts people and tools know from Alertmanager.
#include <gtest/gtest.h>

#include "respond/route/config.h"

namespace holdfast::respond::route {
namespace {

struct Case {
  const char* what;
  std::string yaml;
  const char* want;
};

std::string error_of(const std::string& yaml, int* line = nullptr) {
  const auto config = parse(yaml, {}, line);
  return config ? "good" : config.error().message();
}

// A file with one receiver "a" whose further members are given, flow style.
std::string receiver(const std::string& members, const std::string& global = "{}") {
  return "global: " + global + "\nroute: {receiver: a}\nreceivers:\n- {name: a, " + members + "}\n";
}

std::string route(const std::string& members) {
  return "route: {receiver: a, " + members + "}\nreceivers: [{name: a}]\n";
}

std::string child(const std::string& members) { return route("routes: [{" + members + "}]"); }

std::string intervals(const std::string& spec) {
  return "route: {receiver: a}\nreceivers: [{name: a}]\ntime_intervals:\n- name: t\n  "
         "time_intervals: [" +
         spec + "]\n";
}

void expect_all(const std::vector<Case>& cases) {
  for (const auto& c : cases) EXPECT_EQ(error_of(c.yaml), c.want) << c.what << "\n" << c.yaml;
}

TEST(AlertmanagerConfigErrors, OfTheWholeAndItsRoutesAreAlertmanagers) {
  const std::string a = "receivers: [{name: a}]\n";
  expect_all({
      {"empty file", "", "no route provided in config"},
      {"no route", a, "no routes provided"},
      {"empty route", "route:\n" + a, "no routes provided"},
      {"no receiver", "route: {}\n" + a, "root route must specify a default receiver"},
      {"continue", route("continue: true"), "cannot have continue in root route"},
      {"matchers", route("matchers: ['a=b']"), "root route must not have any matchers"},
      {"match", route("match: {a: b}"), "root route must not have any matchers"},
      {"match_re", route("match_re: {a: b}"), "root route must not have any matchers"},
      {"mute", route("mute_time_intervals: [x]"),
       "root route must not have any mute time intervals"},
      {"active", route("active_time_intervals: [x]"),
       "root route must not have any active time intervals"},
      {"unknown receiver", "route: {receiver: x}\n" + a, "undefined receiver \"x\" used in route"},
      {"unknown in child", child("receiver: x"), "undefined receiver \"x\" used in route"},
      {"unknown interval", child("mute_time_intervals: [x]"),
       "undefined time interval \"x\" used in route"},
      {"unknown active", child("active_time_intervals: [x]"),
       "undefined time interval \"x\" used in route"},
      {"name twice", "route: {receiver: a}\nreceivers: [{name: a}, {name: a}]\n",
       "notification config name \"a\" is not unique"},
      {"no name", "route: {receiver: a}\nreceivers: [{}]\n", "missing name in receiver"},
      {"group_interval", child("group_interval: 0s"), "group_interval cannot be zero"},
      {"repeat_interval", child("repeat_interval: 0"), "repeat_interval cannot be zero"},
      {"wildcard", child("group_by: [a, '...']"),
       "cannot have wildcard group_by (`...`) and other labels at the same time"},
      {"label twice", child("group_by: [a, a]"), "duplicated label \"a\" in group_by"},
      {"empty label", child("group_by: ['']"), "invalid label name \"\" in group_by list"},
      {"bad match", child("match: {'0a': b}"), "invalid label name \"0a\""},
      {"bad match_re", child("match_re: {'0a': b}"), "invalid label name \"0a\""},
      {"null match_re", child("match_re: {a: }"), "invalid regexp value for \"a\""},
      {"bad regexp", child("match_re: {a: '('}"),
       "error parsing regexp: missing closing ): `^(?:()$`"},
      {"bad matcher regexp", child("matchers: ['a=~\"(\"']"),
       "error parsing regexp: missing closing ): `^(?:()$`"},
      {"bad matcher", child("matchers: [5]"), "bad matcher format: 5"},
      {"bad duration", child("group_wait: 1.5h"), "unknown unit \".\" in duration \"1.5h\""},
      {"order of units", child("group_wait: 1m1h"), "not a valid duration string: \"1m1h\""},
      {"unknown unit", child("group_wait: 1x"), "unknown unit \"x\" in duration \"1x\""},
      {"empty duration", child("group_wait: ''"), "empty duration string"},
      {"null child", route("routes: [null]"), "empty entry in routes"},
      {"bad equal", route("") + "inhibit_rules: [{equal: ['']}]\n",
       "invalid label name \"\" in equal list"},
      {"bad source_match", route("") + "inhibit_rules: [{source_match: {'0': b}}]\n",
       "invalid label name \"0\""},
      {"tracing", route("") + "tracing: {compression: gzip}\n", "tracing endpoint must be set"},
      {"compression", route("") + "tracing: {endpoint: x, compression: zip}\n",
       "invalid compression type zip provided, valid options: gzip"},
      {"client type", route("") + "tracing: {endpoint: x, client_type: tcp}\n",
       "expected tracing client type to be to be http or grpc, but got tcp"},
  });
}

TEST(AlertmanagerConfigErrors, OfTypesAndUnknownKeysAreTheReadersOwnAndComeTogether) {
  const std::string tail = "receivers: [{name: a}]\n";
  expect_all({
      {"scalar", "a\n",
       "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!str `a` into config.plain"},
      {"list", "[]\n",
       "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!seq into config.plain"},
      {"twice", "route: {receiver: a, receiver: b}\n" + tail,
       "yaml: unmarshal errors:\n  line 1: field receiver already set in type config.plain"},
      {"several",
       "route:\n  receiver: a\n  group_by: x\n  continue: maybe\n  x: 3\n" + tail + "bogus: 1\n",
       "yaml: unmarshal errors:\n  line 3: cannot unmarshal !!str `x` into []string\n"
       "  line 4: cannot unmarshal !!str `maybe` into bool\n  line 5: field x not found in type "
       "config.plain\n"
       "  line 7: field bogus not found in type config.plain"},
      {"long text", child("continue: a_rather_long_word"),
       "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!str `a_rathe...` into bool"},
      {"quoted bool", child("continue: 'true'"),
       "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!str `true` into bool"},
      {"routes", route("routes: {a: b}"),
       "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!map into []*config.Route"},
      {"integrations", receiver("webhook_configs: {}"),
       "yaml: unmarshal errors:\n  line 4: cannot unmarshal !!map into []*config.WebhookConfig"},
      {"uint", receiver("webhook_configs: [{url: 'http://u', max_alerts: -1}]"),
       "yaml: unmarshal errors:\n  line 4: cannot unmarshal !!int `-1` into uint64"},
      {"duration", receiver("webhook_configs: [{url: 'http://u', timeout: 3x}]"),
       "yaml: unmarshal errors:\n  line 4: cannot unmarshal !!str `3x` into time.Duration"},
      {"int64", receiver("telegram_configs: [{bot_token: x, chat_id: abc}]"),
       "yaml: unmarshal errors:\n  line 4: cannot unmarshal !!str `abc` into int64"},
      {"nested", receiver("opsgenie_configs: [{api_key: k, responders: [{z: 1}]}]"),
       "yaml: unmarshal errors:\n  line 4: field z not found in type "
       "config.OpsGenieConfigResponder"},
      {"old key", receiver("opsgenie_configs: [{api_key: k, teams: x}]"),
       "yaml: unmarshal errors:\n  line 4: field teams not found in type config.plain"},
      {"authorization",
       receiver("webhook_configs: [{url: 'http://u', http_config: {authorization: {q: 1}}}]"),
       "yaml: unmarshal errors:\n  line 4: field q not found in type config.Authorization"},
      {"sigv4", receiver("sns_configs: [{topic_arn: t, sigv4: {x: y}}]"),
       "yaml: unmarshal errors:\n  line 4: field x not found in type sigv4.plain"},
      {"pushover", receiver("pushover_configs: [{user_key: u, token: t, retry: []}]"),
       "yaml: unmarshal errors:\n  line 4: cannot unmarshal !!seq into config.duration"},
      {"interval", intervals("{bar: 1}"),
       "yaml: unmarshal errors:\n  line 5: field bar not found in type timeinterval.TimeInterval"},
      {"times", intervals("{times: [{foo: 1}]}"),
       "yaml: unmarshal errors:\n  line 5: field foo not found in type timeinterval.yamlTimeRange"},
  });
}

TEST(AlertmanagerConfigErrors, OfTimeIntervalsAreAlertmanagers) {
  const std::string head = "route: {receiver: a}\nreceivers: [{name: a}]\n";
  expect_all({
      {"no name", head + "time_intervals: [{}]\n", "missing name in time interval"},
      {"no name, old", head + "mute_time_intervals: [{}]\n", "missing name in mute time interval"},
      {"twice", head + "time_intervals: [{name: t}, {name: t}]\n",
       "time interval \"t\" is not unique"},
      {"old twice", head + "mute_time_intervals: [{name: t}, {name: t}]\n",
       "mute time interval \"t\" is not unique"},
      {"both", head + "mute_time_intervals: [{name: t}]\ntime_intervals: [{name: t}]\n",
       "time interval \"t\" is not unique"},
      {"half", intervals("{times: [{start_time: '09:00'}]}"),
       "both start and end times must be provided"},
      {"order", intervals("{times: [{start_time: '09:00', end_time: '08:00'}]}"),
       "start time cannot be equal or greater than end time"},
      {"time", intervals("{times: [{start_time: '9:00', end_time: '10:00'}]}"),
       "couldn't parse timestamp 9:00, invalid format"},
      {"late", intervals("{times: [{start_time: '09:00', end_time: '24:01'}]}"),
       "couldn't parse timestamp 24:01, invalid format"},
      {"days", intervals("{weekdays: ['friday:monday']}"), "start day cannot be before end day"},
      {"day", intervals("{weekdays: ['fryday']}"), "fryday is not a valid weekday"},
      {"range", intervals("{weekdays: ['a:b:c']}"), "couldn't parse range a:b:c, invalid format"},
      {"zero", intervals("{days_of_month: ['0']}"),
       "0 is not a valid day of the month: out of range"},
      {"32", intervals("{days_of_month: ['1:32']}"),
       "32 is not a valid day of the month: out of range"},
      {"sign", intervals("{days_of_month: ['-3:3']}"),
       "end day must be negative if start day is negative"},
      {"before", intervals("{days_of_month: ['10:-25']}"),
       "end day -25 is always before start day 10"},
      {"word", intervals("{days_of_month: ['x']}"), "strconv.Atoi: parsing \"x\": invalid syntax"},
      {"month", intervals("{months: ['blah']}"), "blah is not a valid month"},
      {"months", intervals("{months: ['june:march']}"),
       "end month march is before start month june"},
      {"years", intervals("{years: ['2026:2020']}"), "end year 2020 is before start year 2026"},
      {"zone", intervals("{location: Nowhere/Land}"), "unknown time zone Nowhere/Land"},
  });
}

TEST(AlertmanagerConfigErrors, OfPairsInGlobalAreAlertmanagers) {
  for (const char* key :
       {"slack_app_token", "slack_api_url", "opsgenie_api_key", "victorops_api_key",
        "telegram_bot_token", "smtp_auth_password", "smtp_auth_secret", "rocketchat_token",
        "rocketchat_token_id", "wechat_api_secret", "mattermost_webhook_url"}) {
    const std::string name(key);
    EXPECT_EQ(error_of("global: {" + name + ": 'http://x', " + name + "_file: /f}\n" + route("")),
              "at most one of " + name + " & " + name + "_file must be configured");
  }
  EXPECT_EQ(error_of("global: {slack_app_token: t, slack_api_url: 'http://x'}\n" + route("")),
            "at most one of slack_app_token/slack_app_token_file & "
            "slack_api_url/slack_api_url_file must be "
            "configured");
  EXPECT_EQ(error_of("global: {smtp_smarthost: 'x'}\n" + route("")),
            "address x: missing port in address");
  EXPECT_EQ(error_of("global: {smtp_smarthost: 'x:'}\n" + route("")),
            "address \"x:\": port cannot be empty");
  EXPECT_EQ(error_of("global: {pagerduty_url: 'ftp://x'}\n" + route("")),
            "unsupported scheme \"ftp\" for URL");
  EXPECT_EQ(error_of("global: {pagerduty_url: 'http://'}\n" + route("")), "missing host for URL");
}

TEST(AlertmanagerConfigErrors, AMistakeHasTheLineWhereItStands) {
  int line = 0;
  EXPECT_EQ(error_of("route:\n  receiver: a\n  routes:\n  - receiver: x\nreceivers: [{name: a}]\n",
                     &line),
            "undefined receiver \"x\" used in route");
  EXPECT_EQ(line, 4);
  EXPECT_NE(error_of("route:\n  receiver: a\n  foo: 1\nreceivers: [{name: a}]\n", &line), "good");
  EXPECT_EQ(line, 3);
  EXPECT_EQ(error_of(receiver("slack_configs: [{}]"), &line),
            "no Slack API URL nor App token set either inline or in a file");
  EXPECT_EQ(line, 4);
  EXPECT_EQ(error_of("route: {receiver: a\n", &line).rfind("yaml: line ", 0), 0U);
  EXPECT_GT(line, 0);
}

}  // namespace
}  // namespace holdfast::respond::route
