#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collect/receive/json_lines.h"
#include "receive_world.h"

namespace holdfast::collect {
namespace {

using ::testing::HasSubstr;

struct ImportCase {
  std::string name, body;
  std::string want;  // the samples, or what the refusal says
};

TEST(JsonLines, ReadsSeriesAndRefusesTheRestByLine) {
  const ImportCase cases[] = {
      {"plain", R"({"metric":{"__name__":"up","job":"a"},"values":[1,0],"timestamps":[5,6]})",
       "up{job=\"a\",region=\"eu\"} 5 1\nup{job=\"a\",region=\"eu\"} 6 0\n"},
      {"odd values",
       R"({"metric":{"__name__":"a"},"values":[null,"Infinity","-Infinity","3"],"timestamps":[1,2,3,4]})",
       "a{region=\"eu\"} 1 NaN\na{region=\"eu\"} 2 +Inf\na{region=\"eu\"} 3 -Inf\n"
       "a{region=\"eu\"} 4 3\n"},
      {"times in any order", R"({"metric":{"__name__":"a"},"values":[2,1],"timestamps":[6,5]})",
       "a{region=\"eu\"} 5 1\na{region=\"eu\"} 6 2\n"},
      {"its own label wins",
       R"({"metric":{"__name__":"a","region":"us"},"values":[2],"timestamps":[6]})",
       "a{region=\"us\"} 6 2\n"},
      {"no JSON", "\n{", "line 2: no JSON object"},
      {"no metric", R"({"values":[1],"timestamps":[1]})", "line 1: no 'metric'"},
      {"no name", R"({"metric":{"a":"b"},"values":[1],"timestamps":[1]})", "without a metric name"},
      {"uneven", R"({"metric":{"__name__":"a"},"values":[1],"timestamps":[1,2]})",
       "1 values for 2 timestamps"},
      {"label no text", R"({"metric":{"__name__":"a","b":1},"values":[1],"timestamps":[1]})",
       "label 'b' is no text"},
      {"bad value", R"({"metric":{"__name__":"a"},"values":[true],"timestamps":[1]})",
       "value 0 is no number"},
      {"bad time", R"({"metric":{"__name__":"a"},"values":[1],"timestamps":[1e300]})",
       "timestamp 0 is none"},
  };
  ImportOptions options;
  options.more = model::Labels{{"region", "eu"}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto batch = read_json_lines(c.body, options);
    if (batch.refusals.empty()) {
      EXPECT_EQ(describe(batch), c.want);
    } else {
      EXPECT_THAT(batch.refusals.text(), HasSubstr(c.want));
    }
  }
}

TEST(Csv, ReadsColumnsByTheirDescription) {
  const auto columns = read_csv_format("2:metric:temp,1:label:room,3:time:unix_s,4:metric:damp");
  ASSERT_TRUE(columns);
  const auto batch = read_csv(
      "kitchen,21.5,10,40\n\"hall, \"\"a\"\"\",19,11.5,\nbad,x,1,1\nshort\n", *columns, {});
  EXPECT_EQ(describe(batch),
            "temp{room=\"kitchen\"} 10000 21.5\ndamp{room=\"kitchen\"} 10000 40\n"
            "temp{room=\"hall, \\\"a\\\"\"} 11500 19\n");
  EXPECT_THAT(batch.refusals.text(), HasSubstr("line 3: column 2: 'x' is no number"));
  EXPECT_THAT(batch.refusals.text(), HasSubstr("line 4: no column 2"));
  for (const char* format :
       {"", "1:metric", "0:metric:a", "1:time:unix_m", "1:label:a", "x:metric:a"})
    EXPECT_FALSE(read_csv_format(format)) << format;
}

TEST(ImportHttp, WhatIsExportedIsImportedTheSame) {
  ReceiveOptions options;
  options.parse_selector = [](const std::string& text) -> Result<std::vector<model::Matcher>> {
    if (text.find('}') == text.npos) return invalid("no selector");
    return std::vector{*model::Matcher::make(model::MatchOp::kRegex, "__name__", "a|b")};
  };
  ReceiveWorld world(options);
  const auto t = world.now();
  const auto ms = [](std::int64_t at) { return std::to_string(at); };
  const auto text =
      "# TYPE a gauge\na{x=\"1\"} 1 " + ms(t) + "\na{x=\"1\"} NaN " + ms(t + 1) + "\nb +Inf\n";
  EXPECT_EQ(
      world
          .call("POST", "/api/v1/import/prometheus?extra_label=via=import&timestamp=" + ms(t), text)
          .status,
      204);
  const auto exported = world.call("GET", "/api/v1/export?match[]={__name__=~\"a|b\"}");
  EXPECT_EQ(exported.status, 200);
  EXPECT_EQ(exported.body,
            "{\"metric\":{\"__name__\":\"a\",\"via\":\"import\",\"x\":\"1\"},\"values\":"
            "[1,null],\"timestamps\":[" +
                ms(t) + "," + ms(t + 1) + "]}\n" +
                "{\"metric\":{\"__name__\":\"b\",\"via\":\"import\"},\"values\":"
                "[\"Infinity\"],\"timestamps\":[" +
                ms(t) + "]}\n");
  ReceiveWorld other(options);
  EXPECT_EQ(other.call("POST", "/api/v1/import", exported.body).status, 204);
  EXPECT_EQ(other.stored("a|b"), world.stored("a|b"));
  EXPECT_EQ(world.call("GET", "/api/v1/export?match[]={}&start=" + ms(t / 1000 + 60)).body, "");
  EXPECT_EQ(world.call("GET", "/api/v1/export").status, 400);
  EXPECT_EQ(world.call("GET", "/api/v1/export?match[]=x").status, 400);
  EXPECT_EQ(world.call("GET", "/api/v1/export?match[]={}&start=soon").status, 400);
}

TEST(ImportHttp, ABadLineOfTextIsNamedAndWhatStoodBeforeItIsKept) {
  ReceiveWorld world;
  const auto answer = world.call("POST", "/api/v1/import/prometheus", "a 1\nb{ 2\n");
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("line 2"));
  EXPECT_THAT(world.stored("a"), HasSubstr("a "));
  EXPECT_EQ(world.call("POST", "/api/v1/import/csv?format=1:metric:c", "5\n").status, 204);
  EXPECT_EQ(world.call("POST", "/api/v1/import/csv", "5\n").status, 400);
}

}  // namespace
}  // namespace holdfast::collect
