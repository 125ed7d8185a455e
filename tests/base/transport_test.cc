#include "base/transport.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(Endpoint, ParsesEveryForm) {
  struct Case {
    std::string_view text;
    Endpoint want;
    bool loopback;
  };
  const Case cases[] = {
      {"example.org:80", {"example.org", 80, ""}, false},
      {":9090", {"", 9090, ""}, false},
      {"127.0.0.1:0", {"127.0.0.1", 0, ""}, true},
      {"127.8.9.10:1", {"127.8.9.10", 1, ""}, true},
      {"127.example.org:1", {"127.example.org", 1, ""}, false},
      {"LocalHost:1", {"LocalHost", 1, ""}, true},
      {"[::1]:443", {"::1", 443, ""}, true},
      {"[::]:443", {"::", 443, ""}, false},
      {"0.0.0.0:443", {"0.0.0.0", 443, ""}, false},
      {"unix:/run/x.sock", {"", 0, "/run/x.sock"}, true},
  };
  for (const auto& c : cases) {
    const auto got = parse_endpoint(c.text);
    ASSERT_TRUE(got) << c.text << ": " << got.error().message();
    EXPECT_EQ(*got, c.want) << c.text;
    EXPECT_EQ(got->text(), c.text);
    EXPECT_EQ(is_loopback(*got), c.loopback) << c.text;
  }
}

TEST(Endpoint, RejectsTheRest) {
  for (const std::string_view text :
       {"", "host", "host:", "host:x", "host:65536", "host:-1", "::1:80", "[::1]", "[::1:80",
        "[]:80", "[host]:80", "ho st:80", "http://host:80", "user@host:80", "unix:"}) {
    EXPECT_FALSE(parse_endpoint(text)) << text;
  }
}

}  // namespace
}  // namespace holdfast
