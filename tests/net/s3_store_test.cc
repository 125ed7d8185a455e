// S3Store against a bucket in memory that checks signatures and fails when told to.
#include <mutex>

#include "base/bytes.h"
#include "base/text.h"
#include "fixture.h"
#include "net/s3/answers.h"
#include "net/s3/s3_store.h"
#include "net/s3/signature.h"

namespace holdfast::net {
namespace {

constexpr std::size_t kPart = 1000;

// What S3 does with the requests of S3Store, over net::Server.
class FakeBucket {
 public:
  explicit FakeBucket(Env& env) {
    for (const char* method : {"GET", "PUT", "POST", "DELETE", "HEAD"}) {
      for (const char* pattern : {"/{bucket}/", "/{bucket}/{key...}"}) {
        router_.add(method, pattern,
                    [this](const Request& q, ResponderPtr r) { r->send(answer(q)); });
      }
    }
    server_ = std::make_unique<Server>(env, router_);
    at_ = *server_->listen({"127.0.0.1", 0, ""});
  }
  std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(at_.port); }

  std::mutex mutex;  // guards the rest
  std::map<std::string, std::string> objects;
  std::map<std::string, std::map<int, std::string>> uploads;
  std::vector<int> failures;       // statuses of the next answers
  std::string completion_failure;  // a code, under status 200
  std::vector<std::string> requests;
  bool knows_ranges = true;

 private:
  static Response failure(int status, const std::string& code) {
    return Response::text(status,
                          "<Error><Code>" + code + "</Code><Message>as told</Message></Error>");
  }
  static bool signed_well(const Request& q) {
    SignInput in{q.method, q.target.substr(0, q.target.find('?')), q.query, {}, sha256_hex(q.body)};
    const std::string authorization(q.headers.get("Authorization"));
    const auto begin = authorization.find("SignedHeaders=") + 14;
    const auto names = authorization.substr(begin, authorization.find(',', begin) - begin);
    for (const auto name : split(names, ';'))
      in.headers.add(std::string(name), std::string(q.headers.get(name)));
    return q.headers.get("x-amz-content-sha256") == in.payload_sha256 &&
           authorization == sign_v4(in, {"key", "secret", "eu-1"}, q.headers.get("x-amz-date"));
  }
  Response answer(const Request& q) {
    const std::lock_guard lock(mutex);
    requests.push_back(q.method + " " + q.target);
    if (!failures.empty()) {
      const int status = failures.front();
      failures.erase(failures.begin());
      return failure(status, "Told");
    }
    if (!signed_well(q)) return failure(403, "SignatureDoesNotMatch");
    if (q.path_params.at("bucket") != "cold") return failure(404, "NoSuchBucket");
    const auto key = q.path_params.find("key");
    if (key == q.path_params.end() || key->second.empty()) return list(q);
    return object(q, key->second);
  }
  Response list(const Request& q) {
    std::string out = "<ListBucketResult>";
    const std::string after(q.param("continuation-token"));
    int count = 0;
    std::string last;
    for (const auto& [key, bytes] : objects) {
      if (!key.starts_with(q.param("prefix")) || key <= after) continue;
      if (++count > 2) {
        out += "<IsTruncated>true</IsTruncated><NextContinuationToken>" + last +
               "</NextContinuationToken>";
        break;
      }
      last = key;
      out += "<Contents><Key>" + key + "</Key><Size>" + std::to_string(bytes.size()) +
             "</Size></Contents>";
    }
    return Response::text(200, out + "</ListBucketResult>");
  }
  Response object(const Request& q, const std::string& key) {
    const std::string upload(q.param("uploadId"));
    if (q.method == "POST" && upload.empty()) {
      uploads["u1"];
      return Response::text(
          200,
          "<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>");
    }
    if (q.method == "POST") {
      if (!completion_failure.empty()) return failure(200, completion_failure);
      std::string whole;
      for (const auto& [number, bytes] : uploads[upload]) whole += bytes;
      objects[key] = whole;
      uploads.erase(upload);
      return Response::text(200, "<CompleteMultipartUploadResult/>");
    }
    if (q.method == "PUT") {
      if (upload.empty()) {
        objects[key] = q.body;
      } else {
        uploads[upload][std::stoi(std::string(q.param("partNumber")))] = q.body;
      }
      Response done;
      done.headers.set("ETag", "\"e\"");
      return done;
    }
    if (q.method == "DELETE") {
      if (upload.empty()) objects.erase(key);
      uploads.erase(upload);
      return Response{204};
    }
    if (!objects.contains(key)) return failure(404, "NoSuchKey");
    return read(q, objects[key]);
  }
  Response read(const Request& q, const std::string& bytes) const {
    const std::string range(q.headers.get("Range"));
    if (range.empty() || !knows_ranges) return Response::text(200, bytes);
    const auto first = std::stoul(range.substr(6));
    const auto last = std::stoul(range.substr(range.find('-') + 1));
    if (first >= bytes.size()) return failure(416, "InvalidRange");
    return Response::text(206, bytes.substr(first, last - first + 1));
  }

