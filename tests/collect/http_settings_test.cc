#include "collect/http_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim_target.h"

namespace holdfast::collect {
namespace {

using ::testing::HasSubstr;

class HttpSettingsTest : public ::testing::Test {
 protected:
  HttpSettingsTest() {
    router.add("GET", "/x", [this](const net::Request& request, net::ResponderPtr to) {
      authorization.emplace_back(request.headers.get("Authorization"));
      extra = request.headers.get("X-Extra");
      to->send(net::Response::text(200, "ok"));
    });
    router.add("POST", "/token", [this](const net::Request& request, net::ResponderPtr to) {
      ++token_requests;
      token_form = request.body;
      token_authorization = request.headers.get("Authorization");
      to->send(net::Response::json(
          token_status,
          R"({"access_token": "t)" + std::to_string(token_requests) + R"(", "expires_in": 60})"));
    });
    server = std::make_unique<net::Server>(world.target_env, router);
    EXPECT_TRUE(server->listen({"target", 80, ""}));
    EXPECT_TRUE(world.files.create_directories("/s"));
  }
  HttpSettings read(const std::string& yaml) {
    std::vector<Finding> findings;
    const auto root = parse_yaml("f.yml", yaml, findings);
    EXPECT_TRUE(root) << yaml;
    const YamlContext context{"f.yml", &findings, {}};
    YamlMap map(context, *root, "settings");
    auto settings = read_http_settings(context, map, "/s");
    map.finish();
    for (const auto& finding : findings) ADD_FAILURE() << finding.text();
    return settings;
  }
  // "ok", or the error.
  std::string ask(HttpClient& with) {
    std::string result = "nothing";
    with.send({.url = "http://target/x"}, [&](Result<net::ClientResponse> answer) {
      result = answer ? answer->body : answer.error().message();
    });
    world.executor.run_for(1s);
    return result;
  }

  SimWorld world;
  net::Router router;
  std::unique_ptr<net::Server> server;
  net::Client client{world.env};
  std::vector<std::string> authorization;
  std::string extra, token_form, token_authorization;
  int token_requests = 0, token_status = 200;
};

TEST_F(HttpSettingsTest, EachKindOfCredentialsIsSent) {
  ASSERT_TRUE(world.files.write_file_atomic("/s/word", "secret\n"));
  const struct {
    std::string yaml, want;
  } cases[] = {{"basic_auth: {username: u, password_file: word}", "Basic dTpzZWNyZXQ="},
               {"authorization: {credentials: abc}", "Bearer abc"},
               {"authorization: {type: Token, credentials_file: word}", "Token secret"},
               {"bearer_token: abc", "Bearer abc"},
               {"bearer_token_file: word", "Bearer secret"},
               {"follow_redirects: false", ""}};
  for (const auto& test : cases) {
    HttpClient with(world.env, client, read(test.yaml));
    EXPECT_EQ(ask(with), "ok");
    EXPECT_EQ(authorization.back(), test.want) << test.yaml;
  }
}

TEST_F(HttpSettingsTest, ARotatedFileIsTakenUpAndAMissingOneNamed) {
  ASSERT_TRUE(world.files.write_file_atomic("/s/word", "one"));
  HttpClient with(world.env, client,
                  read("bearer_token_file: word\nhttp_headers: {X-Extra: {values: [e]}}"));
  EXPECT_EQ(ask(with), "ok");
  EXPECT_EQ(extra, "e");
  ASSERT_TRUE(world.files.write_file_atomic("/s/word", "two"));
  EXPECT_EQ(ask(with), "ok");
  EXPECT_EQ(authorization, (std::vector<std::string>{"Bearer one", "Bearer two"}));
  ASSERT_TRUE(world.files.remove("/s/word"));
  EXPECT_THAT(ask(with), HasSubstr("authorization: "));
}

TEST_F(HttpSettingsTest, OAuth2FetchesATokenOnceAndAgainBeforeItEnds) {
  HttpClient with(world.env, client,
                  read("oauth2: {client_id: id, client_secret: s, token_url: "
                       "'http://target/token', scopes: [a, b], "
                       "endpoint_params: {aud: x}}"));
  EXPECT_EQ(ask(with), "ok");
  EXPECT_EQ(ask(with), "ok");
  EXPECT_EQ(token_requests, 1);
  EXPECT_EQ(authorization.back(), "Bearer t1");
  EXPECT_EQ(token_authorization, "Basic aWQ6cw==");
  EXPECT_THAT(token_form, HasSubstr("grant_type=client_credentials&scope=a%20b&aud=x"));
  world.executor.run_for(55s);
  EXPECT_EQ(ask(with), "ok");
  EXPECT_EQ(authorization.back(), "Bearer t2");
  world.executor.run_for(55s);
  token_status = 401;
  EXPECT_THAT(ask(with), HasSubstr("oauth2: the token server answered with status 401"));
}

}  // namespace
}  // namespace holdfast::collect
