#include "model/labels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <unordered_set>

#include "model/alert.h"

namespace holdfast::model {
namespace {

TEST(Labels, SortsDropsEmptyValuesAndLetsALaterDuplicateWin) {
  const Labels labels{{"b", "1"}, {"a", "x"}, {"b", "2"}, {"c", ""}, {"d", "9"}, {"d", ""}};
  EXPECT_EQ(labels.text(), R"({a="x",b="2"})");
  EXPECT_EQ(labels.size(), 2u);
  EXPECT_EQ(labels.get("b"), "2");
  EXPECT_EQ(labels.get("d"), "");
  EXPECT_FALSE(labels.has("c"));
}

TEST(Labels, TextFollowsPrometheusEscaping) {
  struct Case {
    const char* name;
    Labels labels;
    const char* want;
  };
  const Case cases[] = {
      {"nothing", {}, "{}"},
      {"only a name", {{"__name__", "up"}}, "up"},
      {"only labels", {{"job", "a"}}, R"({job="a"})"},
      {"both",
       {{"__name__", "up"}, {"job", "a"}, {"instance", "h:1"}},
       R"(up{instance="h:1",job="a"})"},
      {"escapes", {{"a", "q\"b\\s\nn"}}, R"({a="q\"b\\s\nn"})"},
      {"UTF-8 label name", {{"k8s.pod", "x"}, {"区域", "北"}}, R"({"k8s.pod"="x","区域"="北"})"},
      {"UTF-8 metric name",
       {{"__name__", "http.requests"}, {"A", "1"}, {"z", "2"}},
       R"({"http.requests",A="1",z="2"})"},
      {"UTF-8 metric name alone", {{"__name__", "http.requests"}}, R"({"http.requests"})"},
      {"recording rule name", {{"__name__", "job:up:sum"}}, "job:up:sum"},
  };
  for (const auto& c : cases) EXPECT_EQ(c.labels.text(), c.want) << c.name;
}

TEST(Labels, ChangesGiveCopies) {
  const Labels base{{"__name__", "up"}, {"a", "1"}, {"b", "2"}};
  EXPECT_EQ(base.with("b", "3").text(), R"(up{a="1",b="3"})");
  EXPECT_EQ(base.with("aa", "3").text(), R"(up{a="1",aa="3",b="2"})");
  EXPECT_EQ(base.with("b", "").text(), R"(up{a="1"})");
  EXPECT_EQ(base.with("nope", "").text(), base.text());
  EXPECT_EQ(base.without_name().text(), R"({a="1",b="2"})");
  EXPECT_EQ(base.keep({"b", "__name__"}).text(), R"(up{b="2"})");
  EXPECT_EQ(base.drop({"b"}).text(), R"({a="1"})");
  EXPECT_EQ(base.text(), R"(up{a="1",b="2"})");
}

TEST(Labels, HashIsStableAndTellsApartWhatConcatenationWouldNot) {
  EXPECT_NE(Labels({{"a", "bc"}}).hash(), Labels({{"ab", "c"}}).hash());
  EXPECT_NE(Labels({{"a", "b"}, {"c", "d"}}).hash(), Labels({{"a", "b\xff"}, {"c", "d"}}).hash());
  EXPECT_EQ(Labels({{"x", "1"}, {"a", "2"}}).hash(), Labels({{"a", "2"}, {"x", "1"}}).hash());
  EXPECT_EQ(Labels().hash(), 0x2d06800538d394c2ULL);  // XXH3's published hash of no bytes
  const std::string large(5000, 'v');                 // past the stack buffer
  EXPECT_EQ(Labels({{"a", large}}).hash(), Labels({{"a", large}}).hash());
  EXPECT_NE(Labels({{"a", large}}).hash(), Labels({{"a", large + "w"}}).hash());
}

TEST(Labels, WithAgreesWithBuildingAnew) {
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    Labels grown;
    std::vector<Label> list;
    for (int i = 0; i < 8; ++i) {
      const std::string name(1, static_cast<char>('a' + random() % 5));
      const std::string value = random() % 4 == 0 ? "" : std::to_string(random() % 3);
      grown = grown.with(name, value);
      list.push_back({name, value});
      ASSERT_EQ(grown, Labels(list)) << "round " << round;
    }
    ASSERT_EQ(grown.hash(), Labels(list).hash());
  }
}

TEST(Labels, NamesAreJudgedAsPrometheusDoes) {
  struct Case {
    const char* name;
    bool metric, label;
  };
  const Case cases[] = {{"up", true, true},  {"a:b", true, false}, {"9a", false, false},
                        {"", false, false},  {"_x9", true, true},  {"a-b", false, false},
                        {"é", false, false}, {":a", true, false},  {"a b", false, false}};
  for (const auto& c : cases) {
    EXPECT_EQ(is_metric_name(c.name), c.metric) << c.name;
    EXPECT_EQ(is_label_name(c.name), c.label) << c.name;
  }
}

TEST(Fingerprint, IsPrometheusFnv1aOfTheLabelSet) {
  Alert alert;
  EXPECT_EQ(alert.fingerprint(), "cbf29ce484222325");
  // Computed by hand from the definition: FNV-1a over "a" ff "b" ff.
  std::uint64_t sum = 0xcbf29ce484222325ULL;
  for (const unsigned char c : {0x61, 0xff, 0x62, 0xff}) sum = (sum ^ c) * 0x100000001b3ULL;
  char want[17];
  std::snprintf(want, sizeof(want), "%016llx", static_cast<unsigned long long>(sum));
  alert.labels = {{"a", "b"}};
  EXPECT_EQ(alert.fingerprint(), want);
  alert.annotations = {{"summary", "not part of the identity"}};
  EXPECT_EQ(alert.fingerprint(), want);
}

}  // namespace
}  // namespace holdfast::model
