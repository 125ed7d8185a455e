// Passwords, tokens, and how often one address may knock.
#include "app/access/secret.h"

#include <gtest/gtest.h>

#include "app/access/rate_limit.h"
#include "base/bytes.h"

namespace holdfast::app {
namespace {

TEST(Password, IsKeptSaltedAndVerified) {
  SeededRandom random(1);
  const auto first = hash_password("correct horse battery", random);
  const auto second = hash_password("correct horse battery", random);
  ASSERT_TRUE(first && second);
  EXPECT_NE(*first, *second);  // salted
  EXPECT_TRUE(first->starts_with("scrypt$32768$8$1$"));
  EXPECT_EQ(first->find("horse"), std::string::npos);
  EXPECT_TRUE(password_matches("correct horse battery", *first));
  EXPECT_FALSE(password_matches("correct horse batterz", *first));
  EXPECT_FALSE(password_matches("", *first));
}

// RFC 7914, section 12, third vector: N=16384, r=8, p=1, its first 32 bytes.
TEST(Password, IsScryptAsItsRfcHasIt) {
  const std::string stored =
      "scrypt$16384$8$1$536f6469756d43686c6f72696465$"
      "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2";
  EXPECT_TRUE(password_matches("pleaseletmein", stored));
  EXPECT_FALSE(password_matches("pleaseletmeinn", stored));
}

TEST(Password, FitsNoHashThatCannotBeRead) {
  for (const char* stored :
       {"", "scrypt", "scrypt$1$8$1$00$00", "scrypt$32768$8$1$zz$00", "md5$1$1$1$00$00",
        "scrypt$32768$8$1$00", "scrypt$-1$8$1$00$00", "scrypt$1099511627776$8$1$00$00",
        "scrypt$32768$8$99999$00$00", "scrypt$32768$8$1$00$0"})
    EXPECT_FALSE(password_matches("pleaseletmein", stored)) << stored;
}

struct PasswordCase {
  const char* password;
  const char* user;
  const char* message;  // empty: good
};

TEST(Password, IsRefusedWithTheReason) {
  const PasswordCase cases[] = {
      {"correct horse", "ann", ""},
      {"密码密码密码密码密码", "ann", ""},
      {"short", "ann", "a password has at least 10 characters"},
      {"密码密码", "ann", "a password has at least 10 characters"},
      {"aaaaaaaaaaaa", "ann", "a password of one character only is none"},
      {"annabelle.smith1", "annabelle.smith", "the password is little more than the user's name"},
      {"\xff\xfe\xff\xfe\xff\xfe\xff\xfe\xff\xfe\xff", "ann", "the password is not UTF-8"},
  };
  for (const auto& c : cases) {
    const auto good = check_password(c.password, c.user);
    EXPECT_EQ(good ? "" : good.error().message(), c.message) << c.password;
  }
  EXPECT_EQ(check_password(std::string(257, 'x') + "y", "").error().message(),
            "a password has at most 256 bytes");
}

TEST(Secrets, CompareEqualOnlyWhenTheyAre) {
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_in_constant_time("abc", "ab"));
  EXPECT_TRUE(equal_in_constant_time("", ""));
}

TEST(Secrets, TokensAreLongAndDifferent) {
  SeededRandom random(1);
  const auto token = make_token(random);
  EXPECT_TRUE(token.starts_with("hf_"));
  EXPECT_EQ(token.size(), 67U);
  EXPECT_NE(token, make_token(random));
}

TEST(Secrets, Base64OfUrlsHasNoPaddingAndNoOtherSigns) {
  EXPECT_EQ(base64url_encode("\xfb\xff\xfe?"), "-__-Pw");
  EXPECT_EQ(*base64url_decode("-__-Pw"), "\xfb\xff\xfe?");
  for (const char* wrong : {"+__-Pw", "-__-Pw==", "A", "a b"})
    EXPECT_FALSE(base64url_decode(wrong)) << wrong;
}

// RFC 7636, appendix B.
TEST(Secrets, MakeTheChallengeOfItsRfc) {
  EXPECT_EQ(base64url_encode(sha256_raw("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

TEST(RateLimit, LetsABurstPassAndThenTheRate) {
  RateLimit limit(Rate{3, 60});
  const MonoTime start{};
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(limit.take("a", start)) << i;
  const auto wait = limit.take("a", start);
  ASSERT_TRUE(wait);
  EXPECT_EQ(*wait, 1s);
  EXPECT_FALSE(limit.take("b", start));  // another address
  EXPECT_FALSE(limit.take("a", start + 1s));
  EXPECT_TRUE(limit.take("a", start + 1s));
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(limit.take("a", start + 1h)) << i;
  EXPECT_TRUE(limit.take("a", start + 1h));  // no more than the burst was saved
}

TEST(RateLimit, RemembersNoMoreThanItsKeysAndLimitsStrangersAsOne) {
  RateLimit limit(Rate{1, 1});
  const MonoTime start{};
  for (std::size_t i = 0; i < kRateKeysMax; ++i)
    ASSERT_FALSE(limit.take("a" + std::to_string(i), start));
  EXPECT_FALSE(limit.take("stranger", start));
  EXPECT_TRUE(limit.take("another", start));  // shares the strangers' bucket
  EXPECT_TRUE(limit.take("a0", start));       // a known one has its own
  EXPECT_LE(limit.key_count(), kRateKeysMax + 1);
  // Those who have their calls back are forgotten, so that newcomers have a bucket again.
  EXPECT_FALSE(limit.take("later", start + 2min));
  EXPECT_LT(limit.key_count(), 10U);
}

TEST(RateLimit, TakesAnAddressForItsNetwork) {
  EXPECT_EQ(rate_key("10.0.0.1:5"), "10.0.0.1");
  EXPECT_EQ(rate_key("[2001:db8:1:2::3]:5"), rate_key("[2001:db8:1:2:ffff::9]:7"));
  EXPECT_NE(rate_key("[2001:db8:1:2::3]:5"), rate_key("[2001:db8:1:3::3]:5"));
  EXPECT_EQ(rate_key("[nonsense]:5"), "nonsense");
  EXPECT_EQ(rate_key(""), "");
}

}  // namespace
}  // namespace holdfast::app
