#include "collect/receive/graphite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "receive_world.h"

namespace holdfast::collect {
namespace {

using ::testing::HasSubstr;

struct LineCase {
  std::string name, line;
  std::string want;  // the samples, or what the refusal says
  std::vector<std::string> templates{};
};

TEST(GraphiteLine, ReadsPathsTagsTimesAndTemplates) {
  const LineCase cases[] = {
      {"plain", "a.b.c 1.5 10", "{\"a.b.c\"} 10000 1.5\n"},
      {"tags", "a.b;k=v;z=1 2 10", "{\"a.b\",k=\"v\",z=\"1\"} 10000 2\n"},
      {"now by -1", "a 1 -1", "a 99 1\n"},
      {"now by N", "a 1 N", "a 99 1\n"},
      {"no time", "a 1", "a 99 1\n"},
      {"fractions of a second", "a 1 10.5", "a 10500 1\n"},
      {"tabs and blanks", "\ta  1\t10 \r", "a 10000 1\n"},
      {"template",
       "servers.web1.cpu.load 1 10",
       "cpu_load{host=\"web1\",region=\"eu\"} 10000 1\n",
       {"servers.* .host.measurement* region=eu"}},
      {"first template that fits",
       "x.web1.load 1 10",
       "load{host=\"web1\"} 10000 1\n",
       {"servers.* .host.measurement*", "*.web1 .host.measurement", "measurement*"}},
      {"no template fits", "y.z 1 10", "{\"y.z\"} 10000 1\n", {"servers.* .host.measurement*"}},
      {"a tag wins over the template",
       "servers.web1.load;host=own 1 10",
       "load{host=\"own\"} 10000 1\n",
       {"servers.* .host.measurement*"}},
      {"too few words", "a", "line 1: 'a'; allowed: path value [timestamp]"},
      {"too many words", "a 1 2 3", "allowed: path value [timestamp]"},
      {"bad value", "ok 1 10\na x 10", "line 2: value 'x' is no number"},
      {"bad time", "a 1 soon", "timestamp 'soon' is no number of seconds"},
      {"bad tag", "a;k 1 10", "tag 'k' is no name=value"},
      {"nothing left",
       "servers.web1 1 10",
       "without a metric name",
       {"servers.* .host.measurement*"}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    GraphiteRules rules;
    rules.separator = "_";
    for (const auto& text : c.templates)
      rules.templates.push_back(parse_graphite_template(text).value());
    const auto batch = read_graphite_lines(c.line, rules, 99);
    if (batch.refusals.empty()) {
      EXPECT_EQ(describe(batch), c.want);
    } else {
      EXPECT_THAT(batch.refusals.text(), HasSubstr(c.want));
    }
  }
  for (const char* text :
       {"", "host", "a b c d", "measurement x=", "1x.measurement", "measurement =y"}) {
    if (std::string(text) == "measurement x=") continue;  // an empty tag is an absent one
    EXPECT_FALSE(parse_graphite_template(text)) << text;
  }
}

class GraphiteTcp : public ::testing::Test {
 protected:
  static ReceiveOptions options() {
    ReceiveOptions options;
    options.graphite.listen = "holdfast:2003";
    options.graphite.line_size_max = 1000;
    return options;
  }
  void SetUp() override {
    world.world.network.host("target").connect({"holdfast", 2003, ""}, 5s, [this](auto made) {
      ASSERT_TRUE(made);
      connection = std::move(*made);
    });
    ASSERT_TRUE(world.world.executor.run_until([this] { return connection != nullptr; }, 5s));
  }
  void TearDown() override { connection.reset(); }
  bool until_stored(const std::string& metric, const std::string& want) {
    return world.world.executor.run_until([&] { return world.stored(metric) == want; }, 20s);
  }

  ReceiveWorld world{options()};
  std::unique_ptr<Connection> connection;
};

TEST_F(GraphiteTcp, StoresLinesHoweverTheyAreCut) {
  const auto seconds = std::to_string(world.now() / 1000);
  const auto at = " " + seconds + "000 ";
  connection->write("a.b 1 " + seconds + "\nc", {});
  EXPECT_TRUE(until_stored("a.b", "{\"a.b\"}" + at + "1\n"));
  connection->write(" 2 " + seconds + "\nbad\nd 3 " + seconds, {});
  EXPECT_TRUE(until_stored("c", "c" + at + "2\n"));
  connection->shutdown_write();
  EXPECT_TRUE(until_stored("d", "d" + at + "3\n")) << "the last line had no line feed";
}

TEST_F(GraphiteTcp, WaitsForRoomOnTheDisk) {
  const auto seconds = std::to_string(world.now() / 1000);
  world.world.files.set_full(true);
  connection->write("a 1 " + seconds + "\n", {});
  world.world.executor.run_for(5s);
  EXPECT_EQ(world.stored("a"), "");
  world.world.files.set_full(false);
  EXPECT_TRUE(until_stored("a", "a " + seconds + "000 1\n"));
}

TEST_F(GraphiteTcp, ALineWithoutEndClosesItsConnection) {
  bool ended = false;
  connection->read(100,
                   [&](const Result<std::string>& chunk) { ended = !chunk || chunk->empty(); });
  connection->write(std::string(2000, 'a'), {});
  EXPECT_TRUE(world.world.executor.run_until([&] { return ended; }, 10s));
}

}  // namespace
}  // namespace holdfast::collect
