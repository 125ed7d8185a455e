#include "state/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/check.h"
#include "sim_host.h"

namespace holdfast::state {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Journal, NumbersEntriesWithoutGapsInTheOrderOfCommits) {
  SimHost host;
  std::vector<Seq> answered;
  for (int i = 0; i < 5; ++i) {
    auto batch = one_entry("a" + std::to_string(i));
    batch.entry("t", "b" + std::to_string(i), "{}");
    host.journal->commit(std::move(batch), [&](Result<Seq> seq) { answered.push_back(*seq); });
  }
  host.executor.run_ready();
  EXPECT_THAT(answered, ElementsAre(2, 4, 6, 8, 10));
  EXPECT_THAT(host.keys({.limit = 4}), ElementsAre("a0", "b0", "a1", "b1"));
  EXPECT_EQ(host.journal->stats().last_seq, 10);
}

TEST(Journal, AnswersAreDurable) {
  SimHost host;
  ASSERT_TRUE(host.commit(one_entry("kept")).has_value());
  host.crash_and_reopen();
  EXPECT_THAT(host.keys(), ElementsAre("kept"));
  EXPECT_EQ(*host.commit(one_entry("next")), 2);
}

TEST(Journal, TellsDoneBeforeSubscribersAndBothInOrder) {
  SimHost host;
  std::vector<std::string> heard;
  auto all = host.journal->subscribe("", [&](const Entry& e) { heard.push_back("all " + e.key); });
  auto some = host.journal->subscribe(
      "x", [&](const Entry& e) { heard.push_back("x " + e.key + " " + std::to_string(e.seq)); });
  host.journal->commit(one_entry("1", "x"), [&](const auto&) { heard.push_back("done 1"); });
  host.journal->commit(one_entry("2", "y"), [&](const auto&) { heard.push_back("done 2"); });
  EXPECT_THAT(heard, IsEmpty());
  host.executor.run_ready();
  EXPECT_THAT(heard, ElementsAre("done 1", "all 1", "x 1 1", "done 2", "all 2"));
  some.reset();
  heard.clear();
  ASSERT_TRUE(host.commit(one_entry("3", "x")).has_value());
  host.executor.run_ready();
  EXPECT_THAT(heard, ElementsAre("all 3"));
}

TEST(Journal, ASubscriberMayEndItselfAndOthersWhileItIsTold) {
  SimHost host;
  std::unique_ptr<Subscription> first, second;
  int heard = 0;
  first = host.journal->subscribe("", [&](const Entry&) {
    ++heard;
    second.reset();
    first.reset();
  });
  second = host.journal->subscribe("", [&](const Entry&) { ADD_FAILURE() << "was ended"; });
  ASSERT_TRUE(host.commit(one_entry("1")).has_value());
  ASSERT_TRUE(host.commit(one_entry("2")).has_value());
  EXPECT_EQ(heard, 1);
}

TEST(Journal, ASubscriptionMayOutliveItsJournal) {
  SimHost host;
  auto subscription = host.journal->subscribe("", [](const Entry&) {});
  host.journal.reset();
  subscription.reset();
}

TEST(Journal, CommitsThatComeWhileOneIsWrittenGoOutTogether) {
  SimHost host;
  for (int i = 0; i < 100; ++i) host.journal->commit(one_entry(std::to_string(i)));
  host.executor.run_ready();
  EXPECT_EQ(host.journal->stats().commits, 1u);
  EXPECT_EQ(host.journal->stats().entries, 100u);
}

TEST(Journal, KeepsTheLatestDocumentAndTheEntryThatWroteIt) {
  SimHost host;
  auto batch = one_entry("1");
  batch.document("incident", "b", R"({"v":1})").document("incident", "a", R"({"v":1})");
  ASSERT_TRUE(host.commit(std::move(batch)).has_value());
  batch = one_entry("2");
  ASSERT_TRUE(host.commit(std::move(batch.document("incident", "b", R"({"v":2})"))).has_value());
  ASSERT_TRUE(host.commit(std::move(Batch().document("other", "b", "x"))).has_value());

  auto all = *host.journal->documents("incident");
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].id, "a");
  EXPECT_EQ(all[0].seq, 1);
  EXPECT_EQ(all[1].body, R"({"v":2})");
  EXPECT_EQ(all[1].seq, 2);
  EXPECT_EQ((*host.journal->document("incident", "b"))->body, R"({"v":2})");
  EXPECT_FALSE((*host.journal->document("incident", "c")).has_value());

  ASSERT_TRUE(host.commit(std::move(Batch().document("incident", "b", ""))).has_value());
  EXPECT_FALSE((*host.journal->document("incident", "b")).has_value());
}

