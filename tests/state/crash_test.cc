// Power fails at any step, on a disk that loses and tears what was not synced, fills up, and fails.
// What was acknowledged is there; what was not is there wholly or not at all; order holds.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/check.h"
#include "sim_host.h"
#include "state/sqlite.h"

namespace holdfast::state {
namespace {

// What this test knows of each batch, by number: entry "<n>/a", "<n>/b", document n, intent n.
enum class Fate { kQueued, kAcknowledged, kRefused, kRefusedFailing };

class Story {
 public:
  explicit Story(std::uint64_t seed) : host_(seed), chance_(seed * 977 + 5) {}

  void run() {
    for (int life = 0; life < 4; ++life) {
      live();
      host_.crash();
      faults_off();
      // A crash during recovery itself: open, and lose power before anything else happens.
      if (chance_.chance(0.3)) {
        host_.open();
        host_.crash();
      }
      host_.open();
      if (testing::Test::HasFatalFailure()) return;
      check();
    }
  }

 private:
  void faults_off() {
    host_.files.set_full(false);
    host_.files.set_failing(0);
    failing_ = false;
  }

  void live() {
    const auto steps = 5 + chance_.below(60);
    for (std::uint64_t i = 0; i < steps; ++i) {
      if (chance_.chance(0.05)) faults();
      const auto burst = 1 + chance_.below(4);
      for (std::uint64_t n = 0; n < burst; ++n) commit();
      // Not always to the end: some are lost between queue, disk and answer.
      if (chance_.chance(0.8)) host_.executor.run_ready();
    }
    if (chance_.chance(0.5)) host_.executor.run_ready();
  }

  void faults() {
    faults_off();
    const auto kind = chance_.below(4);
    if (kind == 0) host_.files.set_full(true);
    if (kind == 1) {
      failing_ = true;
      host_.files.set_failing(0.2);
    }
  }

  void commit() {
    const int number = next_++;
    const auto name = std::to_string(number);
    const std::string body(chance_.below(chance_.chance(0.1) ? 30'000 : 300), 'x');
    Batch batch;
    batch.entry("t", name + "/a", body).entry("t", name + "/b", body);
    batch.document("d", name, "{" + body + "}").intent({name, "k", body, {}});
    fates_[number] = Fate::kQueued;
    host_.journal->commit(std::move(batch), [this, number](Result<Seq> result) {
      fates_[number] = result     ? Fate::kAcknowledged
                       : failing_ ? Fate::kRefusedFailing
                                  : Fate::kRefused;
    });
  }

  void check() {
    std::set<std::string> entries, documents, intents;
    Seq last = 0;
    int last_number = -1;
    for (const auto& entry : *host_.journal->read({.limit = 1'000'000})) {
      ASSERT_EQ(entry.seq, last + 1) << "a gap";
      last = entry.seq;
      const int number = std::stoi(entry.key);
      ASSERT_GE(number, last_number) << "out of order";
      last_number = number;
      entries.insert(entry.key);
    }
    for (const auto& document : *host_.journal->documents("d")) documents.insert(document.id);
    for (const auto& intent : *host_.journal->pending_intents()) intents.insert(intent.key);
    for (const auto& [number, fate] : fates_) {
      const auto name = std::to_string(number);
      const bool there = entries.count(name + "/a") > 0;
      ASSERT_EQ(entries.count(name + "/b") > 0, there) << name << " is torn";
      ASSERT_EQ(documents.count(name) > 0, there) << name << " is torn";
      ASSERT_EQ(intents.count(name) > 0, there) << name << " is torn";
      if (fate == Fate::kAcknowledged) {
        ASSERT_TRUE(there) << name << " was acknowledged and is lost";
      }
      if (fate == Fate::kRefused) {
        ASSERT_FALSE(there) << name << " was refused and is there";
      }
    }
    // What survived now must survive from now on.
    for (auto& [number, fate] : fates_) {
      fate =
          entries.count(std::to_string(number) + "/a") > 0 ? Fate::kAcknowledged : Fate::kRefused;
    }
  }

  SimHost host_;
  SeededRandom chance_;  // the story's own, so that the disk's draws do not shift it
  bool failing_ = false;
  int next_ = 0;
  std::map<int, Fate> fates_;
};

TEST(JournalCrash, LosesNothingAcknowledgedAndTearsNothing) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Story(seed).run();
    if (testing::Test::HasFatalFailure()) return;
  }
  const auto probes = probe_hits();
  EXPECT_GT(probes.at("journal: commit refused"), 50u);
}

// A disk whose syncs report failure though the bytes are down: the worst a refused commit can leave.
class LyingSyncs final : public FileSystem {
 public:
  explicit LyingSyncs(FileSystem& disk) : disk_(disk) {}

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    auto file = HF_TRY(disk_.open(path, mode));
    return std::unique_ptr<File>(std::make_unique<Lying>(std::move(file), failing));
  }
  Result<void> create_directories(const std::string& p) override {
    return disk_.create_directories(p);
  }
  Result<std::vector<FileInfo>> list(const std::string& p) override { return disk_.list(p); }
  Result<FileInfo> info(const std::string& p) override { return disk_.info(p); }
  Result<void> rename(const std::string& a, const std::string& b) override {
    return disk_.rename(a, b);
  }
  Result<void> remove(const std::string& p) override { return disk_.remove(p); }
  Result<void> sync_dir(const std::string& p) override { return disk_.sync_dir(p); }
  Result<std::uint64_t> free_space(const std::string& p) override { return disk_.free_space(p); }

