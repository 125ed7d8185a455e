// S3Store against a real server: OpenStack Swift with its s3api, of the Debian package python3-swift.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "child.h"
#include "net/s3/s3_store.h"

namespace holdfast::net {
namespace {

std::string text_of(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

class S3Server : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto port = free_port(machine.transport);
    const std::string script = std::string(HOLDFAST_SOURCE_DIR) + "/tests/integration/s3_server.py";
    // The one of the distribution: only it has the packages of the distribution.
    server = std::make_unique<Child>(
        std::vector<std::string>{"/usr/bin/python3", "-B", script, folder, "cold", "--port",
                                 std::to_string(port), "--stay"},
        folder + ".log");
    endpoint = "http://127.0.0.1:" + std::to_string(port);
    if (!server->wait_for(port)) GTEST_SKIP() << text_of(folder + ".log");
    store = open("cold", "testing");
    // It listens before it has made the bucket.
    Result<std::vector<ObjectInfo>> listed = store->list("");
    for (int i = 0; i < 1000 && !listed && server->running(); ++i) listed = store->list("");
    ASSERT_TRUE(listed) << listed.error().message() << text_of(folder + ".log");
  }
  void TearDown() override {
    server.reset();
    std::filesystem::remove_all(folder);
    std::filesystem::remove(folder + ".log");
  }
  std::unique_ptr<S3Store> open(const std::string& bucket, const std::string& secret) {
    return S3Store::make(machine.env, {.endpoint = endpoint,
                                       .bucket = bucket,
                                       .access_key = "test:tester",
                                       .secret_key = secret,
                                       .part_size = 5 * 1024 * 1024,
                                       .page_size = 10})
        .value();
  }

  Machine machine;
  std::string folder = temporary_dir();
  std::string endpoint;
  std::unique_ptr<Child> server;
  std::unique_ptr<S3Store> store;
};

TEST_F(S3Server, TakesListsAndGivesBackObjects) {
  const std::string odd = "p/a b+c&d=\xc3\xa4.blk";
  ASSERT_TRUE(store->put_bytes(odd, "0123456789"));
  EXPECT_EQ(store->get(odd, 3, 4).value(), "3456");
  EXPECT_EQ(store->get(odd, 8, 4).error().code(), Code::kDataLoss);
  EXPECT_EQ(store->get(odd, 20, 4).error().code(), Code::kDataLoss);
  EXPECT_EQ(store->info(odd)->size, 10u);
  ASSERT_TRUE(store->put_bytes("p/empty", ""));
  EXPECT_EQ(store->get_whole("p/empty", 10).value(), "");
  ASSERT_TRUE(store->put_bytes("q", "x"));
  const auto listed = store->list("p/");
  ASSERT_TRUE(listed) << listed.error().message();
  ASSERT_EQ(listed->size(), 2u);
  EXPECT_EQ((*listed)[0].key, odd);
  EXPECT_EQ((*listed)[0].size, 10u);
  ASSERT_TRUE(store->remove(odd));
  ASSERT_TRUE(store->remove(odd));
  EXPECT_EQ(store->get(odd, 0, 1).error().code(), Code::kNotFound);
  EXPECT_EQ(store->info(odd).error().code(), Code::kNotFound);
}

TEST_F(S3Server, LargeObjectsGoInPartsAndComeBackInRanges) {
  std::string bytes(12 * 1024 * 1024 + 17, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<char>(i * 2654435761u >> 13);
  ASSERT_TRUE(store->put_bytes("large.blk", bytes));
  EXPECT_EQ(store->info("large.blk")->size, bytes.size());
  const std::size_t at = 5 * 1024 * 1024 - 100;  // over the edge of two parts
  EXPECT_EQ(store->get("large.blk", at, 5000).value(), bytes.substr(at, 5000));
  EXPECT_EQ(store->get("large.blk", bytes.size() - 40, 40).value(),
            bytes.substr(bytes.size() - 40));
  ASSERT_TRUE(store->remove("large.blk"));
}

TEST_F(S3Server, ListsMoreThanOnePage) {
  constexpr int kCount = 25;  // a page has ten
  for (int i = 0; i < kCount; ++i)
    ASSERT_TRUE(store->put_bytes("many/" + std::to_string(i),
                                 std::string(static_cast<std::size_t>(i % 7), 'x')));
  const auto listed = store->list("many/");
  ASSERT_TRUE(listed) << listed.error().message();
  EXPECT_EQ(listed->size(), static_cast<std::size_t>(kCount));
}

TEST_F(S3Server, RefusesAWrongSecretAndNamesAnAbsentBucket) {
  EXPECT_EQ(open("cold", "guess")->put_bytes("a", "1").error().code(), Code::kForbidden);
  EXPECT_EQ(open("other", "testing")->get("a", 0, 1).error().code(), Code::kUnavailable);
  EXPECT_EQ(open("other", "testing")->list("").error().code(), Code::kUnavailable);
}

}  // namespace
}  // namespace holdfast::net