  Router router_;
  std::unique_ptr<Server> server_;
  Endpoint at_;
};

class S3StoreTest : public ::testing::Test {
 protected:
  std::unique_ptr<S3Store> open(const std::string& bucket = "cold",
                                const std::string& secret = "secret") {
    auto made = S3Store::make(machine.env, {.endpoint = bucket_.endpoint(),
                                            .bucket = bucket,
                                            .region = "eu-1",
                                            .access_key = "key",
                                            .secret_key = secret,
                                            .timeout = 10s,
                                            .part_size = kPart});
    EXPECT_TRUE(made) << made.error().message();
    return std::move(made).value();
  }
  Machine machine;
  FakeBucket bucket_{machine.env};
  std::unique_ptr<S3Store> store = open();
};

TEST_F(S3StoreTest, GivesBackWhatItWasGiven) {
  ASSERT_TRUE(store->put_bytes("p/a b+\xc3\xa4", "0123456789"));
  const auto part = store->get("p/a b+\xc3\xa4", 2, 3);
  ASSERT_TRUE(part) << part.error().message();
  EXPECT_EQ(*part, "234");
  const auto info = store->info("p/a b+\xc3\xa4");
  ASSERT_TRUE(info) << info.error().message();
  EXPECT_EQ(info->size, 10u);
  const auto whole = store->get_whole("p/a b+\xc3\xa4", 100);
  ASSERT_TRUE(whole);
  EXPECT_EQ(*whole, "0123456789");
  EXPECT_EQ(store->get_whole("p/a b+\xc3\xa4", 9).error().code(), Code::kTooLarge);
  ASSERT_TRUE(store->remove("p/a b+\xc3\xa4"));
  ASSERT_TRUE(store->remove("p/a b+\xc3\xa4"));
  EXPECT_EQ(store->get("p/a b+\xc3\xa4", 0, 1).error().code(), Code::kNotFound);
  EXPECT_EQ(store->info("p/a b+\xc3\xa4").error().code(), Code::kNotFound);
}

TEST_F(S3StoreTest, LargeObjectsGoInParts) {
  std::string bytes;
  for (int i = 0; i < 3500; ++i) bytes.push_back(static_cast<char>('a' + i % 26));
  ASSERT_TRUE(store->put_bytes("large", bytes));
  const std::lock_guard lock(bucket_.mutex);
  EXPECT_EQ(bucket_.objects["large"], bytes);
  EXPECT_EQ(bucket_.requests.size(), 6u);  // begin, four parts, end
  EXPECT_TRUE(bucket_.uploads.empty());
}

TEST_F(S3StoreTest, AFailedUploadOfPartsIsTakenBack) {
  bucket_.completion_failure = "InternalError";  // under status 200
  const auto put = store->put_bytes("large", std::string(2500, 'x'));
  ASSERT_FALSE(put);
  EXPECT_NE(put.error().message().find("InternalError"), std::string::npos)
      << put.error().message();
  const std::lock_guard lock(bucket_.mutex);
  EXPECT_TRUE(bucket_.uploads.empty());
  EXPECT_FALSE(bucket_.objects.contains("large"));
}

TEST_F(S3StoreTest, ListsPageAfterPage) {
  for (const char* key : {"p/5", "p/1", "p/3", "q/1", "p/2", "p/4"})
    ASSERT_TRUE(store->put_bytes(key, key));
  const auto listed = store->list("p/");
  ASSERT_TRUE(listed) << listed.error().message();
  std::string keys;
  for (const ObjectInfo& object : *listed) keys += object.key + " ";
  EXPECT_EQ(keys, "p/1 p/2 p/3 p/4 p/5 ");
}

TEST_F(S3StoreTest, RepeatsWhatTheServerCouldNotDoAndNotWhatItRefused) {
  ASSERT_TRUE(store->put_bytes("a", "1"));
  struct Case {
    std::vector<int> failures;
    bool works;
    std::size_t requests;
    Code code;
  };
  const std::vector<Case> cases = {
      {{500, 502}, true, 3, {}},
      {{500, 500, 500}, false, 3, Code::kUnavailable},
      {{503}, false, 1, Code::kUnavailable},
      {{403}, false, 1, Code::kForbidden},
      {{400}, false, 1, Code::kInvalid},
  };
  for (const Case& c : cases) {
    {
      const std::lock_guard lock(bucket_.mutex);
      bucket_.failures = c.failures;
      bucket_.requests.clear();
    }
    const auto got = store->get("a", 0, 1);
    EXPECT_EQ(got.has_value(), c.works);
    if (!got) {
      EXPECT_EQ(got.error().code(), c.code);
      EXPECT_NE(got.error().message().find("bucket cold at http://127.0.0.1:"), std::string::npos);
      EXPECT_NE(got.error().message().find("Told: as told"), std::string::npos);
    }
    EXPECT_EQ(bucket_.requests.size(), c.requests);
  }
}

TEST_F(S3StoreTest, AnAbsentBucketIsNoAbsentObject) {
  const auto other = open("other");
  EXPECT_EQ(other->get("a", 0, 1).error().code(), Code::kUnavailable);
  EXPECT_EQ(other->list("").error().code(), Code::kUnavailable);
}

TEST_F(S3StoreTest, AWrongSecretIsForbidden) {
  const auto put = open("cold", "guess")->put_bytes("a", "1");
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code(), Code::kForbidden);
  EXPECT_NE(put.error().message().find("SignatureDoesNotMatch"), std::string::npos);
}

