#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>

#include "base/sim.h"

namespace holdfast {
namespace {

class SimFilesTest : public ::testing::Test {
 protected:
  void write(const std::string& path, std::string_view bytes, bool sync) {
    const auto file = *files_.open(path, OpenMode::kReadWrite);
    ASSERT_TRUE(file->append(bytes));
    if (sync) {
      ASSERT_TRUE(file->sync());
    }
  }
  SeededRandom random_{1};
  SimFileSystem files_{random_};
};

TEST_F(SimFilesTest, ACrashKeepsWhatIsSyncedWithItsName) {
  write("/a", "safe", true);
  ASSERT_TRUE(files_.sync_dir("/"));
  for (int i = 0; i < 50; ++i) {
    files_.crash();
    ASSERT_EQ(*files_.read_file("/a"), "safe");
  }
}

// How often each outcome of a small story came up over many seeds; "absent" for a file without a
// name.
std::map<std::string, int> outcomes(const std::function<void(SimFileSystem&)>& story,
                                    const std::string& path) {
  std::map<std::string, int> seen;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SeededRandom random(seed);
    SimFileSystem files(random);
    story(files);
    files.crash();
    const auto content = files.read_file(path);
    ++seen[content ? *content : "absent"];
  }
  return seen;
}

TEST(SimFilesCrash, ANameThatIsNotSyncedMayBeLost) {
  const auto seen = outcomes(
      [](SimFileSystem& files) {
        const auto file = *files.open("/a", OpenMode::kCreate);
        ASSERT_TRUE(file->append("x"));
        ASSERT_TRUE(file->sync());
      },
      "/a");
  EXPECT_EQ(seen.size(), 2u);
  EXPECT_GT(seen.at("absent"), 50);
  EXPECT_GT(seen.at("x"), 50);
}

TEST(SimFilesCrash, UnsyncedWritesAreLostTornOrKept) {
  const auto seen = outcomes(
      [](SimFileSystem& files) {
        const auto file = *files.open("/a", OpenMode::kCreate);
        ASSERT_TRUE(files.sync_dir("/"));
        ASSERT_TRUE(file->append("AB"));
        ASSERT_TRUE(file->sync());
        ASSERT_TRUE(file->append("cd"));
        ASSERT_TRUE(file->append("ef"));
      },
      "/a");
  // Every prefix, and the second append without the first.
  const std::set<std::string> want = {"AB",    "ABc",    "ABcd",
                                      "ABcde", "ABcdef", std::string("AB\0\0ef", 6)};
  std::set<std::string> got;
  for (const auto& [content, count] : seen) got.insert(content);
  EXPECT_EQ(got, want);
}

TEST(SimFilesCrash, RenameIsOneStep) {
  const auto story = [](SimFileSystem& files) {
    ASSERT_TRUE(files.write_file_atomic("/old", "content"));
    ASSERT_TRUE(files.rename("/old", "/new"));
  };
  const auto old_seen = outcomes(story, "/old");
  const auto new_seen = outcomes(story, "/new");
  EXPECT_EQ(old_seen.at("content") + new_seen.at("content"), 300) << "exactly one of both names";
  EXPECT_GT(new_seen.at("content"), 50);
  EXPECT_GT(old_seen.at("content"), 50);
}

TEST(SimFilesCrash, WriteFileAtomicLeavesTheOldBytesOrTheNew) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SeededRandom random(seed);
    SimFileSystem files(random);
    // What may stand there: the last content known to be safe, or an attempt since that failed
    // half-way.
    std::set<std::string> possible = {"absent"};
    for (int i = 0; i < 20; ++i) {
      const auto next = std::string(1 + random.below(50), static_cast<char>('a' + i));
      files.set_failing(0.1);
      const auto written = files.write_file_atomic("/state", next);
      files.set_failing(0);
      if (written) possible.clear();
      possible.insert(next);
      const bool crashed = random.chance(0.3);
      if (crashed) files.crash();
      const auto content = files.read_file("/state");
      const auto found = content ? *content : "absent";
      ASSERT_EQ(possible.count(found), 1u) << "seed " << seed << " step " << i << ": " << found;
      if (crashed) possible = {found};
    }
  }
}

// An append-only file against a plain model: every acknowledged sync is there after a crash, and
// beyond it nothing but what was written in that place, or zeros.
TEST(SimFilesCrash, KeepsEverySyncedByteOverFiveHundredSeeds) {
  int longer_than_synced = 0;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SeededRandom random(seed);
    SimFileSystem files(random);
    ASSERT_TRUE(files.create_directories("/data/wal"));
    auto file = *files.open("/data/wal/0", OpenMode::kReadWrite);
    ASSERT_TRUE(files.sync_dir("/data/wal"));
    std::string written;
    std::size_t synced = 0;
    for (int step = 0; step < 60; ++step) {
      const auto dice = random.below(10);
      if (dice < 6) {
        std::string bytes;
        for (std::uint64_t i = 0; i <= random.below(30); ++i)
          bytes += static_cast<char>('a' + random.below(26));
        ASSERT_TRUE(file->append(bytes));
        written += bytes;
      } else if (dice < 9) {
        ASSERT_TRUE(file->sync());
        synced = written.size();
      } else {
        files.crash();
        ASSERT_FALSE(file->append("x")) << "a file of before the crash is dead";
        file = *files.open("/data/wal/0", OpenMode::kReadWrite);
        const auto content = *files.read_file("/data/wal/0");
        ASSERT_GE(content.size(), synced) << "seed " << seed;
        ASSERT_LE(content.size(), written.size()) << "seed " << seed;
        ASSERT_EQ(content.substr(0, synced), written.substr(0, synced)) << "seed " << seed;
        for (std::size_t i = synced; i < content.size(); ++i) {
          ASSERT_TRUE(content[i] == written[i] || content[i] == '\0') << "seed " << seed;
        }
        longer_than_synced += content.size() > synced;
        written = content;
        synced = content.size();
      }
      ASSERT_EQ(*files.read_file("/data/wal/0"), written);
      ASSERT_EQ(files.used(), written.size());
    }
  }
  EXPECT_GT(longer_than_synced, 100) << "the test must meet crashes that keep unsynced bytes";
  const auto probes = probe_hits();
  EXPECT_GT(probes.at("sim disk: write torn"), 0u);
  EXPECT_GT(probes.at("sim disk: write kept above a lost one"), 0u);
}

