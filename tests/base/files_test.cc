// The contract of FileSystem, proven on the machine's disk and on the simulated one by the same
// tests.
#include "base/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <functional>

#include "base/sim.h"

namespace holdfast {
namespace {

struct Disk {
  std::unique_ptr<Random> random;
  std::unique_ptr<FileSystem> files;
  std::string root;
};

struct PosixDisk {
  static Disk make() {
    std::string name = ::testing::TempDir() + "holdfast-files-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    return {nullptr, std::make_unique<PosixFileSystem>(), name};
  }
};
struct SimDisk {
  static Disk make() {
    auto random = std::make_unique<SeededRandom>(1);
    auto files = std::make_unique<SimFileSystem>(*random);
    EXPECT_TRUE(files->create_directories("/root"));
    return {std::move(random), std::move(files), "/root"};
  }
};

template <typename Kind>
class Files : public ::testing::Test {
 protected:
  ~Files() override { EXPECT_TRUE(files_.remove_all(disk_.root)); }
  std::string at(const std::string& name) const { return disk_.root + "/" + name; }

  Disk disk_ = Kind::make();
  FileSystem& files_ = *disk_.files;
};
using Kinds = ::testing::Types<PosixDisk, SimDisk>;
TYPED_TEST_SUITE(Files, Kinds);

TYPED_TEST(Files, AppendWriteReadAndTruncate) {
  const auto file = *this->files_.open(this->at("a"), OpenMode::kReadWrite);
  ASSERT_TRUE(file->append("hello "));
  ASSERT_TRUE(file->append("world"));
  ASSERT_TRUE(file->write_at(0, "J"));
  EXPECT_EQ(*file->read_at(0, 100), "Jello world");
  EXPECT_EQ(*file->read_at(6, 3), "wor");
  EXPECT_EQ(*file->read_at(11, 5), "");
  EXPECT_EQ(*file->read_at(1000, 5), "");
  ASSERT_TRUE(file->truncate(5));
  ASSERT_TRUE(file->append("!"));
  ASSERT_TRUE(file->write_at(8, "z"));
  EXPECT_EQ(*file->size(), 9u);
  EXPECT_EQ(*file->read_at(0, 9), std::string("Jello!\0\0z", 9));
  EXPECT_TRUE(file->sync());
  EXPECT_EQ(*this->files_.read_file(this->at("a")), std::string("Jello!\0\0z", 9));
}

TYPED_TEST(Files, AnAbsurdReadSizeAllocatesOnlyWhatIsThere) {
  ASSERT_TRUE(this->files_.write_file_atomic(this->at("a"), "abc"));
  const auto file = *this->files_.open(this->at("a"), OpenMode::kRead);
  EXPECT_EQ(*file->read_at(1, std::size_t{1} << 60), "bc");
}

TYPED_TEST(Files, OpenModesDoAsTheySay) {
  EXPECT_EQ(this->files_.open(this->at("none"), OpenMode::kRead).error().code(), Code::kNotFound);
  EXPECT_EQ(this->files_.open(this->at("no/folder"), OpenMode::kCreate).error().code(),
            Code::kNotFound);
  ASSERT_TRUE((*this->files_.open(this->at("a"), OpenMode::kCreate))->append("old"));
  EXPECT_EQ(*(*this->files_.open(this->at("a"), OpenMode::kReadWrite))->size(), 3u);
  EXPECT_FALSE((*this->files_.open(this->at("a"), OpenMode::kRead))->append("x"));
  EXPECT_EQ(*(*this->files_.open(this->at("a"), OpenMode::kCreate))->size(), 0u);
}

TYPED_TEST(Files, ErrorsNameThePath) {
  const auto error = this->files_.read_file(this->at("absent.txt")).error();
  EXPECT_THAT(error.message(), ::testing::HasSubstr(this->at("absent.txt")));
  EXPECT_EQ(this->files_.list(this->at("absent")).error().code(), Code::kNotFound);
  EXPECT_EQ(this->files_.info(this->at("absent")).error().code(), Code::kNotFound);
  EXPECT_EQ(this->files_.remove(this->at("absent")).error().code(), Code::kNotFound);
  EXPECT_EQ(this->files_.rename(this->at("absent"), this->at("b")).error().code(), Code::kNotFound);
  EXPECT_EQ(this->files_.sync_dir(this->at("absent")).error().code(), Code::kNotFound);
}

TYPED_TEST(Files, FoldersAreMadeWithTheirParentsAndListedByName) {
  ASSERT_TRUE(this->files_.create_directories(this->at("x/y/z")));
  ASSERT_TRUE(this->files_.create_directories(this->at("x/y/z"))) << "present is fine";
  for (const char* name : {"b", "c", "a"}) {
    ASSERT_TRUE(this->files_.write_file_atomic(this->at("x/") + name, name));
  }
  std::vector<std::string> names;
  for (const auto& entry : *this->files_.list(this->at("x"))) {
    names.push_back(entry.name + (entry.is_directory ? "/" : "=" + std::to_string(entry.size)));
  }
  EXPECT_THAT(names, ::testing::ElementsAre("a=1", "b=1", "c=1", "y/"));
  EXPECT_FALSE(this->files_.create_directories(this->at("x/a/under-a-file")));
  EXPECT_FALSE(this->files_.create_directories(this->at("x/a")));
}

TYPED_TEST(Files, RenameReplacesAndRemoveRemoves) {
  ASSERT_TRUE(this->files_.write_file_atomic(this->at("a"), "new"));
  ASSERT_TRUE(this->files_.write_file_atomic(this->at("b"), "old"));
  ASSERT_TRUE(this->files_.rename(this->at("a"), this->at("b")));
  EXPECT_FALSE(this->files_.exists(this->at("a")));
  EXPECT_EQ(*this->files_.read_file(this->at("b")), "new");
  ASSERT_TRUE(this->files_.remove(this->at("b")));
  EXPECT_FALSE(this->files_.exists(this->at("b")));
}

TYPED_TEST(Files, AFolderWithContentIsRemovedOnlyByRemoveAll) {
  ASSERT_TRUE(this->files_.create_directories(this->at("d/e")));
  ASSERT_TRUE(this->files_.write_file_atomic(this->at("d/e/f"), "x"));
  EXPECT_FALSE(this->files_.remove(this->at("d")));
  EXPECT_TRUE(this->files_.remove_all(this->at("d")));
  EXPECT_FALSE(this->files_.exists(this->at("d")));
  EXPECT_TRUE(this->files_.remove_all(this->at("d"))) << "absent is fine";
}

TYPED_TEST(Files, AnOpenFileOutlivesItsName) {
  const auto file = *this->files_.open(this->at("a"), OpenMode::kCreate);
  ASSERT_TRUE(this->files_.remove(this->at("a")));
  ASSERT_TRUE(file->append("still here"));
  EXPECT_EQ(*file->read_at(0, 100), "still here");
}

TYPED_TEST(Files, WriteFileAtomicReplacesAndLeavesNoRest) {
  ASSERT_TRUE(this->files_.write_file_atomic(this->at("a"), std::string(100000, 'x')));
  ASSERT_TRUE(this->files_.write_file_atomic(this->at("a"), "short"));
  EXPECT_EQ(*this->files_.read_file(this->at("a")), "short");
  EXPECT_EQ(this->files_.list(this->disk_.root)->size(), 1u);
}

TYPED_TEST(Files, FreeSpaceIsKnown) { EXPECT_GT(*this->files_.free_space(this->disk_.root), 0u); }

TEST(PosixFiles, AFullDiskIsExhausted) {
  PosixFileSystem files;
  const auto file = files.open("/dev/full", OpenMode::kReadWrite);
  if (!file) GTEST_SKIP() << "this system has no /dev/full";
  const auto written = (*file)->append("x");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code(), Code::kExhausted);
  EXPECT_THAT(written.error().message(), ::testing::HasSubstr("/dev/full"));
}

TEST(PosixFiles, ReadsFilesThatClaimToBeEmpty) {
  PosixFileSystem files;
  const auto text = files.read_file("/proc/self/stat");
  if (!text) GTEST_SKIP() << "this system has no /proc";
  EXPECT_FALSE(text->empty());
}

}  // namespace
}  // namespace holdfast
