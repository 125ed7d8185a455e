// The journal on the machine: real files, real threads.
#include <gtest/gtest.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

#include "base/sim.h"
#include "state/journal.h"

namespace holdfast::state {
namespace {

class JournalOnTheMachine : public testing::Test {
 protected:
  JournalOnTheMachine() {
    std::string pattern = (std::filesystem::temp_directory_path() / "journal_test_XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    open();
  }
  ~JournalOnTheMachine() override {
    journal_.reset();
    std::filesystem::remove_all(folder_);
  }

  void open() {
    journal_.reset();
    auto opened = open_journal(env_, {folder_ + "/state"});
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    journal_ = std::move(*opened);
  }

  std::string folder_;
  SystemClock clock_;
  SystemRandom random_;
  PosixFileSystem files_;
  SimClock sim_clock_;
  SimExecutor sim_executor_{sim_clock_};
  SeededRandom sim_random_{1};
  SimNetwork network_{sim_executor_, sim_random_};  // no network is used; Env wants one
  ThreadExecutor executor_{2};
  Env env_{clock_, random_, files_, network_.host("x"), executor_};
  std::unique_ptr<Journal> journal_;
};

TEST_F(JournalOnTheMachine, AnswersInOrderOnTheControlStrandWhileOthersRead) {
  constexpr int kCommits = 2000;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Seq> answered;
  std::vector<Seq> heard;
  bool on_control = true;
  auto subscription = journal_->subscribe("t", [&](const Entry& entry) {
    std::lock_guard lock(mutex);
    heard.push_back(entry.seq);
    changed.notify_all();
  });
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    while (!stop) {
      const auto entries = journal_->read({.limit = 10, .newest_first = true});
      ASSERT_TRUE(entries.has_value());
      (void)journal_->stats();
    }
  });
  executor_.post(Lane::kControl, [&] {
    for (int i = 0; i < kCommits; ++i) {
      journal_->commit(std::move(Batch().entry("t", std::to_string(i), "{}")),
                       [&](Result<Seq> seq) {
                         std::lock_guard lock(mutex);
                         on_control = on_control && executor_.on_control();
                         answered.push_back(seq.value_or(-1));
                       });
    }
  });
  {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, 60s, [&] { return heard.size() == kCommits; }));
  }
  stop = true;
  reader.join();
  EXPECT_TRUE(on_control);
  for (int i = 0; i < kCommits; ++i) {
    ASSERT_EQ(answered[static_cast<std::size_t>(i)], i + 1);
    ASSERT_EQ(heard[static_cast<std::size_t>(i)], i + 1);
  }
  EXPECT_LT(journal_->stats().commits, 2000u) << "no two commits ever shared a transaction";
}

TEST_F(JournalOnTheMachine, DrainKeepsWhatIsQueuedEvenWhenTheExecutorHasStopped) {
  for (int i = 0; i < 50; ++i) journal_->commit(std::move(Batch().entry("t", "k", "{}")));
  executor_.stop();
  for (int i = 0; i < 50; ++i) journal_->commit(std::move(Batch().entry("t", "k", "{}")));
  journal_->drain();
  open();
  EXPECT_EQ(journal_->stats().last_seq, 100);
}

TEST_F(JournalOnTheMachine, ClosingInTheMidstOfWritingReturns) {
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 200; ++i) journal_->commit(std::move(Batch().entry("t", "k", "{}")));
    open();
  }
  const auto last = journal_->stats().last_seq;
  EXPECT_EQ(journal_->read({.limit = 1'000'000})->size(), static_cast<std::size_t>(last));
}

}  // namespace
}  // namespace holdfast::state