TEST_F(S3StoreTest, ShortAnswersAreNeverTakenForTheBytes) {
  ASSERT_TRUE(store->put_bytes("a", "0123456789"));
  EXPECT_EQ(store->get("a", 8, 5).error().code(), Code::kDataLoss);
  EXPECT_EQ(store->get("a", 10, 5).error().code(), Code::kDataLoss);
  const std::lock_guard lock(bucket_.mutex);
  bucket_.knows_ranges = false;
}

TEST_F(S3StoreTest, AServerWithoutRangesIsNamed) {
  ASSERT_TRUE(store->put_bytes("a", "0123456789"));
  bucket_.knows_ranges = false;
  const auto front = store->get("a", 0, 3);
  ASSERT_TRUE(front);
  EXPECT_EQ(*front, "012");
  EXPECT_NE(store->get("a", 2, 3).error().message().find("ranges"), std::string::npos);
}

TEST_F(S3StoreTest, NobodyListeningIsUnavailableAndStopIsCanceled) {
  auto made =
      S3Store::make(machine.env, {.endpoint = "http://127.0.0.1:1", .bucket = "b", .timeout = 5s});
  ASSERT_TRUE(made);
  EXPECT_EQ((*made)->get("a", 0, 1).error().code(), Code::kUnavailable);
  store->stop();
  EXPECT_EQ(store->get("a", 0, 1).error().code(), Code::kCanceled);
}

TEST(S3StoreOptions, NameWhatIsWrong) {
  Machine machine;
  for (const char* endpoint : {"ftp://x", "http://x/path", "http://u:p@x", "nothing"})
    EXPECT_FALSE(S3Store::make(machine.env, {.endpoint = endpoint, .bucket = "b"})) << endpoint;
  EXPECT_FALSE(S3Store::make(machine.env, {.endpoint = "http://x", .bucket = ""}));
  EXPECT_FALSE(S3Store::make(machine.env, {.endpoint = "http://x", .bucket = "a/b"}));
  const auto made = S3Store::make(machine.env, {.endpoint = "https://x:9000", .bucket = "b"});
  ASSERT_TRUE(made);
  EXPECT_EQ((*made)->place(), "bucket b at https://x:9000");
}

}  // namespace
}  // namespace holdfast::net
