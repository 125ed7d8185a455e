#include "metrics/index.h"

#include <gtest/gtest.h>

#include <map>

#include "base/random.h"

namespace holdfast::metrics {
namespace {

using model::Labels;
using model::Matcher;
using model::MatchOp;

Labels random_labels(Random& random, std::uint64_t unique) {
  std::vector<model::Label> labels = {{"__name__", "m" + std::to_string(random.below(5))},
                                      {"id", std::to_string(unique)}};
  for (const char* name : {"a", "b", "c"}) {
    if (random.chance(0.7))
      labels.push_back({name, std::string(1, static_cast<char>('p' + random.below(6)))});
  }
  return Labels(std::move(labels));
}

Matcher random_matcher(Random& random) {
  static const std::vector<std::string> names = {"__name__", "a", "b", "c", "id", "absent"};
  static const std::vector<std::string> values = {"", "p", "q", "m1", "7", "zz"};
  static const std::vector<std::string> patterns = {"",    ".*", ".+",      "p|q",  "m[12]",
                                                    "1.*", "p?", "(r|s|t)", "[^p]*"};
  const std::string& name = names[random.below(names.size())];
  const auto op = static_cast<MatchOp>(random.below(4));
  const bool regex = op == MatchOp::kRegex || op == MatchOp::kNotRegex;
  return *Matcher::make(
      op, name,
      regex ? patterns[random.below(patterns.size())] : values[random.below(values.size())]);
}

TEST(Index, AgreesWithAMapOnRandomMatchers) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SeededRandom random(seed);
    Index index;
    std::map<SeriesId, Labels> oracle;
    const std::uint64_t count = 1 + random.below(800);
    for (std::uint64_t i = 0; i < count; ++i) {
      const Labels labels = random_labels(random, i);
      oracle[index.add(labels, static_cast<std::uint32_t>(i))] = labels;
    }
    std::vector<SeriesId> gone;
    for (const auto& [id, labels] : oracle) {
      if (random.chance(0.2)) gone.push_back(id);
    }
    index.remove(gone);
    for (const SeriesId id : gone) oracle.erase(id);
    ASSERT_EQ(index.series_count(), oracle.size());
    for (int round = 0; round < 60; ++round) {
      std::vector<Matcher> matchers;
      std::string text;
      for (std::uint64_t i = random.below(4); i > 0; --i) {
        matchers.push_back(random_matcher(random));
        text += matchers.back().text() + " ";
      }
      std::vector<SeriesId> want;
      for (const auto& [id, labels] : oracle) {
        bool all = true;
        for (const Matcher& m : matchers) all = all && m.matches(labels);
        if (all) want.push_back(id);
      }
      ASSERT_EQ(index.select(matchers), want) << "seed " << seed << ": " << text;
    }
    std::vector<SeriesId> ids;
    for (const auto& [id, labels] : oracle) {
      ASSERT_EQ(index.labels(id), labels);
      ids.push_back(id);
    }
    index.sort_by_labels(ids);
    for (std::size_t i = 1; i < ids.size(); ++i) ASSERT_LT(oracle[ids[i - 1]], oracle[ids[i]]);
  }
}

TEST(Index, KeepsASharedStringOnceAndForgetsItWithItsLastSeries) {
  Index index;
  const std::uint64_t empty = index.memory_size();
  std::vector<SeriesId> ids;
  const std::string value(10'000, 'x');
  for (int i = 0; i < 100; ++i)
    ids.push_back(index.add(Labels{{"big", value}, {"id", std::to_string(i)}}, 0));
  EXPECT_LT(index.memory_size(), empty + 100'000);
  index.remove(ids);
  EXPECT_EQ(index.series_count(), 0U);
  EXPECT_TRUE(index.select({Matcher::equal("big", value)}).empty());
  EXPECT_FALSE(index.labels(ids[0]));
  const SeriesId again = index.add(Labels{{"big", value}}, 0);
  EXPECT_GT(again, ids.back());  // ids are never used twice
  EXPECT_EQ(index.select({Matcher::equal("big", value)}), std::vector<SeriesId>{again});
}

}  // namespace
}  // namespace holdfast::metrics
