// Signing in with OpenID Connect: tokens that hold and those that do not, and the way there and back.
#include "app/access/oidc.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>

#include <nlohmann/json.hpp>

#include "app/access/secret.h"
#include "app/app_host.h"
#include "base/bytes.h"
#include "base/text.h"

namespace holdfast::app {
namespace {

using nlohmann::json;
using testing::HasSubstr;

// A provider's key: what it publishes, and what it signs.
class SigningKey {
 public:
  explicit SigningKey(std::string kid, unsigned bits = 2048)
      : kid_(std::move(kid)), key_(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{bits}), EVP_PKEY_free) {}

  json jwk() const {
    return {{"kty", "RSA"},  {"use", "sig"},      {"alg", "RS256"}, {"kid", kid_},
            {"n", number("n")}, {"e", number("e")}};
  }
  std::string sign(const json& claims, json header = {{"alg", "RS256"}}) const {
    if (!header.contains("kid")) header["kid"] = kid_;
    const auto text = base64url_encode(header.dump()) + "." + base64url_encode(claims.dump());
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    std::string signature(1024, '\0');
    std::size_t size = signature.size();
    EXPECT_EQ(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()), 1);
    EXPECT_EQ(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                             reinterpret_cast<const unsigned char*>(text.data()), text.size()), 1);
    signature.resize(size);
    return text + "." + base64url_encode(signature);
  }

 private:
  std::string number(const char* name) const {
    BIGNUM* value = nullptr;
    EXPECT_EQ(EVP_PKEY_get_bn_param(key_.get(), name, &value), 1);
    std::string bytes(static_cast<std::size_t>(BN_num_bytes(value)), '\0');
    BN_bn2bin(value, reinterpret_cast<unsigned char*>(bytes.data()));
    BN_free(value);
    return base64url_encode(bytes);
  }
  std::string kid_;
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
};

const SigningKey& first_key() {
  static const SigningKey key("one");
  return key;
}

// RFC 7515, appendix A.3.
TEST(KeySet, VerifiesTheExampleOfTheRfc) {
  const auto keys = KeySet::parse(R"({"keys":[{"kty":"EC","crv":"P-256",
    "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]})");
  ASSERT_TRUE(keys);
  ASSERT_EQ(keys->size(), 1U);
  const std::string text =
      "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9p"
      "c19yb290Ijp0cnVlfQ";
  auto signature = *base64url_decode(
      "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q");
  EXPECT_TRUE(keys->verifies("ES256", "", text, signature));
  EXPECT_FALSE(keys->verifies("ES256", "", text + "x", signature));
  EXPECT_FALSE(keys->verifies("RS256", "", text, signature));
  EXPECT_FALSE(keys->verifies("ES256", "other", text, signature));
  signature[5] ^= 1;
  EXPECT_FALSE(keys->verifies("ES256", "", text, signature));
  EXPECT_FALSE(keys->verifies("ES256", "", text, ""));
}

TEST(KeySet, TakesOnlyKeysItCanTrust) {
  const auto count = [](const json& key) { return KeySet::parse(json{{"keys", {key}}}.dump())->size(); };
  const auto good = first_key().jwk();
  EXPECT_EQ(count(good), 1U);
  const auto with = [&](const char* name, const json& value) {
    auto key = good;
    key[name] = value;
    return key;
  };
  EXPECT_EQ(count(with("use", "enc")), 0U);
  EXPECT_EQ(count(with("alg", "HS256")), 0U);
  EXPECT_EQ(count(with("kty", "oct")), 0U);
  EXPECT_EQ(count(with("n", "AQAB")), 0U);
  EXPECT_EQ(count(with("n", "?")), 0U);
  EXPECT_EQ(count(SigningKey("weak", 1024).jwk()), 0U);
  EXPECT_EQ(count({{"kty", "EC"}, {"crv", "P-256"}, {"x", "AA"}, {"y", "AA"}}), 0U);
  EXPECT_EQ(count(json::array()), 0U);
  EXPECT_FALSE(KeySet::parse("[]"));
  EXPECT_FALSE(KeySet::parse("{"));
}

constexpr WallTime kNow{std::chrono::milliseconds(1'800'000'000'000)};

json good_claims() {
  return {{"iss", "https://id"}, {"aud", "holdfast"}, {"sub", "s1"},
          {"nonce", "n1"},       {"iat", 1'800'000'000}, {"exp", 1'800'000'300}};
}

struct ClaimCase {
  const char* name;
  json value;  // null: taken away
  const char* message;
};

