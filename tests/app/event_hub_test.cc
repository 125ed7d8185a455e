// The journal's news as a console hears it.
#include "app/api/event_hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/sim.h"

namespace holdfast::app {
namespace {

using testing::ElementsAre;

// One browser's stream: what it was told, as "id topic".
class Ear final : public net::EventStream {
 public:
  bool send(std::string_view event, std::string_view data, std::string_view id) override {
    if (!listens) return false;
    told.push_back(std::string(id) + " " + std::string(event));
    last_data = data;
    return true;
  }
  bool open() const override { return listens; }
  std::vector<std::string> told;
  std::string last_data;
  bool listens = true;
};

class Door final : public net::Responder {
 public:
  void send(net::Response response) override { refused = std::move(response); }
  std::shared_ptr<net::EventStream> start_events() override { return ear; }
  std::stop_token stop() const override { return {}; }
  std::shared_ptr<Ear> ear = std::make_shared<Ear>();
  std::optional<net::Response> refused;
};

class EventHubTest : public testing::Test {
 protected:
  EventHubTest() {
    auto opened = state::open_journal(env, {"/journal"});
    EXPECT_TRUE(opened);
    journal = std::move(*opened);
    hub = std::make_unique<EventHub>(env, *journal);
    hub->add_routes(router);
  }
  std::shared_ptr<Door> open(const std::string& last_event_id = {}, const std::string& after = {}) {
    net::Request request;
    request.method = "GET";
    request.path = request.target = "/api/holdfast/v1/events";
    if (!after.empty()) request.query = {{"after", after}};
    if (!last_event_id.empty()) request.headers.set("Last-Event-ID", last_event_id);
    net::Response refusal;
    const auto* route = router.match(request, refusal);
    EXPECT_NE(route, nullptr);
    auto door = std::make_shared<Door>();
    route->handler(request, door);
    executor.run_ready();
    return door;
  }
  void happen(const std::string& topic, int times = 1) {
    for (int i = 0; i < times; ++i) {
      state::Batch batch;
      batch.entry(topic, "key", "{\"topic\":\"" + topic + "\"}");
      journal->commit(std::move(batch));
    }
    executor.run_for(1s);
  }

  SeededRandom random{1};
  SimClock clock;
  SimExecutor executor{clock};
  SimFileSystem files{random, &clock};
  SimNetwork network{executor, random};
  Env env{clock, random, files, network.host("here"), executor};
  std::unique_ptr<state::Journal> journal;
  std::unique_ptr<EventHub> hub;
  net::Router router;
};

TEST_F(EventHubTest, GreetsWithTheNewestNumberAndThenTellsEveryEntry) {
  happen("alert.changed", 2);
  const auto door = open();
  EXPECT_THAT(door->ear->told, ElementsAre("2 hello"));
  happen("incident.changed");
  happen("drill.changed");
  EXPECT_THAT(door->ear->told, ElementsAre("2 hello", "3 incident.changed", "4 drill.changed"));
  EXPECT_EQ(door->ear->last_data, R"({"topic":"drill.changed"})");
}

TEST_F(EventHubTest, TellsWhatWasMissedByHeaderOrParameter) {
  for (const char* topic : {"a", "b", "c"}) happen(topic);
  EXPECT_THAT(open("1")->ear->told, ElementsAre("2 b", "3 c"));
  EXPECT_THAT(open("", "2")->ear->told, ElementsAre("3 c"));
  EXPECT_THAT(open("0")->ear->told, ElementsAre("1 a", "2 b", "3 c"));
  EXPECT_TRUE(open("3")->ear->told.empty());
  EXPECT_THAT(open("2", "0")->ear->told, ElementsAre("3 c"))
      << "the browser's own header is newer than the address it was opened with";
  EXPECT_THAT(open("nonsense")->ear->told, ElementsAre("3 hello"));
}

TEST_F(EventHubTest, AReplayedEntryIsNotToldAgain) {
  happen("a");
  state::Batch batch;
  batch.entry("b", "key", "{}");
  journal->commit(std::move(batch));  // on its way: durable, but its subscribers wait on the strand
  const auto door = open("0");
  happen("c");
  EXPECT_THAT(door->ear->told, ElementsAre("1 a", "2 b", "3 c"));
}

TEST_F(EventHubTest, AfterMoreThanAThousandMissedItSaysReset) {
  happen("a", 1001);
  EXPECT_EQ(open("1")->ear->told.size(), 1000U);
  const auto door = open("0");
  EXPECT_THAT(door->ear->told, ElementsAre("1001 reset"));
  happen("b");
  EXPECT_THAT(door->ear->told, ElementsAre("1001 reset", "1002 b"));
}

TEST_F(EventHubTest, ANumberFromAnotherJournalIsAReset) {
  happen("a");
  EXPECT_THAT(open("77")->ear->told, ElementsAre("1 reset"));
}

TEST_F(EventHubTest, TheStreamAfterTheTwoHundredFiftySixthIsRefusedUntilOneEnds) {
  std::vector<std::shared_ptr<Door>> doors;
  for (int i = 0; i < 256; ++i) doors.push_back(open());
  EXPECT_EQ(hub->stream_count(), 256U);
  const auto refused = open();
  ASSERT_TRUE(refused->refused);
  EXPECT_EQ(refused->refused->status, 503);
  EXPECT_EQ(refused->refused->body,
            R"({"error":{"code":"unavailable","message":"256 event streams are open already"}})");
  doors[7]->ear->listens = false;
  EXPECT_FALSE(open()->refused);
  EXPECT_EQ(hub->stream_count(), 256U);
}

TEST_F(EventHubTest, AStreamThatIsGoneIsForgotten) {
  const auto door = open();
  const auto other = open();
  door->ear->listens = false;
  happen("a");
  EXPECT_EQ(hub->stream_count(), 1U);
  EXPECT_THAT(other->ear->told, ElementsAre("0 hello", "1 a"));
}

}  // namespace
}  // namespace holdfast::app
