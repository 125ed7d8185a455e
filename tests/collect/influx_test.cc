#include "collect/receive/influx_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "receive_world.h"

namespace holdfast::collect {
namespace {

using ::testing::HasSubstr;

struct LineCase {
  std::string name, line;
  std::string want;  // the samples, or what the refusal says
};

TEST(InfluxLine, ReadsEveryFormAndRefusesTheRestByLine) {
  const LineCase cases[] = {
      {"plain", "cpu,host=a usage=1.5 1000000", "cpu_usage{host=\"a\"} 1 1.5\n"},
      {"two fields", "cpu a=1,b=2i 1000000", "cpu_a 1 1\ncpu_b 1 2\n"},
      {"no time", "cpu a=1", "cpu_a 99 1\n"},
      {"booleans", "m a=t,b=F,c=true,d=FALSE 0", "m_a 0 1\nm_b 0 0\nm_c 0 1\nm_d 0 0\n"},
      {"unsigned and exponent", "m a=7u,b=1e3,c=-2.5 0", "m_a 0 7\nm_b 0 1000\nm_c 0 -2.5\n"},
      {"text fields are passed over", "m a=\"x, y=1\",b=2 0", "m_b 0 2\n"},
      {"quotes within quotes", "m a=\"x\\\"y z\",b=2 0", "m_b 0 2\n"},
      {"a line feed in a text", "m a=\"x\ny\",b=2 0\nn c=1 0", "m_b 0 2\nn_c 0 1\n"},
      {"only text", "m a=\"x\" 0", ""},
      {"escapes", "my\\ m\\,x,t\\ a\\=g=v\\ 1\\,2 f\\ 1=3 0",
       "{\"my m,x_f 1\",\"t a=g\"=\"v 1,2\"} 0 3\n"},
      {"a backslash of its own", "m,t=a\\b f=1 0", "m_f{t=\"a\\\\b\"} 0 1\n"},
      {"no measurement", ",t=a f=1 0", "f{t=\"a\"} 0 1\n"},
      {"comments and empty lines", "# \"note\n\n  \nm f=1 0", "m_f 0 1\n"},
      {"carriage returns", "m f=1 0\r\nm g=2 0\r\n", "m_f 0 1\nm_g 0 2\n"},
      {"times before 1970 round down", "m f=1 -1", "m_f -1 1\n"},
      {"the tag wins over what is added", "m,db=own f=1 0", "m_f{db=\"own\"} 0 1\n"},
      {"empty tag value", "m,t= f=1 0", "m_f 0 1\n"},
      {"no fields", "m", "line 1: no fields"},
      {"tag without value", "m,t f=1", "line 1: tag 't' has no '='"},
      {"field without value", "ok f=1 0\nm f", "line 2: field 'f' has no '='"},
      {"bad number", "m f=1x", "field 'f' is '1x'; allowed: a number"},
      {"infinite", "m f=inf", "field 'f' is 'inf'"},
      {"text without end", "m f=\"abc", "text of field 'f' does not end"},
      {"bad time", "m f=1 yesterday", "timestamp 'yesterday' is no integer"},
      {"no UTF-8", "m,t=\xff f=1 0", "the value of label t is not UTF-8"},
  };
  InfluxOptions options;
  options.now = 99;
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto batch = read_influx_lines(c.line, options);
    if (batch.refusals.empty()) {
      EXPECT_EQ(describe(batch), c.want);
    } else {
      EXPECT_THAT(batch.refusals.text(), HasSubstr(c.want));
    }
  }
}

TEST(InfluxLine, EveryPrecisionHasItsStep) {
  const std::pair<const char*, std::int64_t> cases[] = {
      {"", 5'000'000}, {"n", 5'000'000}, {"ns", 5'000'000}, {"u", 5'000}, {"us", 5'000},
      {"ms", 5},       {"s", 5},         {"m", 5},          {"h", 5}};
  const std::int64_t want[] = {5, 5, 5, 5, 5, 5, 5'000, 300'000, 18'000'000};
  std::size_t at = 0;
  for (const auto& [word, steps] : cases) {
    InfluxOptions options;
    options.precision = influx_precision(word).value();
    const auto batch = read_influx_lines("m f=1 " + std::to_string(steps), options);
    ASSERT_EQ(batch.samples.size(), 1u) << word;
    EXPECT_EQ(batch.samples[0].sample.t, want[at++]) << word;
  }
  EXPECT_FALSE(influx_precision("d"));
  InfluxOptions hours;
  hours.precision = 1h;
  EXPECT_THAT(read_influx_lines("m f=1 9223372036854775807", hours).refusals.text(),
              HasSubstr("outside all time"));
}

TEST(InfluxHttp, TelegrafCreatesItsDatabaseWritesAndIsToldOfBadLines) {
  ReceiveWorld world;
  const auto t = world.now();
  const auto ns = std::to_string(t) + "000000";
  EXPECT_EQ(world.call("GET", "/ping").status, 204);
  EXPECT_EQ(world.call("HEAD", "/ping").status, 204);
  EXPECT_EQ(world.call("GET", "/api/v2/ping").headers.get("X-Influxdb-Version"), "1.8.10");
  const auto created = world.call("POST", "/query", "q=CREATE+DATABASE+%22telegraf%22",
                                  {{"Content-Type", "application/x-www-form-urlencoded"}});
  EXPECT_EQ(created.status, 200);
  EXPECT_EQ(created.body, "{\"results\":[{\"statement_id\":0}]}\n");
  EXPECT_EQ(world.call("GET", "/query").status, 400);

  EXPECT_EQ(world.call("POST", "/write?db=telegraf&u=x&p=y", "cpu,host=a usage=1 " + ns).status,
            204);
  EXPECT_EQ(world
                .call("POST", "/api/v2/write?org=o&bucket=b&precision=ms",
                      "cpu,host=a usage=2 " + std::to_string(t))
                .status,
            204);
  const auto at = " " + std::to_string(t) + " ";
  EXPECT_EQ(world.stored("cpu_usage"), "cpu_usage{db=\"b\",host=\"a\"}" + at + "2\n" +
                                           "cpu_usage{db=\"telegraf\",host=\"a\"}" + at + "1\n");

  const auto partial = world.call("POST", "/write", "mem free=1 " + ns + "\nbroken\n");
  EXPECT_EQ(partial.status, 400);
  EXPECT_EQ(partial.body, "{\"error\":\"partial write: 1 refused: line 2: no fields\"}\n");
  EXPECT_EQ(world.stored("mem_free"), "mem_free" + at + "1\n");
  EXPECT_EQ(world.call("POST", "/write?precision=days", "m f=1").status, 400);
}

TEST(InfluxHttp, AFullDiskAsksTheSenderToTryAgain) {
  ReceiveWorld world;
  world.world.files.set_full(true);
  const auto answer = world.call("POST", "/write", "m f=1");
  EXPECT_EQ(answer.status, 503);
  EXPECT_FALSE(answer.headers.get("Retry-After").empty());
}

}  // namespace
}  // namespace holdfast::collect
