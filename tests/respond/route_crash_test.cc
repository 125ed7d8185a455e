// Random traces with crashes: no page is lost, and what is told twice is told under the same key.
#include <gmock/gmock.h>

#include "respond/route_host.h"

namespace holdfast::respond::route {
namespace {

using Kind = send::Outcome::Kind;

// The last thing each receiver was told of each alert.
std::map<std::string, bool> last_told(const RouteHost& host) {
  std::map<std::string, bool> fires;
  for (const auto& one : host.told) {
    for (const auto& alert : one.notification.alerts)
      fires[one.notification.receiver + " " + alert.labels.text()] = !alert.resolved();
  }
  return fires;
}

// Two tellings of a group to an integration, one after the other under different keys, must differ in what they say.
void expect_no_repeats(const RouteHost& host) {
  std::map<std::string, const Told*> last;
  std::set<std::string> keys;
  for (const auto& one : host.told) {
    const auto& told = one.notification;
    if (!keys.insert(told.key()).second) continue;
    auto& before = last[told.group_key + told.receiver_key()];
    if (before != nullptr) {
      EXPECT_NE(before->text(), one.text())
          << told.key() << " after " << before->notification.key() << ": " << told.reason;
    }
    before = &one;
  }
}

struct Trace {
  // Of every second trace the receivers hang now and then, so that nobody knows what arrived; that whoever may have been told
  // hears of the end is N1's promise, so there it is asked for.
  explicit Trace(std::uint64_t seed)
      : random(seed), host(config(), with(seed % 2 == 1), seed), hangs(seed % 2 == 1) {
    host.answer = [this](const send::SendRequest&) -> std::optional<send::Outcome> {
      send::Outcome outcome;
      if (calm || random.chance(0.7)) return outcome;
      if (hangs && random.chance(0.2)) return std::nullopt;
      outcome.kind = random.chance(0.8) ? Kind::kRetry : Kind::kFailed;
      outcome.reason = "serverError";
      return outcome;
    };
  }
  static RouterOptions with(bool always_resolve) {
    RouterOptions options;
    options.always_resolve = always_resolve;
    return options;
  }
  static Config config() {
    auto config = small_config();
    config.route.repeat_interval = 24h;
    config.resolve_timeout = 24h;
    config.receivers.push_back(webhook_receiver("db", 2));
    Route db;
    db.receiver = "db";
    db.group_by = {"alertname"};
    db.group_wait = 0s;
    db.group_interval = 5s;
    db.repeat_interval = 24h;
    db.matchers = {is("alertname", "B")};
    db.keep_going = true;
    config.route.routes = {db};
    return config;
  }
  void step() {
    const std::string name = random.chance(0.5) ? "A" : "B";
    const auto alert = firing(name, std::to_string(random.below(5)));
    const bool fires = random.chance(0.6);
    ASSERT_TRUE(host.post({fires ? alert : resolved(alert, host.now())}).has_value());
    state[alert.labels.text()] = fires;
    if (fires) known.insert(alert.labels.text());
    host.run(std::chrono::milliseconds(random.below(4000)));
    if (random.chance(0.3)) {
      ++crashes;
      host.crash(std::chrono::milliseconds(random.chance(0.5) ? 0 : random.below(20'000)));
    }
  }
  SeededRandom random;
  RouteHost host;
  bool hangs = false;
  bool calm = false;
  int crashes = 0;
  std::map<std::string, bool> state;  // by labels: fires
  std::set<std::string> known;
};

TEST(RouterCrashes, LoseNoPageAndRepeatNoneUnderAnotherKey) {
  int crashes = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Trace trace(seed);
    for (int i = 0; i < 40; ++i) trace.step();
    trace.calm = true;
    trace.host.run(1min);
    crashes += trace.crashes;
    const auto told = last_told(trace.host);
    for (const auto& [labels, fires] : trace.state) {
      const auto receiver = labels.find("\"B\"") != std::string::npos ? "db " : "team ";
      const auto it = told.find(receiver + labels);
      if (fires) {
        EXPECT_TRUE(it != told.end() && it->second) << labels << " fires and was not told";
      } else if (it != told.end()) {
        EXPECT_FALSE(it->second) << labels << " is over and was not told";
      }
    }
    expect_no_repeats(trace.host);
  }
  EXPECT_GT(crashes, 200);
}

TEST(RouterCrashes, AFullDiskStillLetsPagesOutAndWhatIsRefusedIsAnswered) {
  RouteHost host(Trace::config());
  ASSERT_TRUE(host.post({firing("A", "1")}).has_value());
  host.run(2s);
  host.host.files.set_full(true);
  std::optional<bool> stored;
  host.router->post({firing("A", "2")},
                    [&](Result<PostResult> result) { stored = result.has_value(); });
  host.run(1min);
  EXPECT_EQ(stored, false);
  EXPECT_EQ(host.told.back().text(), "FIRING 1 2");
  host.host.files.set_full(false);
  host.run(1min);
  host.crash();
  host.run(30s);
  EXPECT_EQ(host.router->alerts({}).size(), 2u);
}

}  // namespace
}  // namespace holdfast::respond::route
