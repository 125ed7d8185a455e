// The embedded console: reading the blob, serving files and pages.
#include "app/console.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "app/app_host.h"
#include "base/bytes.h"

namespace holdfast::app {
namespace {

std::string u64(std::uint64_t value) {
  std::string out;
  for (int i = 0; i < 8; ++i) out.push_back(static_cast<char>(value >> (8 * i) & 0xFF));
  return out;
}

std::string blob(const std::string& index, const std::string& data) {
  return u64(index.size()) + index + data;
}

TEST(ConsoleBlob, GivesEachFileItsBytes) {
  const auto bytes = blob(
      "/index.html\ttext/html\t0\t3\tabc\n/assets/a.js\ttext/javascript\t3\t2\tdef\n", "xyzuv");
  const auto files = read_console_blob(bytes);
  ASSERT_TRUE(files) << files.error().message();
  ASSERT_EQ(files->size(), 2U);
  EXPECT_EQ(files->at("/index.html").type, "text/html");
  EXPECT_EQ(files->at("/index.html").etag, "\"abc\"");
  EXPECT_EQ(files->at("/index.html").gzip, "xyz");
  EXPECT_EQ(files->at("/assets/a.js").gzip, "uv");
  EXPECT_TRUE(read_console_blob(u64(0))->empty()) << "built without a console";
}

TEST(ConsoleBlob, ABrokenOneIsRefused) {
  const std::pair<const char*, std::string> cases[] = {
      {"nothing", ""},
      {"half a size", std::string("\x05\0\0", 3)},
      {"an index longer than the blob", u64(100) + "short"},
      {"an index as long as can be", u64(~0ULL) + "short"},
      {"too few fields", blob("/a\ttext/html\t0\t1\n", "x")},
      {"too many fields", blob("/a\ttext/html\t0\t1\te\tmore\n", "x")},
      {"an offset that is no number", blob("/a\tt\tx\t1\te\n", "x")},
      {"a size that is no number", blob("/a\tt\t0\t\te\n", "x")},
      {"an offset before the data", blob("/a\tt\t-1\t1\te\n", "x")},
      {"a size below zero", blob("/a\tt\t0\t-1\te\n", "x")},
      {"data beyond the end", blob("/a\tt\t0\t2\te\n", "x")},
      {"an offset beyond the end", blob("/a\tt\t2\t0\te\n", "x")},
      {"a sum that wraps round", blob("/a\tt\t9223372036854775807\t9223372036854775807\te\n", "x")},
      {"a size that wraps round", blob("/a\tt\t1\t9223372036854775807\te\n", "x")},
  };
  for (const auto& [what, bytes] : cases) {
    const auto files = read_console_blob(bytes);
    ASSERT_FALSE(files) << what;
    EXPECT_EQ(files.error().code(), Code::kDataLoss) << what;
  }
}

std::string gzip(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(1000 + text.size(), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

// The console's routes over a blob of our own, asked without a network.
class ConsoleRoutes : public testing::Test {
 protected:
  ConsoleRoutes() {
    const auto page = gzip("<html>page</html>"), script = gzip(std::string(40'000, 's'));
    bytes_ = blob("/index.html\ttext/html; charset=utf-8\t0\t" + std::to_string(page.size()) +
                      "\tp1\n/assets/a-123.js\ttext/javascript\t" + std::to_string(page.size()) +
                      "\t" + std::to_string(script.size()) + "\ts1\n",
                  page + script);
    auto files = read_console_blob(bytes_);
    EXPECT_TRUE(files);
    add_console_routes(router_, std::move(*files));
  }
  net::Response ask(const std::string& path, net::Headers headers = {}) {
    class Answer final : public net::Responder {
     public:
      void send(net::Response response) override { got = std::move(response); }
      std::shared_ptr<net::EventStream> start_events() override { return nullptr; }
      std::stop_token stop() const override { return {}; }
      net::Response got;
    };
    net::Request request;
    request.method = "GET";
    request.path = request.target = path;
    request.headers = std::move(headers);
    net::Response refusal;
    const auto* route = router_.match(request, refusal);
    if (route == nullptr) return refusal;
    auto answer = std::make_shared<Answer>();
    route->handler(request, answer);
    return answer->got;
  }
  static net::Headers with(const std::string& name, const std::string& value) {
    net::Headers headers;
    headers.set(name, value);
    return headers;
  }

 private:
  std::string bytes_;
  net::Router router_;
};

TEST_F(ConsoleRoutes, EveryPathWithoutADotIsThePage) {
  for (const char* path : {"/", "/incidents", "/incidents/INC-20270115-001", "/services/shop"}) {
    const auto response = ask(path);
    EXPECT_EQ(response.status, 200) << path;
    EXPECT_EQ(response.body, "<html>page</html>") << path;
    EXPECT_EQ(response.headers.get("content-type"), "text/html; charset=utf-8");
    EXPECT_EQ(response.headers.get("cache-control"), "no-cache");
    EXPECT_NE(response.headers.get("content-security-policy").find("frame-ancestors 'none'"),
              std::string_view::npos);
    EXPECT_EQ(response.headers.get("x-content-type-options"), "nosniff");
  }
}

TEST_F(ConsoleRoutes, FilesWithAHashAreKeptForEver) {
  const auto response = ask("/assets/a-123.js");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, std::string(40'000, 's'));
  EXPECT_EQ(response.headers.get("cache-control"), "public, max-age=31536000, immutable");
}

TEST_F(ConsoleRoutes, ABrowserThatTakesGzipGetsItAsItIsStored) {
  const auto response = ask("/", with("accept-encoding", "gzip, br"));
  EXPECT_EQ(response.headers.get("content-encoding"), "gzip");
  EXPECT_EQ(response.body, gzip("<html>page</html>"));
  EXPECT_EQ(response.headers.get("vary"), "accept-encoding");
}

TEST_F(ConsoleRoutes, AKnownTagIsAnsweredWithoutABody) {
  const auto response = ask("/", with("if-none-match", "\"p1\""));
  EXPECT_EQ(response.status, 304);
  EXPECT_EQ(response.body, "");
  EXPECT_EQ(response.headers.get("etag"), "\"p1\"");
  EXPECT_EQ(ask("/", with("if-none-match", "\"old\"")).status, 200);
}

TEST_F(ConsoleRoutes, WhatIsNoFileAndNoPageIsNotFound) {
  for (const char* path : {"/nothing.js", "/assets/other.css", "/favicon.ico", "/.env", "/..",
                           "/index.html/..", "/api/nowhere", "/api/holdfast/v2"}) {
    const auto response = ask(path);
    EXPECT_EQ(response.status, 404) << path;
    EXPECT_EQ(response.body.find("<html>"), std::string::npos) << path;
  }
  EXPECT_EQ(ask("/index.html").status, 200);
}

TEST(ConsoleServed, NoPathLeavesTheConsole) {
  AppHost host;
  for (const char* path :
       {"/../etc/holdfast.yaml", "/%2e%2e/etc/holdfast.yaml", "/assets/..%2f..%2fdata/admin-token",
        "/assets/%2e%2e/%2e%2e/etc/rules.yml"}) {
    const auto response = host.ask("GET", path);
    EXPECT_GE(response.status, 400) << path;
    EXPECT_EQ(response.body.find("services"), std::string::npos) << path;
  }
}

}  // namespace
}  // namespace holdfast::app
