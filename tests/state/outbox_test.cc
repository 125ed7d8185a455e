#include "state/outbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/check.h"
#include "sim_host.h"

namespace holdfast::state {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Batch intents(std::initializer_list<const char*> keys, const char* kind = "send") {
  Batch batch;
  for (const char* key : keys) batch.intent({key, kind, std::string("lane of ") + key[0], {}});
  return batch;
}

// A host with an outbox whose handler "send" writes down what it is asked and answers when told.
struct OutboxHost : SimHost {
  struct Act {
    std::string key;
    int attempt;
    MonoTime at;
    Outbox::Finish finish;
  };

  explicit OutboxHost(std::uint64_t seed = 1) : SimHost(seed) { fresh(); }

  void fresh() { outbox = std::make_unique<Outbox>(env, *journal); }

  Outbox::Handler handler() {
    Outbox::Handler handler;
    handler.run = [this](const Intent& intent, int attempt, Outbox::Finish finish) {
      acts.push_back({intent.key, attempt, clock.mono(), std::move(finish)});
    };
    return handler;
  }

  void start() { start(handler()); }
  void start(Outbox::Handler handler) {
    outbox->handle("send", std::move(handler));
    ASSERT_TRUE(outbox->start().has_value());
  }

  void commit_and_run(Batch batch) {
    outbox->commit(std::move(batch));
    executor.run_ready();
  }

  void succeed(std::size_t act) {
    acts[act].finish(one_entry("sent " + acts[act].key));
    executor.run_ready();
  }
  void fail(std::size_t act, const char* why = "refused") {
    acts[act].finish(unavailable(why));
    executor.run_ready();
  }

  std::vector<std::string> acted() const {
    std::vector<std::string> list;
    for (const auto& act : acts) list.push_back(act.key + "#" + std::to_string(act.attempt));
    return list;
  }

  void crash_and_restart() {
    executor.clear();
    files.crash();
    outbox.reset();
    journal.reset();
    open();
    fresh();
  }