TEST(IdToken, HoldsOnlyForUsNowAndForThisQuestion) {
  const auto keys = KeySet::parse(json{{"keys", {first_key().jwk()}}}.dump());
  const IdTokenExpectation expected{"https://id", "holdfast", "n1", kNow};
  const auto verdict = [&](const std::string& token) {
    const auto claims = verify_id_token(token, *keys, expected);
    return claims ? "ok" : claims.error().message();
  };
  EXPECT_EQ(verdict(first_key().sign(good_claims())), "ok");
  const ClaimCase cases[] = {
      {"iss", "https://evil", "the provider's token is of the issuer 'https://evil'"},
      {"aud", "other", "the provider's token is for another client"},
      {"aud", json{"other", "holdfast"}, "the provider's token is for another client"},
      {"aud", json{"holdfast"}, "ok"},
      {"azp", "other", "the provider's token was asked for by another client"},
      {"exp", 1'799'999'900, "the provider's token has expired"},
      {"exp", 1'799'999'990, "ok"},  // clocks differ
      {"exp", nullptr, "the provider's token does not say when it expires"},
      {"nbf", 1'800'000'100, "the provider's token does not hold yet"},
      {"iat", 1'800'000'100, "the provider's token was issued in the future, or never"},
      {"nonce", "n2", "the provider's token answers another question (nonce)"},
      {"nonce", nullptr, "the provider's token answers another question (nonce)"},
      {"sub", "", "the provider's token names nobody (sub)"},
  };
  for (const auto& c : cases) {
    auto claims = good_claims();
    if (c.value.is_null())
      claims.erase(c.name);
    else
      claims[c.name] = c.value;
    EXPECT_EQ(verdict(first_key().sign(claims)), c.message) << c.name << " " << c.value;
  }
}

TEST(IdToken, IsNotBelievedAboutHowItIsSigned) {
  const auto keys = KeySet::parse(json{{"keys", {first_key().jwk()}}}.dump());
  const IdTokenExpectation expected{"https://id", "holdfast", "n1", kNow};
  const auto verdict = [&](const std::string& token) {
    const auto claims = verify_id_token(token, *keys, expected);
    return claims ? "ok" : claims.error().message();
  };
  EXPECT_EQ(verdict(first_key().sign(good_claims(), {{"alg", "none"}})),
            "the provider's token is signed by 'none'; allowed: RS256, ES256");
  EXPECT_EQ(verdict(first_key().sign(good_claims(), {{"alg", "HS256"}})),
            "the provider's token is signed by 'HS256'; allowed: RS256, ES256");
  EXPECT_EQ(verdict(first_key().sign(good_claims(), {{"alg", "ES256"}})),
            "the provider's token has a signature that does not hold");
  EXPECT_EQ(verdict(first_key().sign(good_claims(), {{"alg", "RS256"}, {"crit", {"b64"}}})),
            "the provider's token asks for an extension that is not known here");
  EXPECT_EQ(verdict(SigningKey("one").sign(good_claims())),
            "the provider's token has a signature that does not hold");
  auto token = first_key().sign(good_claims());
  auto parts = split(token, '.');
  auto claims = good_claims();
  claims["sub"] = "s2";
  EXPECT_EQ(verdict(std::string(parts[0]) + "." + base64url_encode(claims.dump()) + "." + std::string(parts[2])),
            "the provider's token has a signature that does not hold");
  for (const char* no_token : {"", ".", "a.b", "a.b.c", "e30.e30.", "e30.W10.", "W10.e30.AA"})
    EXPECT_NE(verdict(no_token), "ok") << no_token;
  EXPECT_EQ(verdict(std::string(kJwtSizeMax + 1, 'a')), "the token has more than 65536 bytes");
}

TEST(Claims, AreTextsListsAndPaths) {
  const char* claims = R"({"groups":["a","b",3],"email":"x@y","realm":{"roles":["c"]},"https://x.y/r":"d"})";
  using Texts = std::vector<std::string>;
  EXPECT_EQ(claim_texts(claims, "groups"), (Texts{"a", "b"}));
  EXPECT_EQ(claim_texts(claims, "email"), Texts{"x@y"});
  EXPECT_EQ(claim_texts(claims, "realm.roles"), Texts{"c"});
  EXPECT_EQ(claim_texts(claims, "https://x.y/r"), Texts{"d"});
  EXPECT_EQ(claim_texts(claims, "nothing"), Texts{});
  EXPECT_EQ(claim_texts("[]", "groups"), Texts{});
  OidcConfig config;
  config.roles = {{"a", Role::kViewer}, {"b", Role::kOperator}};
  EXPECT_EQ(role_by_claims(claims, config), Role::kOperator);
  config.role_claim = "email";
  EXPECT_EQ(role_by_claims(claims, config), Role::kNone);
}

TEST(Return, IsAPathOfThisServer) {
  EXPECT_EQ(safe_return("/incidents?id=1"), "/incidents?id=1");
  for (const char* elsewhere : {"", "//evil.example.com", "https://evil", "/\\evil", "/a\r\nb", "javascript:1"})
    EXPECT_EQ(safe_return(elsewhere), "/") << elsewhere;
}

constexpr const char* kAccess = R"yaml(
access:
  oidc:
    issuer: http://127.0.0.1:9000
    name: Example
    client_id: holdfast
    client_secret: s3cret
    roles: { sre: operator, staff: viewer }
)yaml";

// A provider on the simulated network, as strict as a real one about code, verifier and secret.
class OidcFlow : public testing::Test {
 protected:
  OidcFlow() {
    const auto add = [&](const char* method, const char* path, auto handler) {
      provider.add(method, path, [handler](const net::Request& request, net::ResponderPtr to) {
        to->send(handler(request));
      });
    };
    add("GET", "/.well-known/openid-configuration", [](const net::Request&) {
      const std::string at = "http://127.0.0.1:9000";
      return net::Response::json(200, json{{"issuer", at},
                                           {"authorization_endpoint", at + "/auth"},
                                           {"token_endpoint", at + "/token"},
                                           {"userinfo_endpoint", at + "/userinfo"},
                                           {"jwks_uri", at + "/jwks"}}.dump());
    });
    add("GET", "/jwks", [this](const net::Request&) {
      ++keys_asked;
      return net::Response::json(200, json{{"keys", {key->jwk()}}}.dump());
    });
    add("POST", "/token", [this](const net::Request& request) { return token(request); });
    add("GET", "/userinfo", [this](const net::Request& request) {
      EXPECT_EQ(request.headers.get("authorization"), "Bearer at1");
      return net::Response::json(200, userinfo.dump());
    });
    server = std::make_unique<net::Server>(host.env, provider);
    EXPECT_TRUE(server->listen({"127.0.0.1", 9000, ""}));
  }
  ~OidcFlow() override { server.reset(); }

  net::Response token(const net::Request& request) {
    std::map<std::string, std::string> form;
    for (const auto& [name, value] : request.form()) form[name] = value;
    EXPECT_EQ(request.headers.get("authorization"), "Basic " + base64_encode("holdfast:s3cret"));
    EXPECT_EQ(form["redirect_uri"], "http://127.0.0.1:8040/api/holdfast/v1/session/oidc/callback");
    if (form["code"] != "c1" || base64url_encode(sha256_raw(form["code_verifier"])) != asked["code_challenge"])
      return net::Response::json(400, R"({"error":"invalid_grant"})");
    const auto now = to_ms(host.clock.now()) / 1000;
    json all{{"iss", "http://127.0.0.1:9000"}, {"aud", "holdfast"}, {"sub", "s1"}, {"iat", now},
             {"exp", now + 300}, {"nonce", asked["nonce"]}, {"preferred_username", "ann"}, {"groups", {"sre"}}};
    all.update(claims);
    return net::Response::json(200, json{{"id_token", key->sign(all)}, {"access_token", "at1"}}.dump());
  }

  // To the provider; its question is kept.
  void begin(const std::string& back = "/incidents") {
    const auto answer = host.ask("GET", kRoute + "?return=" + back);
    ASSERT_EQ(answer.status, 303) << answer.body;
    const std::string location(answer.headers.get("location"));
    ASSERT_TRUE(location.starts_with("http://127.0.0.1:9000/auth?")) << location;
    for (const auto& [name, value] : net::parse_query(location.substr(location.find('?') + 1))) asked[name] = value;
    const std::string set(answer.headers.get("set-cookie"));
    EXPECT_THAT(set, HasSubstr("; Path=/api/holdfast/v1/session/oidc; HttpOnly; SameSite=Lax"));
    browser = set.substr(0, set.find(';'));
  }
  net::ClientResponse back(const std::string& query, const std::string& cookie) {
    return host.ask("GET", kRoute + "/callback?" + query, "", {{"cookie", cookie}});
  }
  net::ClientResponse back() { return back("code=c1&state=" + asked["state"], browser); }
  std::string location(const net::ClientResponse& answer) {
    EXPECT_EQ(answer.status, 303) << answer.body;
    return std::string(answer.headers.get("location"));
  }
  json session(const net::ClientResponse& answer) {
    const std::string set(answer.headers.get("set-cookie"));
    return json::parse(host.ask("GET", "/api/holdfast/v1/session", "", {{"cookie", set.substr(0, set.find(';'))}}).body);
  }
  std::string last_refusal() {
    const auto answer = host.ask("GET", "/api/holdfast/v1/audit?limit=1&action=user_login", "",
                                 {{"authorization", "Bearer " + host.token()}});
    return json::parse(answer.body)["records"][0]["result"];
  }

  const std::string kRoute = "/api/holdfast/v1/session/oidc";
  AppHost host{AppHost::Access::kGuarded, std::string(kHostConfig) + kAccess};
  const SigningKey* key = &first_key();
  net::Router provider;
  std::unique_ptr<net::Server> server;
  std::map<std::string, std::string> asked;
  std::string browser;
  json claims = json::object();
  json userinfo;
  int keys_asked = 0;
};

TEST_F(OidcFlow, LeadsThereAndBackWithTheRoleOfTheClaims) {
  EXPECT_EQ(json::parse(host.ask("GET", "/api/holdfast/v1/session").body)["provider"], "Example");
  begin();
  EXPECT_EQ(asked["response_type"], "code");
  EXPECT_EQ(asked["scope"], "openid profile email");
  EXPECT_EQ(asked["code_challenge_method"], "S256");
  const auto answer = back();
  EXPECT_EQ(location(answer), "/incidents");
  const auto who = session(answer);
  EXPECT_EQ(who["user"], "ann");
  EXPECT_EQ(who["role"], "operator");
  EXPECT_EQ(last_refusal(), "ok");
  // Once: the same answer again is none.
  EXPECT_EQ(location(back()), "/?sign_in=expired");
}

TEST_F(OidcFlow, AnAnswerBelongsToItsBrowserAndItsQuestion) {
  begin();
  EXPECT_EQ(location(back("code=c1&state=" + asked["state"], "holdfast_oidc=0123")), "/?sign_in=expired");
  EXPECT_EQ(location(back("code=c1&state=" + asked["state"], "")), "/?sign_in=expired");
  EXPECT_EQ(location(back("code=c1&state=0123", browser)), "/?sign_in=expired");
  EXPECT_EQ(location(back("code=wrong&state=" + asked["state"], browser)), "/?sign_in=failed");
  EXPECT_THAT(last_refusal(), HasSubstr("invalid_grant"));
  begin();
  claims["nonce"] = "of another";
  EXPECT_EQ(location(back()), "/?sign_in=failed");
  EXPECT_THAT(last_refusal(), HasSubstr("answers another question (nonce)"));
  begin();
  EXPECT_EQ(location(back("error=access_denied&state=" + asked["state"], browser)), "/?sign_in=failed");
  EXPECT_THAT(last_refusal(), HasSubstr("access_denied"));
  claims.clear();
  begin();
  host.executor.run_for(11min);
  EXPECT_EQ(location(back()), "/?sign_in=expired");
}

TEST_F(OidcFlow, WhoHasNoRoleHereIsRefusedAndTheReasonIsForAdministrators) {
  claims["groups"] = {"guests"};
  begin();
  EXPECT_EQ(location(back()), "/?sign_in=refused");
  EXPECT_EQ(last_refusal(), "denied: the provider gives 'ann' no role here (access.oidc.roles)");
}

TEST_F(OidcFlow, WhatTheTokenLeavesOutIsAskedForOfTheSameAccount) {
  claims["groups"] = nullptr;
  userinfo = {{"sub", "s1"}, {"groups", {"staff"}}};
  begin();
  EXPECT_EQ(location(back()), "/?sign_in=refused");  // null is a claim: it is there
  claims["groups"] = json::array();
  begin();
  EXPECT_EQ(location(back()), "/?sign_in=refused");
  claims = {{"preferred_username", json::array()}};
  userinfo = {{"sub", "s2"}, {"groups", {"staff"}}};
  begin();
  EXPECT_EQ(location(back()), "/?sign_in=failed");
  EXPECT_THAT(last_refusal(), HasSubstr("userinfo is of another account"));
}

TEST_F(OidcFlow, ANewKeyOfTheProviderIsFetchedAndAStrangersIsNot) {
  begin();
  EXPECT_EQ(location(back()), "/incidents");
  EXPECT_EQ(keys_asked, 1);
  const SigningKey second("two");
  key = &second;
  host.executor.run_for(2min);
  begin();
  EXPECT_EQ(location(back()), "/incidents");
  EXPECT_EQ(keys_asked, 2);
  const SigningKey third("three");
  key = &third;
  begin();
  EXPECT_EQ(location(back()), "/?sign_in=failed");  // at most once a minute
  EXPECT_EQ(keys_asked, 2);
}

TEST_F(OidcFlow, AProviderThatIsAwayIsToldAndNothingElse) {
  server.reset();
  EXPECT_EQ(location(host.ask("GET", kRoute)), "/?sign_in=failed");
}

TEST(Oidc, WithoutAProviderNothingIsOffered) {
  AppHost host(AppHost::Access::kGuarded);
  EXPECT_EQ(host.ask("GET", "/api/holdfast/v1/session/oidc").headers.get("location"), "/?sign_in=failed");
  EXPECT_EQ(host.ask("GET", "/api/holdfast/v1/session/oidc/callback?state=a&code=b").headers.get("location"),
            "/?sign_in=expired");
}

}  // namespace
}  // namespace holdfast::app