// Names against a model: what sync_dir() covered is there; what was never made is not.
TEST(SimFilesCrash, KeepsEverySyncedNameOverFiveHundredSeeds) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SeededRandom random(seed);
    SimFileSystem files(random);
    ASSERT_TRUE(files.create_directories("/d"));
    std::set<std::string> now, safe;  // names in the folder
    std::set<std::string> touched;    // changed since the last sync: either way is right
    for (int step = 0; step < 40; ++step) {
      const auto name = "/d/" + std::to_string(random.below(6));
      const auto to = "/d/" + std::to_string(random.below(6));
      switch (random.below(5)) {
        case 0:
          ASSERT_TRUE(files.open(name, OpenMode::kReadWrite));
          if (now.insert(name).second) touched.insert(name);
          break;
        case 1:
          ASSERT_EQ(files.remove(name).has_value(), now.erase(name) > 0);
          touched.insert(name);
          break;
        case 2:
          ASSERT_EQ(files.rename(name, to).has_value(), now.count(name) > 0);
          if (name == to || now.erase(name) == 0) break;
          now.insert(to);
          touched.insert({name, to});
          break;
        case 3:
          ASSERT_TRUE(files.sync_dir("/d"));
          safe = now;
          touched.clear();
          break;
        case 4:
          files.crash();
          now.clear();
          for (const auto& entry : *files.list("/d")) now.insert("/d/" + entry.name);
          for (int i = 0; i < 6; ++i) {
            const auto each = "/d/" + std::to_string(i);
            if (touched.count(each) > 0) continue;
            ASSERT_EQ(now.count(each), safe.count(each)) << "seed " << seed << " " << each;
          }
          safe = now;
          touched.clear();
          break;
      }
    }
  }
}

TEST_F(SimFilesTest, FoldersAreSafeWhenTheyAreMade) {
  ASSERT_TRUE(files_.create_directories("/a/b/c"));
  files_.crash();
  EXPECT_TRUE(files_.exists("/a/b/c"));
}

TEST_F(SimFilesTest, AFullDiskTakesNothingUntilItHasRoom) {
  write("/a", "before", true);
  files_.set_full(true);
  const auto file = *files_.open("/a", OpenMode::kReadWrite);
  EXPECT_EQ(file->append("x").error().code(), Code::kExhausted);
  EXPECT_EQ(*files_.free_space("/"), 0u);
  EXPECT_EQ(*files_.read_file("/a"), "before");
  files_.set_full(false);
  EXPECT_TRUE(file->append("x"));
}

TEST_F(SimFilesTest, CapacityStoresWhatFitsAndRemovalFreesIt) {
  files_.set_capacity(10);
  write("/a", "123456", false);
  const auto file = *files_.open("/b", OpenMode::kCreate);
  EXPECT_EQ(file->append("abcdefgh").error().code(), Code::kExhausted);
  EXPECT_EQ(*files_.read_file("/b"), "abcd");
  EXPECT_TRUE(file->write_at(0, "ABCD")) << "overwriting needs no room";
  EXPECT_EQ(files_.used(), 10u);
  ASSERT_TRUE(files_.remove("/a"));
  EXPECT_EQ(files_.used(), 4u);
  EXPECT_TRUE(file->append("efghij"));
  EXPECT_EQ(*files_.free_space("/"), 0u);
}

TEST_F(SimFilesTest, FailuresComeAsOftenAsAsked) {
  write("/a", "content", true);
  files_.set_failing(0.5);
  int failed = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto opened = files_.open("/a", OpenMode::kRead);
    if (opened) continue;
    ++failed;
    ASSERT_EQ(opened.error().code(), Code::kUnavailable);
  }
  EXPECT_NEAR(failed, 500, 100);
  files_.set_failing(0);
  EXPECT_EQ(*files_.read_file("/a"), "content");
}

TEST_F(SimFilesTest, FilesAreDatedByTheClock) {
  SimClock clock(from_ms(5000));
  SimFileSystem files(random_, &clock);
  ASSERT_TRUE(files.write_file_atomic("/a", "x"));
  EXPECT_EQ(to_ms(files.info("/a")->modified), 5000);
}

TEST_F(SimFilesTest, AFolderDoesNotMoveIntoItself) {
  ASSERT_TRUE(files_.create_directories("/a/b"));
  EXPECT_FALSE(files_.rename("/a", "/a/b/c"));
  EXPECT_TRUE(files_.rename("/a", "/x"));
  EXPECT_TRUE(files_.exists("/x/b"));
}

}  // namespace
}  // namespace holdfast