  std::vector<Act> acts;
  std::unique_ptr<Outbox> outbox;
};

TEST(Outbox, ActsOnlyAfterTheIntentIsDurable) {
  OutboxHost host;
  host.start();
  std::vector<std::string> order;
  auto subscription =
      host.journal->subscribe("", [&](const Entry&) { order.push_back("subscriber"); });
  auto batch = intents({"a"});
  batch.entry("t", "k", "{}");
  host.outbox->commit(std::move(batch), [&](const auto&) {
    EXPECT_THAT(host.acted(), IsEmpty());
    order.push_back("done");
  });
  EXPECT_THAT(host.acted(), IsEmpty());
  host.executor.run_ready();
  EXPECT_THAT(host.acted(), ElementsAre("a#1"));
  EXPECT_THAT(order, ElementsAre("done", "subscriber"));
}

TEST(Outbox, RecordsOutcomeAndCompletionInOneTransaction) {
  OutboxHost host;
  host.start();
  host.commit_and_run(intents({"a"}));
  EXPECT_EQ(host.outbox->pending(), 1u);
  const auto commits = host.journal->stats().commits;
  host.succeed(0);
  EXPECT_EQ(host.journal->stats().commits, commits + 1);
  EXPECT_EQ(host.outbox->pending(), 0u);
  EXPECT_THAT(host.keys(), ElementsAre("sent a"));
  EXPECT_THAT(*host.journal->pending_intents(), IsEmpty());
  // Known keys never act again, in this life or the next.
  host.commit_and_run(intents({"a"}));
  host.crash_and_restart();
  host.start();
  host.commit_and_run(intents({"a"}));
  EXPECT_THAT(host.acted(), ElementsAre("a#1"));
}

TEST(Outbox, ARefusedCommitActsOnNothing) {
  OutboxHost host;
  host.start();
  host.files.set_full(true);
  bool refused = false;
  host.outbox->commit(intents({"a"}), [&](Result<Seq> result) { refused = !result; });
  host.executor.run_for(1h);
  EXPECT_TRUE(refused);
  EXPECT_THAT(host.acted(), IsEmpty());
  EXPECT_EQ(host.outbox->pending(), 0u);
}

TEST(Outbox, WaitsTwiceAsLongAfterEachErrorUpToTheLimit) {
  OutboxHost host;
  auto handler = host.handler();
  handler.backoff_min = 1s;
  handler.backoff_max = 10s;
  host.start(std::move(handler));
  host.commit_and_run(intents({"a"}));
  const double want[] = {1, 2, 4, 8, 10, 10, 10};
  for (std::size_t i = 0; i < std::size(want); ++i) {
    const auto failed_at = host.clock.mono();
    host.fail(i);
    ASSERT_EQ(host.acts.size(), i + 1) << "acted without waiting";
    host.executor.run_until([&] { return host.acts.size() == i + 2; }, 1min);
    ASSERT_EQ(host.acts.size(), i + 2);
    const double waited = to_seconds(host.clock.mono() - failed_at);
    EXPECT_GE(waited, want[i] * 0.8 - 1e-6) << i;
    EXPECT_LE(waited, want[i] * 1.2 + 1e-6) << i;
    EXPECT_EQ(host.acts.back().attempt, static_cast<int>(i) + 2);
  }
}

TEST(Outbox, GivesUpWithTheBatchTheHandlerNames) {
  OutboxHost host;
  auto handler = host.handler();
  std::string why;
  handler.give_up = [&](const Intent& intent, int attempts, const Error& error) {
    std::optional<Batch> outcome;
    if (attempts == 3) outcome = one_entry("gave up " + intent.key);
    why = error.message();
    return outcome;
  };
  host.start(std::move(handler));
  host.commit_and_run(intents({"a"}));
  for (std::size_t i = 0; i < 3; ++i) {
    host.executor.run_until([&] { return host.acts.size() == i + 1; }, 1min);
    host.fail(i, "no route");
  }
  host.executor.run_for(1h);
  EXPECT_THAT(host.acted(), ElementsAre("a#1", "a#2", "a#3"));
  EXPECT_EQ(why, "no route");
  EXPECT_THAT(host.keys(), ElementsAre("gave up a"));
  EXPECT_EQ(host.outbox->pending(), 0u);
  EXPECT_THAT(*host.journal->pending_intents(), IsEmpty());
}

TEST(Outbox, AnAttemptWithoutAnswerTimesOutAndIsTriedAgain) {
  OutboxHost host;
  auto handler = host.handler();
  handler.attempt_timeout = 5s;
  std::vector<std::string> errors;
  handler.give_up = [&](const Intent&, int, const Error& error) {
    errors.push_back(std::string(code_name(error.code())) + ": " + error.message());
    return std::optional<Batch>();
  };
  host.start(std::move(handler));
  host.commit_and_run(intents({"a"}));
  host.executor.run_for(8s);
  EXPECT_THAT(host.acted(), ElementsAre("a#1", "a#2"));
  EXPECT_THAT(errors, ElementsAre("timeout: no outcome within 5s"));
  // The first attempt was only late: its success ends the intent, the second's answer is ignored.
  host.succeed(0);
  EXPECT_EQ(host.outbox->pending(), 0u);
  host.succeed(1);
  host.executor.run_for(1h);
  EXPECT_THAT(host.acted(), ElementsAre("a#1", "a#2"));
  EXPECT_THAT(host.keys(), ElementsAre("sent a"));
}

TEST(Outbox, ALateSuccessWhileWaitingEndsTheIntentAndALateErrorDoesNot) {
  OutboxHost host;
  auto handler = host.handler();
  handler.attempt_timeout = 5s;
  handler.in_flight_max = 1;
  host.start(std::move(handler));
  host.commit_and_run(intents({"a"}));
  host.executor.run_for(5s);  // timed out, backing off
  host.succeed(0);
  EXPECT_EQ(host.outbox->pending(), 0u);
  // The slot was counted right: another intent runs.
  host.commit_and_run(intents({"b"}));
  ASSERT_THAT(host.acted(), ElementsAre("a#1", "b#1"));
  host.executor.run_for(7s);
  ASSERT_THAT(host.acted(), ElementsAre("a#1", "b#1", "b#2"));
  host.fail(1, "late error of the first attempt");
  EXPECT_EQ(host.acts.size(), 3u);
  host.succeed(2);
  EXPECT_EQ(host.outbox->pending(), 0u);
}

TEST(Outbox, KeepsToItsLimitInFlight) {
  OutboxHost host;
  auto handler = host.handler();
  handler.in_flight_max = 2;
  host.start(std::move(handler));
  host.commit_and_run(intents({"a", "b", "c", "d"}));
  EXPECT_THAT(host.acted(), ElementsAre("a#1", "b#1"));
  host.fail(0);  // waits and gives its slot back
  EXPECT_THAT(host.acted(), ElementsAre("a#1", "b#1", "c#1"));
  host.succeed(1);
  EXPECT_THAT(host.acted(), ElementsAre("a#1", "b#1", "c#1", "d#1"));
}

TEST(Outbox, ALaneRunsOneAfterAnotherInCommitOrder) {
  OutboxHost host;
  auto handler = host.handler();
  handler.lane_of = [](const Intent& intent) { return intent.body; };  // by the key's first letter
  host.start(std::move(handler));
  host.commit_and_run(intents({"a1", "a2", "b1"}));
  host.commit_and_run(intents({"a3", "b2"}));
  EXPECT_THAT(host.acted(), ElementsAre("a1#1", "b1#1"));
  host.fail(0);  // the lane waits with its head
  host.succeed(1);
  EXPECT_THAT(host.acted(), ElementsAre("a1#1", "b1#1", "b2#1"));
  host.executor.run_for(2s);
  EXPECT_THAT(host.acted(), ElementsAre("a1#1", "b1#1", "b2#1", "a1#2"));
  host.succeed(3);
  host.succeed(4);
  host.succeed(5);
  EXPECT_THAT(host.acted(), ElementsAre("a1#1", "b1#1", "b2#1", "a1#2", "a2#1", "a3#1"));
  host.succeed(2);
  EXPECT_EQ(host.outbox->pending(), 0u);
}

TEST(Outbox, WaitsForItsTimeThoughTheClockIsSet) {
  OutboxHost host;
  host.start();
  const auto due = host.clock.now() + 5h;
  host.commit_and_run(std::move(Batch().intent({"a", "send", "", due})));
  host.executor.run_for(90min);
  EXPECT_THAT(host.acted(), IsEmpty());
  host.clock.step_wall(3h);
  host.executor.run_for(29min);
  EXPECT_THAT(host.acted(), IsEmpty());
  ASSERT_TRUE(host.executor.run_until([&] { return !host.acts.empty(); }, 61min));
  EXPECT_THAT(host.acted(), ElementsAre("a#1"));
  EXPECT_GE(host.clock.now(), due);
  host.succeed(0);
  // A time beyond any timer is simply not yet.
  host.commit_and_run(
      std::move(Batch().intent({"b", "send", "", *parse_time("9000-01-01T00:00:00Z")})));
  host.executor.run_for(3h);
  EXPECT_THAT(host.acted(), ElementsAre("a#1"));
}

TEST(Outbox, ResumesAfterACrashUnderTheSameKey) {
  OutboxHost host;
  host.start();
  host.commit_and_run(intents({"a", "b"}));
  host.succeed(0);
  host.acts[1].finish(one_entry("sent b"));  // done outside, but power fails before it is recorded
  host.crash_and_restart();
  host.acts.clear();
  host.start();
  host.executor.run_ready();
  EXPECT_THAT(host.acted(), ElementsAre("b#1"));
  host.succeed(0);
  EXPECT_THAT(host.keys(), ElementsAre("sent a", "sent b"));
  EXPECT_THAT(*host.journal->pending_intents(), IsEmpty());
}

TEST(Outbox, NeverRepeatsAnActBecauseItsRecordWasRefused) {
  OutboxHost host;
  host.start();
  host.commit_and_run(intents({"a"}));
  host.files.set_full(true);
  host.succeed(0);
  host.executor.run_for(10min);
  EXPECT_EQ(host.outbox->pending(), 1u);
  host.files.set_full(false);
  host.executor.run_for(10min);
  EXPECT_THAT(host.acted(), ElementsAre("a#1"));
  EXPECT_THAT(host.keys(), ElementsAre("sent a"));
  EXPECT_EQ(host.outbox->pending(), 0u);
}

TEST(Outbox, AnIntentOfUnknownKindStaysPending) {
  OutboxHost host;
  host.start();
  host.commit_and_run(intents({"x"}, "nobody knows"));
  host.executor.run_for(1h);
  EXPECT_EQ(host.outbox->pending(), 1u);
  host.crash_and_restart();
  auto handler = host.handler();
  host.outbox->handle("nobody knows", std::move(handler));
  host.start();
  host.executor.run_ready();
  EXPECT_THAT(host.acted(), ElementsAre("x#1"));
}

TEST(Outbox, AnOutcomeMayCarryFurtherIntents) {
  OutboxHost host;
  host.start();
  host.commit_and_run(intents({"a"}));
  host.acts[0].finish(intents({"next"}));
  host.executor.run_ready();
  EXPECT_THAT(host.acted(), ElementsAre("a#1", "next#1"));
}

TEST(Outbox, AnswersAfterItIsGoneAreDropped) {
  OutboxHost host;
  host.start();
  host.commit_and_run(intents({"a"}));
  host.outbox.reset();
  host.succeed(0);
  host.executor.run_for(1h);
  EXPECT_EQ(host.journal->pending_intents()->size(), 1u);
}

TEST(Outbox, EveryIntentEndsThroughRandomFailuresAndCrashes) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    OutboxHost host(seed);
    SeededRandom chance(seed + 1000);
    std::map<std::string, int> done;
    auto handler = [&] {
      Outbox::Handler handler;
      handler.lane_of = [](const Intent& intent) { return intent.key.substr(0, 1); };
      handler.in_flight_max = 3;
      handler.run = [&](const Intent& intent, int, Outbox::Finish finish) {
        const auto dice = chance.below(10);
        if (dice == 0) return;  // never answers
        host.executor.post_after(Lane::kPool, from_seconds(chance.unit() * 40),
                                 [&done, dice, key = intent.key, finish = std::move(finish)] {
                                   if (dice < 4) return finish(unavailable("no"));
                                   ++done[key];
                                   finish(one_entry(key));
                                 });
      };
      return handler;
    };
    host.start(handler());
    int next = 0;
    for (int round = 0; round < 6; ++round) {
      for (std::uint64_t i = chance.below(6); i > 0; --i) {
        Batch batch;
        const std::string lane(1, static_cast<char>('a' + chance.below(3)));
        host.outbox->commit(
            std::move(batch.intent({lane + std::to_string(next++), "send", "", {}})));
      }
      host.executor.run_for(from_seconds(chance.unit() * 100));
      if (chance.chance(0.5)) {
        host.crash_and_restart();
        host.start(handler());
      }
    }
    const auto accepted = host.outbox->pending();
    ASSERT_TRUE(host.executor.run_until([&] { return host.outbox->pending() == 0; }, 24h))
        << accepted;
    ASSERT_THAT(*host.journal->pending_intents(), IsEmpty());
    const auto recorded = host.keys();
    ASSERT_EQ(std::set<std::string>(recorded.begin(), recorded.end()).size(), recorded.size())
        << "an outcome was recorded twice";
    for (const auto& key : recorded) ASSERT_GE(done[key], 1);
  }
}

}  // namespace
}  // namespace holdfast::state