TEST(Journal, FindsEntriesByTopicKeyAndTime) {
  SimHost host;
  const auto start = host.clock.now();
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(host.commit(one_entry("k" + std::to_string(i % 3), i % 2 ? "odd" : "even")));
    host.executor.run_for(1s);
  }
  struct Case {
    const char* name;
    EntryQuery query;
    std::vector<std::string> want;
  };
  const Case cases[] = {
      {"all", {}, {"k0", "k1", "k2", "k0", "k1", "k2"}},
      {"topic", {.topic = "odd"}, {"k1", "k0", "k2"}},
      {"key", {.key = "k1"}, {"k1", "k1"}},
      {"both", {.topic = "even", .key = "k1"}, {"k1"}},
      {"after", {.after = 4}, {"k1", "k2"}},
      {"newest", {.limit = 2, .newest_first = true}, {"k2", "k1"}},
      {"time", {.from = start + 1s, .to = start + 2s}, {"k1", "k2"}},
      {"none", {.topic = "nope"}, {}},
  };
  for (const auto& c : cases) EXPECT_EQ(host.keys(c.query), c.want) << c.name;
  EXPECT_EQ((*host.journal->read({}))[3].at, start + 3s);
}

TEST(Journal, AGivenTimeIsKeptAndBytesComeBackAsTheyWere) {
  SimHost host;
  Batch batch;
  const std::string body("{\"x\":\"\0 北\"}", 13);
  batch.entries.push_back({0, from_ms(1234), "t", "", body});
  ASSERT_TRUE(host.commit(std::move(batch)).has_value());
  const auto entry = host.journal->read({})->at(0);
  EXPECT_EQ(entry.at, from_ms(1234));
  EXPECT_EQ(entry.body, body);
  EXPECT_EQ(entry.key, "");
}

TEST(Journal, AKnownIntentIsIgnoredEvenWhenItIsFinished) {
  SimHost host;
  const Intent intent{"page-1", "notify", "{}", from_ms(7)};
  ASSERT_TRUE(host.commit(std::move(Batch().intent(intent))).has_value());
  ASSERT_TRUE(
      host.commit(std::move(Batch().intent({"page-1", "notify", "other", {}}))).has_value());
  auto pending = *host.journal->pending_intents();
  ASSERT_EQ(pending.size(), 1u);
  EXPECT_EQ(pending[0].body, "{}");
  EXPECT_EQ(pending[0].not_before, from_ms(7));
  EXPECT_EQ(host.journal->stats().pending_intents, 1u);

  Batch finish;
  finish.finished_intents = {"page-1", "never-heard-of"};
  ASSERT_TRUE(host.commit(std::move(finish)).has_value());
  std::vector<Intent> fresh{intent};
  host.journal->commit_telling(
      std::move(Batch().intent(intent).intent({"page-2", "notify", "", {}})),
      [&](Result<Journal::Committed> committed) { fresh = committed->intents; });
  host.executor.run_ready();
  ASSERT_EQ(fresh.size(), 1u);
  EXPECT_EQ(fresh[0].key, "page-2");
  EXPECT_EQ(host.journal->stats().pending_intents, 1u);
  host.crash_and_reopen();
  EXPECT_EQ(host.journal->stats().pending_intents, 1u);
}

