// Every endpoint of Prometheus' API: its shape and its words, over the whole stack.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "app/api/json_text.h"
#include "app/app_host.h"
#include "base/text.h"

namespace holdfast::app {
namespace {

using nlohmann::json;

class PrometheusApi : public testing::Test {
 protected:
  PrometheusApi() {
    host.append("requests", 500, model::Labels{{"service", "shop"}});
    host.append("requests", 2, model::Labels{{"service", "bank"}});
    host.run_until([] { return false; }, 3s);
    host.append("requests", 500, model::Labels{{"service", "shop"}});
  }
  json data(const std::string& target) {
    const auto answer = host.get(target);
    EXPECT_EQ(answer["status"], "success") << target;
    return answer["data"];
  }
  AppHost host;
};

// The names of an object's members, sorted, as one text.
std::string names(const json& object) {
  std::vector<std::string> all;
  for (const auto& [name, value] : object.items()) all.push_back(name);
  return join(all, " ");
}

TEST_F(PrometheusApi, EveryEndpointHasPrometheusMembers) {
  struct Case {
    const char* target;
    const char* pointer;  // of the object whose members are compared
    const char* members;
  };
  for (const auto& [target, pointer, members] : std::initializer_list<Case>{
           {"query?query=requests", "", "result resultType"},
           {"query?query=requests", "/result/0", "metric value"},
           {"query?query=requests&stats=all", "", "result resultType stats"},
           {"query?query=requests&stats=all", "/stats", "samples timings"},
           {"query?query=requests&stats=all", "/stats/timings",
            "evalTotalTime execQueueTime execTotalTime innerEvalTime queryPreparationTime "
            "resultSortTime"},
           {"query?query=requests&stats=1", "/stats/samples", "peakSamples totalQueryableSamples"},
           {"series?match[]=requests", "/0", "__name__ service"},
           {"targets", "", "activeTargets droppedTargetCounts droppedTargets"},
           {"targets", "/activeTargets/0",
            "discoveredLabels globalUrl health labels lastError lastScrape lastScrapeDuration "
            "scrapeInterval scrapePool scrapeTimeout scrapeUrl"},
           {"scrape_pools", "", "scrapePools"},
           {"rules", "", "groups"},
           {"rules", "/groups/0", "evaluationTime file interval lastEvaluation limit name rules"},
           {"rules?type=record", "/groups/0/rules/0",
            "evaluationTime health labels lastEvaluation name query type"},
           {"rules?type=alert", "/groups/0/rules/0",
            "alerts annotations duration evaluationTime health keepFiringFor labels "
            "lastEvaluation name query state type"},
           {"rules?type=alert", "/groups/0/rules/0/alerts/0",
            "activeAt annotations labels state value"},
           {"alerts", "", "alerts"},
           {"alertmanagers", "", "activeAlertmanagers droppedAlertmanagers"},
           {"status/config", "", "yaml"},
           {"status/runtimeinfo", "",
            "CWD GODEBUG GOGC GOMAXPROCS GOMEMLIMIT corruptionCount goroutineCount hostname "
            "lastConfigTime reloadConfigSuccess serverTime startTime storageRetention"},
           {"status/buildinfo", "",
            "application branch buildDate buildUser goVersion revision version"},
           {"status/tsdb", "",
            "headStats labelValueCountByLabelName memoryInBytesByLabelName "
            "seriesCountByLabelValuePair seriesCountByMetricName"},
           {"status/tsdb", "/headStats", "chunkCount maxTime minTime numLabelPairs numSeries"},
           {"status/tsdb/blocks", "", "blocks"},
           {"status/walreplay", "", "current max min"},
           {"parse_query?query=sum(up)", "", "expr grouping op param type without"},
           {"features", "", "api promql promql_functions rules tsdb"},
       }) {
    const auto all = data(std::string("/api/v1/") + target);
    const json::json_pointer place{pointer};
    ASSERT_TRUE(all.contains(place) || *pointer == 0) << target << pointer << ": " << all;
    EXPECT_EQ(names(all.at(place)), members) << target << pointer;
  }
}

TEST_F(PrometheusApi, AnswersAreThoseOfPrometheus) {
  struct Case {
    const char* target;
    const char* want;
  };
  for (
      const auto& [target, want] : std::initializer_list<Case>{
          {"query?query=sum(requests)&time=1800000000",
           R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1800000000,"502"]}]}})"},
          {"query?query=1e-9", R"("0.000000001"])"},
          {"query?query=vector(1e-9)", R"("1e-09"])"},
          {"query?query=vector(-2.5e21)", R"("-2.5e+21"])"},
          {"query?query=requests&limit=1", R"("warnings":["results truncated due to limit"])"},
          {"labels?match[]=requests", R"({"status":"success","data":["__name__","service"]})"},
          {"labels?match[]=requests&limit=1",
           R"({"status":"success","data":["__name__"],"warnings":["results truncated due to limit"]})"},
          {"label/service/values?match[]=requests",
           R"({"status":"success","data":["bank","shop"]})"},
          {"label/U__service/values?match[]=requests",
           R"({"status":"success","data":["bank","shop"]})"},
          {"label/U___5f_name_5f_/values", R"({"status":"success","data":[]})"},
          {"label/U______name____/values?match[]=requests",
           R"({"status":"success","data":["requests"]})"},
          {"series?match[]=requests&match[]={service=\"bank\"}",
           R"([{"__name__":"requests","service":"bank"},{"__name__":"requests","service":"shop"}])"},
          {"series?match[]=requests&start=5&end=1", R"({"status":"success","data":[]})"},
          {"format_query?query=sum(up)by(job)",
           R"x({"status":"success","data":"sum by (job) (up)"})x"},
          {"query_exemplars?query=requests", R"({"status":"success","data":[]})"},
          {"metadata?metric=nosuch", R"({"status":"success","data":{}})"},
          {"metadata?limit=0", R"({"status":"success","data":{}})"},
          {"rules?rule_name[]=nosuch", R"({"status":"success","data":{"groups":[]}})"},
          {"rules?exclude_alerts=true&type=alert", R"("alerts":null)"},
          {"alerts", R"("value":"5.02e+02")"},
          {"targets?state=dropped", R"("activeTargets":[])"},
          {"targets?scrapePool=nosuch", R"("activeTargets":[])"},
          {"parse_query?query=(up[5m:1m]%20offset%201m)",
           R"({"type":"parenExpr","expr":{"type":"subquery","expr":{"type":"vectorSelector","name":"up","matchers":[{"name":"__name__","value":"up","type":"="}],"offset":0,"timestamp":null,"startOrEnd":null,"anchored":false,"smoothed":false},"range":300000,"step":60000,"offset":60000,"timestamp":null,"startOrEnd":null}})"},
      }) {
    const auto got = host.answer("GET", std::string("/api/v1/") + target);
    EXPECT_TRUE(got.starts_with("200 ")) << target << ": " << got;
    EXPECT_THAT(got, testing::HasSubstr(want)) << target;
  }
  EXPECT_EQ(host.answer("GET", "/api/v1/query_exemplars?query=1"), "204 ");
}