  int failing = 0;  // syncs yet to fail

 private:
  struct Lying final : File {
    Lying(std::unique_ptr<File> f, int& n) : file(std::move(f)), failing(n) {}
    Result<void> append(std::string_view b) override { return file->append(b); }
    Result<void> write_at(std::uint64_t o, std::string_view b) override {
      return file->write_at(o, b);
    }
    Result<std::string> read_at(std::uint64_t o, std::size_t n) override {
      return file->read_at(o, n);
    }
    Result<std::uint64_t> size() override { return file->size(); }
    Result<void> truncate(std::uint64_t n) override { return file->truncate(n); }
    Result<void> sync() override {
      HF_TRY(file->sync());
      if (failing == 0) return {};
      --failing;
      return unavailable("sync: input/output error");
    }
    std::unique_ptr<File> file;
    int& failing;
  };

  FileSystem& disk_;
};

TEST(JournalCrash, ARefusedCommitThatReachedTheDiskDoesNotComeBack) {
  SimHost host;
  ASSERT_TRUE(host.commit(one_entry("before")).has_value());
  host.journal.reset();
  LyingSyncs lying(host.files);
  Env env{host.clock, host.random, lying, host.network.host("here"), host.executor};
  host.journal = *open_journal(env, {kDirectory});
  lying.failing = 2;  // the group's, and the batch's alone
  const auto refused = host.commit(one_entry("refused"));
  ASSERT_FALSE(refused.has_value());
  ASSERT_EQ(lying.failing, 0);
  host.crash_and_reopen();
  EXPECT_EQ(host.keys(), std::vector<std::string>{"before"});
}

TEST(JournalCrash, AFileMadeByACommitKeepsItsNameWithoutAnyoneElseSyncingTheFolder) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SimHost host(seed);
    ASSERT_TRUE(host.commit(one_entry("first")).has_value());
    host.journal.reset();
    SqliteVfs vfs(host.env);
    {
      auto connection = *Connection::open(vfs, std::string(kDirectory) + "/journal.db");
      ASSERT_TRUE(connection->checkpoint().has_value());
    }
    // As after restoring a backup of the database alone: the log is made anew.
    ASSERT_TRUE(host.files.remove(std::string(kDirectory) + "/journal.db-wal").has_value());
    ASSERT_TRUE(host.files.sync_dir(kDirectory).has_value());
    {
      auto connection = *Connection::open(vfs, std::string(kDirectory) + "/journal.db");
      ASSERT_TRUE(connection->execute("INSERT INTO entries VALUES (2, 0, 't', 'second', '')"));
    }
    host.files.crash();
    host.open();
    ASSERT_EQ(host.keys().size(), 2u) << "seed " << seed;
  }
}

TEST(JournalCrash, InTheMidstOfTheFirstOpeningLeavesAFolderThatOpens) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SimHost host(seed);
    host.journal.reset();
    ASSERT_TRUE(host.files.remove_all("/data").has_value());
    host.files.set_failing(0.1);  // stops the opening somewhere
    auto opened = open_journal(host.env, {kDirectory});
    const bool durable = opened.has_value();
    host.files.set_failing(0);
    host.executor.clear();
    host.files.crash();
    opened = internal("closed");
    host.open();
    ASSERT_NE(host.journal, nullptr) << "seed " << seed << " opened before: " << durable;
    ASSERT_TRUE(host.commit(one_entry("x")).has_value()) << "seed " << seed;
    host.crash_and_reopen();
    EXPECT_EQ(host.keys().size(), 1u) << "seed " << seed;
  }
}

}  // namespace
}  // namespace holdfast::state
