#include "metrics/head_index.h"

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

// An index, and what it should hold.
struct Both {
  HeadIndex index;
  std::map<SeriesId, Labels> oracle;
  std::map<SeriesId, PairList> lists;
  SeriesId next = 1;

  SeriesId add(const Labels& labels, SeriesId id = 0) {
    if (id == 0) id = next++;
    LabelViews views;
    for (const model::Label& label : labels) views.push_back({label.name, label.value});
    lists[id] = index.add(id, views);
    oracle[id] = labels;
    return id;
  }
  // All with one call, as the series of a request come.
  void add_together(const std::vector<std::pair<SeriesId, Labels>>& series) {
    std::vector<LabelViews> views(series.size());
    std::vector<HeadIndex::Adding> adding;
    for (std::size_t i = 0; i < series.size(); ++i) {
      for (const model::Label& label : series[i].second)
        views[i].push_back({label.name, label.value});
      adding.push_back({series[i].first, views[i], {}});
    }
    index.add(adding);
    for (std::size_t i = 0; i < series.size(); ++i) {
      lists[series[i].first] = adding[i].list;
      oracle[series[i].first] = series[i].second;
    }
  }
  void remove(const std::vector<SeriesId>& ids) {
    std::vector<std::pair<SeriesId, PairList>> gone;
    for (const SeriesId id : ids) gone.emplace_back(id, lists.at(id));
    index.remove(gone);
    for (const SeriesId id : ids) {
      oracle.erase(id);
      lists.erase(id);
    }
  }
  Labels labels(SeriesId id) const {
    LabelViews views;
    index.labels(lists.at(id), views);
    return to_labels(views);
  }
};

TEST(HeadIndex, AgreesWithAMapOnRandomMatchers) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SeededRandom random(seed);
    Both both;
    const std::uint64_t count = 1 + random.below(800);
    for (std::uint64_t i = 0; i < count;) {
      std::vector<std::pair<SeriesId, Labels>> together;
      for (std::uint64_t end = i + 1 + random.below(9); i < std::min(end, count); ++i)
        together.emplace_back(both.next++, random_labels(random, i));
      both.add_together(together);
    }
    std::vector<SeriesId> gone;
    for (const auto& [id, labels] : both.oracle) {
      if (random.chance(0.2)) gone.push_back(id);
    }
    both.remove(gone);
    // Some ids come back with other labels, as the head's slots do.
    std::vector<std::pair<SeriesId, Labels>> back;
    for (const SeriesId id : gone) {
      if (random.chance(0.5)) back.emplace_back(id, random_labels(random, 10'000 + id));
    }
    both.add_together(back);
    ASSERT_EQ(both.index.series_count(), both.oracle.size());
    for (int round = 0; round < 60; ++round) {
      std::vector<Matcher> matchers;
      std::string text;
      for (std::uint64_t i = random.below(4); i > 0; --i) {
        matchers.push_back(random_matcher(random));
        text += matchers.back().text() + " ";
      }
      std::vector<SeriesId> want;
      for (const auto& [id, labels] : both.oracle) {
        bool all = true;
        for (const Matcher& m : matchers) all = all && m.matches(labels);
        if (all) want.push_back(id);
      }
      ASSERT_EQ(both.index.select(matchers), want) << "seed " << seed << ": " << text;
    }
    const std::vector<std::uint32_t> rank = both.index.pair_ranks();
    std::vector<std::pair<std::vector<std::uint32_t>, Labels>> ranked;
    for (const auto& [id, labels] : both.oracle) {
      ASSERT_EQ(both.labels(id), labels);
      std::vector<std::uint32_t> key;
      for (std::uint32_t i = 0; i < both.lists[id].count; ++i)
        key.push_back(rank[both.lists[id].pairs[i]]);
      ranked.emplace_back(std::move(key), labels);
    }
    std::sort(ranked.begin(), ranked.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    for (std::size_t i = 1; i < ranked.size(); ++i)
      ASSERT_LT(ranked[i - 1].second, ranked[i].second);
  }
}

TEST(HeadIndex, KeepsASharedTextOnceAndForgetsItWithItsLastSeries) {
  Both both;
  const std::uint64_t empty = both.index.memory_size();
  std::vector<SeriesId> ids;
  const std::string value(10'000, 'x');
  for (int i = 0; i < 100; ++i)
    ids.push_back(both.add(Labels{{"big", value}, {"id", std::to_string(i)}}));
  EXPECT_LT(both.index.memory_size(), empty + 100'000);
  both.remove(ids);
  EXPECT_EQ(both.index.series_count(), 0U);
  EXPECT_TRUE(both.index.select({Matcher::equal("big", value)}).empty());
  const SeriesId again = both.add(Labels{{"big", value}});
  EXPECT_EQ(both.index.select({Matcher::equal("big", value)}), std::vector<SeriesId>{again});
}

TEST(HeadIndex, TextsOfRemovedSeriesStayReadableWhilePinned) {
  Both both;
  const SeriesId id = both.add(Labels{{"__name__", "m"}, {"pod", "checkout-7"}});
  const PairList list = both.lists.at(id);
  auto pin = both.index.pin();
  both.remove({id});
  // New pairs must not take the place of the pinned ones.
  for (int i = 0; i < 100; ++i)
    both.add(Labels{{"__name__", "n"}, {"pod", "other-" + std::to_string(i)}});
  LabelViews views;
  both.index.labels(list, views);
  EXPECT_EQ(to_labels(views).text(), "m{pod=\"checkout-7\"}");
  pin.reset();
  both.add(Labels{{"__name__", "after"}});  // may use what the pin held; nothing else must change
  EXPECT_EQ(both.index.select({Matcher::equal("__name__", "n")}).size(), 100U);
}

}  // namespace
}  // namespace holdfast::metrics