TEST_F(PrometheusApi, MistakesAreToldInPrometheusWords) {
  struct Case {
    const char* target;
    const char* error;
  };
  for (const auto& [target, error] : std::initializer_list<Case>{
           {"query?query=up&lookback_delta=x",
            "error parsing lookback delta duration: cannot parse \"x\" to a valid duration"},
           {"query_range?query=up[5m]&start=1&end=2&step=1",
            "invalid parameter \"query\": invalid expression type \"range vector\" for range "
            "query, must be Scalar or instant Vector"},
           {"query_exemplars?start=2&end=1&query=up",
            "end timestamp must not be before start timestamp"},
           {"query_exemplars", "unknown position: parse error: no expression found in input"},
           {"series?match[]={}",
            "invalid parameter \"match[]\": match[] must contain at least one non-empty matcher"},
           {"labels?match[]={", "1:2: parse error: unexpected end of input inside braces"},
           {"metadata?limit=x", "limit must be a number"},
           {"metadata?limit_per_metric=x", "limit_per_metric must be a number"},
           {"targets/metadata?limit=x", "limit must be a number"},
           {"targets/metadata?match_target=x{",
            "invalid parameter \"match_target\": 1:3: parse error: unexpected end of input inside "
            "braces"},
           {"rules?type=x", "invalid parameter \"type\": not supported value \"x\""},
           {"rules?exclude_alerts=x",
            "invalid parameter \"exclude_alerts\": error converting exclude_alerts: "
            "strconv.ParseBool: parsing \"x\": invalid syntax"},
           {"rules?group_next_token=x",
            "invalid parameter \"group_next_token\": group_limit needs to be present in order to "
            "paginate over the groups"},
           {"rules?group_limit=0",
            "invalid parameter \"group_limit\": group_limit needs to be greater than 0"},
           {"rules?group_limit=1&group_next_token=x",
            "invalid parameter \"group_next_token\": invalid group_next_token 'x'. were rule "
            "groups changed?"},
           {"status/tsdb?limit=0", "limit must be a positive number"},
           {"parse_query?query=(",
            "invalid parameter \"query\": 1:2: parse error: unclosed left parenthesis"},
       }) {
    const auto got = host.ask("GET", std::string("/api/v1/") + target);
    EXPECT_EQ(got.status, 400) << target;
    EXPECT_EQ(got.body, "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":" +
                            json_text(error) + "}")
        << target;
  }
}

TEST_F(PrometheusApi, WhatIsNotThereIsRefusedWhateverTheMethod) {
  for (const char* method : {"GET", "POST", "PUT", "DELETE"}) {
    EXPECT_EQ(host.answer(method, "/api/v1/nosuch"), "404 404 page not found\n") << method;
    EXPECT_EQ(host.answer(method, "/nosuch").substr(0, 3), method[0] == 'G' ? "200" : "404")
        << method << ": only the console's own pages are known by any path";
  }
  const auto refused = host.ask("DELETE", "/api/v1/label/job/values");
  EXPECT_EQ(refused.status, 405);
  EXPECT_EQ(refused.headers.get("Allow"), "GET");
  EXPECT_EQ(json::parse(refused.body)["status"], "error");
}