TEST(Journal, AFullDiskRefusesAndLaterCommitsWork) {
  SimHost host;
  ASSERT_TRUE(host.commit(one_entry("before")).has_value());
  host.files.set_full(true);
  for (int i = 0; i < 3; ++i) {
    auto refused = host.commit(one_entry("refused", std::string(20'000, 't')));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code(), Code::kExhausted);
    EXPECT_THAT(refused.error().message(), HasSubstr("/data/journal/journal.db"));
  }
  EXPECT_THAT(host.keys(), ElementsAre("before"));
  EXPECT_EQ(host.journal->stats().failed_commits, 3u);
  host.files.set_full(false);
  EXPECT_EQ(*host.commit(one_entry("after")), 2);
  host.crash_and_reopen();
  EXPECT_THAT(host.keys(), ElementsAre("before", "after"));
}

TEST(Journal, ARefusalTellsNoSubscriber) {
  SimHost host;
  int heard = 0;
  auto subscription = host.journal->subscribe("", [&](const Entry&) { ++heard; });
  host.files.set_full(true);
  EXPECT_FALSE(host.commit(one_entry("x")).has_value());
  EXPECT_EQ(heard, 0);
}

TEST(Journal, ABatchTooLargeForTheDiskDoesNotRefuseItsNeighbours) {
  SimHost host;
  ASSERT_TRUE(host.commit(one_entry("before")).has_value());
  host.files.set_capacity(host.files.used() + 200'000);
  std::vector<std::string> answers;
  for (const auto& [key, size] :
       {std::pair{"small", 10}, {"large", 2'000'000}, {"also small", 10}}) {
    Batch batch;
    batch.entry("t", key, std::string(static_cast<std::size_t>(size), 'x'));
    host.journal->commit(std::move(batch), [&answers, key = std::string(key)](Result<Seq> result) {
      answers.push_back(key + (result ? " ok" : " refused"));
    });
  }
  host.executor.run_ready();
  EXPECT_THAT(answers, ElementsAre("small ok", "large refused", "also small ok"));
  host.crash_and_reopen();
  EXPECT_THAT(host.keys(), ElementsAre("before", "small", "also small"));
}

TEST(Journal, AFailingDiskRefusesAndTheJournalGoesOnWhenItIsWell) {
  SimHost host;
  ASSERT_TRUE(host.commit(one_entry("before")).has_value());
  host.files.set_failing(1);
  auto refused = host.commit(one_entry("refused"));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), Code::kUnavailable);
  host.files.set_failing(0);
  EXPECT_EQ(*host.commit(one_entry("after")), 2);
  host.crash_and_reopen();
  EXPECT_THAT(host.keys(), ElementsAre("before", "after"));
}

TEST(Journal, DrainWritesWithoutTheExecutor) {
  SimHost host;
  bool answered = false;
  host.journal->commit(one_entry("x"), [&](const auto&) { answered = true; });
  host.journal->drain();
  EXPECT_THAT(host.keys(), ElementsAre("x"));
  EXPECT_FALSE(answered);
  host.executor.run_ready();
  EXPECT_TRUE(answered);
}

TEST(Journal, ClosingDropsWhatIsQueuedAndCallsNobody) {
  SimHost host;
  host.journal->commit(one_entry("x"), [](const auto&) { ADD_FAILURE() << "the journal is gone"; });
  host.journal.reset();
  host.executor.run_ready();
  host.open();
  EXPECT_THAT(host.keys(), IsEmpty());
}

TEST(Journal, DoneMayDestroyTheJournal) {
  SimHost host;
  host.journal->commit(one_entry("x"), [&](const auto&) { host.journal.reset(); });
  host.journal->commit(one_entry("y"), [](const auto&) { ADD_FAILURE() << "the journal is gone"; });
  host.executor.run_ready();
  host.open();
  EXPECT_THAT(host.keys(), ElementsAre("x", "y"));
}

TEST(Journal, TheLogIsCopiedIntoTheDatabaseAndBeginsAnew) {
  SimHost host;
  const std::string body(4000, 'x');
  for (int i = 0; i < 3000; ++i) {
    Batch batch;
    batch.document("d", std::to_string(i % 7), body + std::to_string(i));
    ASSERT_TRUE(host.commit(std::move(batch)).has_value());
  }
  // 3000 commits of two pages and more each would be 24 MB of log.
  EXPECT_LT(host.journal->stats().size_bytes, 8u << 20);
  host.crash_and_reopen();
  EXPECT_EQ((*host.journal->document("d", "3"))->body, body + "2999");
}

TEST(Journal, FiveHoldfastsInOneProcessDoNotNoticeEachOther) {
  std::vector<std::unique_ptr<SimHost>> hosts;
  for (std::uint64_t i = 0; i < 5; ++i) hosts.push_back(std::make_unique<SimHost>(i));
  for (std::size_t i = 0; i < 5; ++i) {
    ASSERT_TRUE(hosts[i]->commit(one_entry(std::to_string(i))).has_value());
  }
  hosts[1]->crash();
  for (std::size_t i : {0u, 2u, 3u, 4u}) {
    EXPECT_THAT(hosts[i]->keys(), ElementsAre(std::to_string(i)));
  }
}

}  // namespace
}  // namespace holdfast::state
