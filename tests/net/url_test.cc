#include "gtest/gtest.h"
#include "net/http.h"

namespace holdfast::net {
namespace {

TEST(Url, TakesApartWhatIsValid) {
  const struct {
    const char* text;
    Url want;
  } cases[] = {
      {"http://a", {"http", "a", 80, "/", ""}},
      {"HTTPS://a.b/c?d#e", {"https", "a.b", 443, "/c?d", ""}},
      {"http://a:81?q=1", {"http", "a", 81, "/?q=1", ""}},
      {"http://[::1]:8/x", {"http", "::1", 8, "/x", ""}},
      {"http://u:p%40@h/", {"http", "h", 80, "/", "u:p@"}},
      {"http+unix://%2Frun%2Fx.sock/v1", {"http+unix", "/run/x.sock", 0, "/v1", ""}},
  };
  for (const auto& one : cases) {
    const auto got = parse_url(one.text);
    ASSERT_TRUE(got) << one.text;
    EXPECT_EQ(got->scheme, one.want.scheme) << one.text;
    EXPECT_EQ(got->host, one.want.host) << one.text;
    EXPECT_EQ(got->port, one.want.port) << one.text;
    EXPECT_EQ(got->target, one.want.target) << one.text;
    EXPECT_EQ(got->userinfo, one.want.userinfo) << one.text;
  }
}

TEST(Url, RefusesWhatIsNot) {
  for (const auto* text : {"", "a", "ftp://a", "http://", "http://:80", "http://a:0", "http://a:65536", "http://a:x",
                           "http://[::1", "http://[::1]x", "http://a b/", "http://a/b c", "http://a/\r\n",
                           "http+unix:///x", "http://u%zz@h/"}) {
    EXPECT_FALSE(parse_url(text)) << text;
  }
}

TEST(Url, EncodesAndDecodesEveryByte) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  const auto back = percent_decode(percent_encode(all));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, all);
  EXPECT_EQ(percent_encode("a-b_c.d~e/ "), "a-b_c.d~e%2F%20");
  EXPECT_FALSE(percent_decode("%1"));
  const Params params{{"a b", "c&d"}, {"e", ""}};
  EXPECT_EQ(encode_query(params), "a%20b=c%26d&e=");
  EXPECT_EQ(parse_query(encode_query(params)), params);
}

TEST(Request, GathersAFormBehindItsQuery) {
  Request request;
  request.query = {{"a", "1"}};
  request.headers.add("content-type", "application/x-www-form-urlencoded; charset=utf-8");
  request.body = "b=x+y&a=2";
  EXPECT_EQ(request.form(), (Params{{"a", "1"}, {"b", "x y"}, {"a", "2"}}));
}

}  // namespace
}  // namespace holdfast::net