TEST_F(PrometheusApi, PagesOfThisMachineMayReadAndOthersOnlyWithTheToken) {
  const auto of = [](AppHost& on, const std::string& method, const std::string& origin,
                     AppHost::Fields fields = {}) {
    fields.emplace_back("Origin", origin);
    const auto answer = on.ask(method, "/api/v1/query?query=1", {}, fields);
    return std::to_string(answer.status) + " " +
           std::string(answer.headers.get("Access-Control-Allow-Origin"));
  };
  EXPECT_EQ(of(host, "GET", "http://localhost:3000"), "200 http://localhost:3000");
  EXPECT_EQ(of(host, "OPTIONS", "http://localhost:3000"), "204 http://localhost:3000");
  EXPECT_EQ(of(host, "GET", "http://evil.example"), "200 ");
  AppHost guarded(AppHost::Access::kGuarded);
  EXPECT_EQ(of(guarded, "OPTIONS", "http://grafana.example"), "204 *");
  EXPECT_EQ(of(guarded, "GET", "http://grafana.example"), "401 ");
  EXPECT_EQ(of(guarded, "GET", "http://grafana.example",
               {{"Authorization", "Bearer " + guarded.token()}}),
            "200 *");
}

TEST_F(PrometheusApi, GroupsComeInPages) {
  const auto first = data("/api/v1/rules?group_limit=1");
  EXPECT_EQ(first["groups"].size(), 1u);
  EXPECT_FALSE(first.contains("groupNextToken")) << "there is one group";
}

TEST_F(PrometheusApi, FederationGivesTheNewestSamplesWithExternalLabels) {
  EXPECT_EQ(host.answer("GET", "/federate?match[]={"),
            "400 1:2: parse error: unexpected end of input inside braces\n");
  const auto page = host.ask("GET", "/federate?match[]=requests");
  EXPECT_EQ(page.headers.get("Content-Type"),
            "text/plain; version=0.0.4; charset=utf-8; escaping=underscores");
  EXPECT_THAT(page.body,
              testing::MatchesRegex("# TYPE requests untyped\n"
                                    "requests\\{service=\"bank\",instance=\"\"\\} 2 [0-9]+\n"
                                    "requests\\{service=\"shop\",instance=\"\"\\} 500 [0-9]+\n"));
  EXPECT_EQ(host.ask("GET", "/federate").body, "");
  AppHost guarded(AppHost::Access::kGuarded);
  EXPECT_EQ(guarded.ask("GET", "/federate?match[]=up").status, 401);
}

TEST_F(PrometheusApi, TheStoreIsAdministeredByThoseWhoMay) {
  EXPECT_EQ(host.answer("POST", "/api/v1/admin/tsdb/delete_series"),
            "400 {\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"no match[] parameter "
            "provided\"}");
  AppHost guarded(AppHost::Access::kGuarded);
  for (const char* verb : {"delete_series?match[]=x", "clean_tombstones", "snapshot"})
    EXPECT_EQ(guarded.ask("POST", std::string("/api/v1/admin/tsdb/") + verb).status, 401) << verb;
}

TEST_F(PrometheusApi, NamesAndValuesOfAnyBytesAreAnsweredAsJson) {
  host.append("odd", 1, model::Labels{{"v", "a\"\\\n<b>\xe2\x80\xa8\x01"}});
  const auto got = host.get("/api/v1/series?match[]=odd");
  EXPECT_EQ(got["data"][0]["v"], "a\"\\\n<b>\xe2\x80\xa8\x01");
}

TEST(JsonText, WritesNumbersAsPrometheusDoes) {
  struct Case {
    double value;
    const char* want;
  };
  for (const auto& [value, want] :
       std::initializer_list<Case>{{1, "\"1\""},
                                   {0, "\"0\""},
                                   {1e-7, "\"1e-07\""},
                                   {1e-6, "\"0.000001\""},
                                   {1e21, "\"1e+21\""},
                                   {123456789012345680000.0, "\"123456789012345680000\""},
                                   {std::numeric_limits<double>::infinity(), "\"+Inf\""},
                                   {-1.5, "\"-1.5\""}}) {
    std::string out;
    append_json_value(out, value);
    EXPECT_EQ(out, want);
  }
  std::string out;
  append_json_time(out, -1);
  out += ' ';
  append_json_time(out, 1435781430781);
  out += ' ';
  append_json_time(out, 1020);
  EXPECT_EQ(out, "-0.001 1435781430.781 1.020");
  EXPECT_EQ(json_text(std::string("a\xff\xc3", 3)), "\"a\xef\xbf\xbd\xef\xbf\xbd\"");
}

}  // namespace
}  // namespace holdfast::app
