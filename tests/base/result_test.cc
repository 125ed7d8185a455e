#include "base/result.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

namespace holdfast {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return invalid("odd");
  return n / 2;
}
Result<int> quarter(int n) { return HF_TRY(half(HF_TRY(half(n).context("first")))); }
Result<void> check_quarter(int n) {
  static_cast<void>(HF_TRY(quarter(n).context("check")));
  return {};
}

TEST(Result, TryYieldsTheValueOrReturnsTheError) {
  EXPECT_EQ(*quarter(8), 2);
  EXPECT_EQ(quarter(6).error().message(), "odd");
  EXPECT_TRUE(check_quarter(4));
}

TEST(Result, ContextGathersAsAnErrorRises) {
  const auto result = check_quarter(3);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message(), "check: first: odd");
  EXPECT_EQ(result.error().code(), Code::kInvalid);
}

TEST(Result, CarriesValuesThatOnlyMove) {
  const auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(7); };
  const auto use = [&]() -> Result<int> {
    const auto owned = HF_TRY(make());
    return *owned;
  };
  EXPECT_EQ(*use(), 7);
}

TEST(Result, AValueTakenFromATemporaryLivesOn) {
  const auto list = []() -> Result<std::vector<std::string>> {
    return std::vector<std::string>{std::string(100, 'a'), std::string(100, 'b')};
  };
  std::string seen;
  for (const auto& entry : *list()) seen += entry[0];
  EXPECT_EQ(seen, "ab");
  const Error& error = half(1).error();
  EXPECT_EQ(error.message(), "odd");
}

TEST(Result, TransformAndAndThenWorkOnTheValueAlone) {
  EXPECT_EQ(*half(8).transform([](int n) { return std::to_string(n); }), "4");
  EXPECT_EQ(*half(8).and_then(half), 2);
  EXPECT_EQ(half(7).and_then(half).error().message(), "odd");
  EXPECT_EQ(half(7).value_or(-1), -1);
}

TEST(Result, TheWrongSideStopsTheProcess) {
  EXPECT_DEATH(static_cast<void>(half(3).value()), "holds an error: odd");
  EXPECT_DEATH(static_cast<void>(half(4).error()), "holds a value");
}

TEST(Error, EveryCodeHasANameAndAStatus) {
  struct Case {
    Code code;
    std::string_view name;
    int status;
  };
  const Case cases[] = {
      {Code::kInvalid, "invalid", 400},     {Code::kNotFound, "not_found", 404},
      {Code::kExists, "exists", 409},       {Code::kUnauthorized, "unauthorized", 401},
      {Code::kForbidden, "forbidden", 403}, {Code::kConflict, "conflict", 409},
      {Code::kTooLarge, "too_large", 413},  {Code::kExhausted, "exhausted", 429},
      {Code::kTimeout, "timeout", 504},     {Code::kUnavailable, "unavailable", 503},
      {Code::kDataLoss, "data_loss", 500},  {Code::kUnsupported, "unsupported", 501},
      {Code::kInternal, "internal", 500},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(code_name(c.code), c.name);
    EXPECT_EQ(http_status(c.code), c.status) << c.name;
  }
}

TEST(Error, ErrnoTellsTheCode) {
  EXPECT_EQ(errno_error(ENOSPC, "write /a").code(), Code::kExhausted);
  EXPECT_EQ(errno_error(ENOENT, "open /a").code(), Code::kNotFound);
  EXPECT_EQ(errno_error(EIO, "read /a").code(), Code::kUnavailable);
  EXPECT_EQ(errno_error(ENOENT, "open /a").message(), "open /a: No such file or directory");
}

}  // namespace
}  // namespace holdfast
