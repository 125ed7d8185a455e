// Objects in a folder, on a simulated disk.
#include "base/objects.h"

#include "base/sim.h"
#include "gtest/gtest.h"

namespace holdfast {
namespace {

struct Folder {
  SeededRandom random{7};
  SimClock clock;
  SimFileSystem files{random, &clock};
  DirectoryObjectStore store{files, "/cold"};
};

TEST(DirectoryObjects, AreGivenBackListedAndRemoved) {
  Folder f;
  EXPECT_TRUE(f.store.list("").value().empty());
  ASSERT_TRUE(f.store.put_bytes("a/b/one", "0123456789"));
  ASSERT_TRUE(f.store.put_bytes("a/two", "x"));
  ASSERT_TRUE(f.store.put_bytes("c", ""));
  EXPECT_EQ(f.store.get("a/b/one", 3, 4).value(), "3456");
  EXPECT_EQ(f.store.get("a/b/one", 8, 4).error().code(), Code::kDataLoss);
  EXPECT_EQ(f.store.get("a/none", 0, 1).error().code(), Code::kNotFound);
  EXPECT_EQ(f.store.info("a").error().code(), Code::kNotFound);
  EXPECT_EQ(f.store.info("a/b/one")->size, 10u);
  EXPECT_EQ(f.store.get_whole("c", 10).value(), "");
  std::string keys;
  for (const ObjectInfo& object : f.store.list("").value()) keys += object.key + " ";
  EXPECT_EQ(keys, "a/b/one a/two c ");
  EXPECT_EQ(f.store.list("a/b").value().size(), 1u);
  ASSERT_TRUE(f.store.remove("a/two"));
  ASSERT_TRUE(f.store.remove("a/two"));
  EXPECT_EQ(f.store.list("a/").value().size(), 1u);
}

TEST(DirectoryObjects, AFailedPutLeavesWhatWasThere) {
  Folder f;
  ASSERT_TRUE(f.store.put_bytes("a", "old"));
  ObjectStore::Source source;
  source.size = 3 << 20;
  source.read = [](std::uint64_t at, std::size_t size) -> Result<std::string> {
    if (at > 0) return unavailable("torn");
    return std::string(size, 'x');
  };
  EXPECT_EQ(f.store.put("a", source).error().code(), Code::kUnavailable);
  EXPECT_EQ(f.store.get_whole("a", 10).value(), "old");
  EXPECT_EQ(f.store.list("").value().size(), 1u);
}

TEST(DirectoryObjects, KeysStayBelowTheFolder) {
  Folder f;
  for (const char* key : {"", "../a", "a/../b", "/a", "a//b", "a/.", "a.part"})
    EXPECT_EQ(f.store.put_bytes(key, "x").error().code(), Code::kInvalid) << key;
}

TEST(DirectoryObjects, AClosedStoreAnswersNothing) {
  Folder f;
  f.store.stop();
  EXPECT_EQ(f.store.put_bytes("a", "x").error().code(), Code::kCanceled);
  EXPECT_EQ(f.store.list("").error().code(), Code::kCanceled);
}

}  // namespace
}  // namespace holdfast
