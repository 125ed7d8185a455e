#include "base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "base/check.h"

namespace holdfast {
namespace {

class Log : public ::testing::Test {
 protected:
  Log() {
    set_log_sink([this](LogLevel, std::string_view line) { lines_.emplace_back(line); });
  }
  ~Log() override {
    set_log_sink({});
    set_log_level(LogLevel::kInfo);
  }
  std::vector<std::string> lines_;
};

TEST_F(Log, WritesMessageAndFields) {
  log_info("incident opened", {{"id", "INC-7"}, {"service", "enhancer"}});
  ASSERT_EQ(lines_.size(), 1u);
  EXPECT_EQ(lines_[0], "incident opened id=INC-7 service=enhancer");
}

TEST_F(Log, QuotesValuesThatCouldPassForSomethingElse) {
  log_warn("m", {{"a", "two words"}, {"b", ""}, {"c", "x=\"y\""}, {"d", "line\nbreak"}});
  EXPECT_EQ(lines_.at(0), R"(m a="two words" b="" c="x=\"y\"" d="line\nbreak")");
}

TEST_F(Log, LevelsBelowTheThresholdAreSilent) {
  log_debug("quiet");
  set_log_level(LogLevel::kDebug);
  log_debug("loud");
  EXPECT_THAT(lines_, ::testing::ElementsAre("loud"));
}

TEST_F(Log, LinesOfManyThreadsNeverMix) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < 100; ++i) log_info("same", {{"k", "v"}});
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(lines_.size(), 400u);
  EXPECT_THAT(lines_, ::testing::Each("same k=v"));
}

TEST(LogToStderr, StandsInTheStatedForm) {
  ::testing::internal::CaptureStderr();
  log_error("disk full", {{"path", "/data"}});
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              ::testing::MatchesRegex("....-..-..T..:..:..\\....Z error disk full path=/data\n"));
}

TEST_F(Log, ABugIsLoggedAndCountedWhereItDoesNotAbort) {
  set_bugs_abort(false);
  const auto before = bugs_total();
  HF_BUG("state that cannot be");
  set_bugs_abort(true);
  EXPECT_EQ(bugs_total(), before + 1);
  ASSERT_EQ(lines_.size(), 1u);
  EXPECT_THAT(lines_[0], ::testing::HasSubstr("why=\"state that cannot be\""));
}

TEST(Probe, CountsEachPassage) {
  const auto pass = [] { HF_PROBE("test: passed"); };
  pass();
  const auto before = probe_hits().at("test: passed");
  pass();
  pass();
  EXPECT_EQ(probe_hits().at("test: passed"), before + 2);
}

}  // namespace
}  // namespace holdfast
