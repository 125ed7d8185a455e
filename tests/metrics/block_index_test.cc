// The index of a block against the slow and obvious way: each series' labels asked one by one.
#include <algorithm>

#include "metrics/block/block_index.h"
#include "metrics/block/columns.h"
#include "metrics/block_fixture.h"

namespace holdfast::metrics {
namespace {

using model::MatchOp;

Matcher matcher(MatchOp op, std::string name, std::string value) {
  auto made = Matcher::make(op, std::move(name), std::move(value));
  EXPECT_TRUE(made.has_value()) << (made ? "" : made.error().message());
  return *made;
}

// Many shapes, names before and after __name__, values shared between labels.
std::vector<Labels> random_series(SeededRandom& random, std::size_t count) {
  const std::vector<std::string> metrics = {"up",
                                            "node_memory_free_bytes",
                                            "node_memory_x",
                                            "node_cpu",
                                            "node_memory_used_bytes",
                                            "a.b",
                                            "ünïcode_été",
                                            "x"};
  const std::vector<std::string> names = {"A", "job", "instance", "zone", "le"};
  std::vector<Labels> series;
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<model::Label> labels;
    if (random.next() % 20 != 0)
      labels.push_back({"__name__", metrics[random.next() % metrics.size()]});
    for (const std::string& name : names) {
      if (random.next() % 3 == 0) continue;
      labels.push_back({name, std::to_string(random.next() % 12)});
    }
    series.emplace_back(std::move(labels));
  }
  std::sort(series.begin(), series.end());
  series.erase(std::unique(series.begin(), series.end()), series.end());
  return series;
}

struct Indexed {
  explicit Indexed(std::uint64_t seed, std::size_t count) : disk(seed) {
    series = random_series(disk.random, count);
    for (std::size_t i = 0; i < series.size(); ++i) {
      const auto begin = static_cast<Timestamp>(disk.random.next() % 100);
      content[series[i]] = floats({{begin, 1}, {begin + 50, 2}});
      spans.push_back({begin, begin + 50});
    }
    disk.write(content);
    view = *disk.open()->view();
  }
  Disk disk;
  std::vector<Labels> series;
  std::vector<std::pair<Timestamp, Timestamp>> spans;
  BlockContent content;
  std::shared_ptr<const Block::View> view;
};

TEST(BlockIndex, SelectsAsAskingEachSeriesDoes) {
  struct Case {
    std::string name;
    std::vector<Matcher> matchers;
  };
  const std::vector<Case> cases = {
      {"all", {}},
      {"one name", {matcher(MatchOp::kEqual, "__name__", "up")}},
      {"absent value", {matcher(MatchOp::kEqual, "__name__", "gone")}},
      {"absent label", {matcher(MatchOp::kEqual, "nowhere", "1")}},
      {"absent label is empty", {matcher(MatchOp::kEqual, "nowhere", "")}},
      {"absent label is not x", {matcher(MatchOp::kNotEqual, "nowhere", "x")}},
      {"label is empty", {matcher(MatchOp::kEqual, "job", "")}},
      {"label is not empty", {matcher(MatchOp::kNotEqual, "job", "")}},
      {"any name", {matcher(MatchOp::kNotEqual, "__name__", "")}},
      {"not equal", {matcher(MatchOp::kNotEqual, "job", "3")}},
      {"prefix",
       {matcher(MatchOp::kRegex, "__name__", "node_memory_.*_bytes"),
        matcher(MatchOp::kEqual, "job", "1")}},
      {"last literal may be absent", {matcher(MatchOp::kRegex, "__name__", "upx*")}},
      {"last character of two bytes", {matcher(MatchOp::kRegex, "__name__", "ünïcode_étéé?")}},
      {"escaped", {matcher(MatchOp::kRegex, "__name__", "a\\.b")}},
      {"any case", {matcher(MatchOp::kRegex, "__name__", "(?i)UP")}},
      {"alternatives with a common begin", {matcher(MatchOp::kRegex, "__name__", "up|node_.+")}},
      {"set", {matcher(MatchOp::kRegex, "instance", "1|3|7|99")}},
      {"set of metrics",
       {matcher(MatchOp::kRegex, "__name__", "x|up|nothing"),
        matcher(MatchOp::kNotRegex, "zone", "1|2")}},
      {"regex accepts empty", {matcher(MatchOp::kRegex, "zone", ".*")}},
      {"regex accepts empty or one", {matcher(MatchOp::kRegex, "zone", "|1")}},
      {"not regex refuses empty", {matcher(MatchOp::kNotRegex, "zone", "|1")}},
      {"not regex", {matcher(MatchOp::kNotRegex, "job", "[0-4]")}},
      {"every value", {matcher(MatchOp::kRegex, "A", ".+")}},
      {"many",
       {matcher(MatchOp::kEqual, "A", "1"), matcher(MatchOp::kNotEqual, "job", "2"),
        matcher(MatchOp::kRegex, "instance", "[1-5]"), matcher(MatchOp::kEqual, "le", "")}},
      {"one label twice",
       {matcher(MatchOp::kRegex, "job", "1.*"), matcher(MatchOp::kNotEqual, "job", "11")}},
  };
  for (const std::size_t count : {1, 40, 6000}) {
    const Indexed indexed(count, count);
    for (const Case& c : cases) {
      for (const auto& [from, to] :
           {std::pair<Timestamp, Timestamp>{0, 1000}, {60, 70}, {-5, 3}, {149, 200}}) {
        std::vector<SeriesIndex> want;
        for (SeriesIndex i = 0; i < indexed.series.size(); ++i) {
          const bool in_time = indexed.spans[i].first <= to && indexed.spans[i].second >= from;
          const bool matches =
              std::all_of(c.matchers.begin(), c.matchers.end(),
                          [&](const Matcher& m) { return m.matches(indexed.series[i]); });
          if (in_time && matches) want.push_back(i);
        }
        EXPECT_EQ(indexed.view->select(c.matchers, from, to), want)
            << c.name << ", " << count << " series, from " << from;
      }
    }
  }
}

TEST(BlockIndex, TellsTheLabelsOfEachSeries) {
  const Indexed indexed(5, 3000);
  ASSERT_EQ(indexed.view->series_count(), indexed.series.size());
  for (SeriesIndex i = 0; i < indexed.series.size(); ++i) {
    const Labels& labels = indexed.series[i];
    EXPECT_EQ(labels_of(*indexed.view, i), labels);
    EXPECT_EQ(indexed.view->find(views_of(labels)), i);
    for (const char* name : {"__name__", "A", "job", "none", "zone"})
      EXPECT_EQ(indexed.view->label(i, name), labels.get(name));
    EXPECT_EQ(indexed.view->min_time(i), indexed.spans[i].first);
    EXPECT_EQ(indexed.view->max_time(i), indexed.spans[i].second);
    EXPECT_EQ(indexed.view->sample_count(i), 2U);
  }
}

TEST(BlockIndex, FindsOnlyWhatIsThere) {
  const Indexed indexed(6, 500);
  SeededRandom random(99);
  for (const Labels& labels : random_series(random, 500)) {
    const auto it = std::lower_bound(indexed.series.begin(), indexed.series.end(), labels);
    const bool there = it != indexed.series.end() && *it == labels;
    EXPECT_EQ(indexed.view->find(views_of(labels)).has_value(), there) << labels.text();
  }
  EXPECT_FALSE(indexed.view->find({{"job", "no such value"}}).has_value());
}

TEST(BlockIndex, OrdersSeriesAsLabelsDo) {
  const Indexed indexed(7, 300);
  SeededRandom random(98);
  const std::vector<Labels> others = random_series(random, 300);
  for (SeriesIndex i = 0; i < indexed.series.size(); ++i) {
    const Labels& other = others[i % others.size()];
    const int got = indexed.view->compare(i, views_of(other));
    const auto want = indexed.series[i] <=> other;
    EXPECT_EQ(got < 0, want < 0);
    EXPECT_EQ(got > 0, want > 0);
    EXPECT_EQ(indexed.view->compare(i, views_of(indexed.series[i])), 0);
  }
}

TEST(BlockIndex, ListsNamesAndValuesSorted) {
  const Indexed indexed(8, 2000);
  std::map<std::string, std::map<std::string, int>> want;
  for (const Labels& labels : indexed.series) {
    for (const model::Label& label : labels) ++want[label.name][label.value];
  }
  std::vector<std::string_view> names;
  for (const auto& [name, values] : want) {
    names.push_back(name);
    std::vector<std::string_view> value_list;
    for (const auto& [value, count] : values) value_list.push_back(value);
    EXPECT_EQ(indexed.view->label_values(name), value_list) << name;
  }
  EXPECT_EQ(indexed.view->label_names(), names);
  EXPECT_TRUE(indexed.view->label_values("none").empty());
  EXPECT_TRUE(indexed.view->label_values("up").empty());  // a value, but no label's name
}

TEST(BlockIndex, OutlivesItsBlock) {
  Disk disk;
  disk.write({{{{"a", "long enough to be on the heap of somebody"}}, floats({{1, 1}})}});
  BlockPtr block = disk.open();
  const auto view = *block->view();
  block.reset();
  disk.caches.reset();
  EXPECT_EQ(view->label(0, "a"), "long enough to be on the heap of somebody");
}

TEST(BlockIndex, CostsLessThanAByteASeries) {
  Disk disk;
  auto writer = *BlockWriter::create(disk.files, "/blocks", "b", {});
  const Times times = times_of(0, 15'000, 2);
  std::size_t count = 0;
  for (int metric = 0; metric < 20; ++metric) {
    for (int host = 0; host < 500; ++host, ++count) {
      const std::string instance = "host-" + std::to_string(1000 + host * 7) + ".example:9100";
      const std::string pod = "pod-" + std::to_string(host * 7919 % 1009);
      SeriesData data;
      data.times = times;
      data.values = {0, 0};
      const std::string name = "metric_" + std::to_string(100 + metric);
      const LabelViews labels = {
          {"__name__", name}, {"instance", instance}, {"metric", "x"}, {"pod", pod}};
      ASSERT_TRUE(writer->add(labels, data).has_value());
    }
  }
  ASSERT_TRUE(writer->finish().has_value());
  const std::string bytes = disk.bytes();
  std::size_t wanted = 0;
  const auto footer = decode_footer(bytes, bytes.size(), wanted);
  ASSERT_TRUE(footer.has_value());
  EXPECT_LT(bytes.size() - footer->symbols.offset, count);
}

TEST(BlockColumns, GiveBackWhatWasPut) {
  SeededRandom random(3);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::uint32_t> values;
    const std::size_t count = random.next() % 400;
    const std::uint64_t spread = 1 + random.next() % (round % 2 == 0 ? 4 : UINT32_MAX);
    while (values.size() < count) {
      const auto value = static_cast<std::uint32_t>(random.next() % spread);
      const std::size_t run = round % 3 == 0 ? 1 + random.next() % 30 : 1;
      values.insert(values.end(), run, value);
    }
    ByteWriter out;
    put_column(out, values);
    std::vector<std::uint32_t> back(values.size() * 2, 7);
    ByteReader in(out.str());
    ASSERT_TRUE(get_column(in, values.size(), spread, back.data(), 2));
    EXPECT_TRUE(in.at_end());
    for (std::size_t i = 0; i < values.size(); ++i) ASSERT_EQ(back[2 * i], values[i]);
    ByteReader short_of_limit(out.str());
    if (!values.empty()) {
      const std::uint32_t most = *std::max_element(values.begin(), values.end());
      EXPECT_FALSE(get_column(short_of_limit, values.size(), most, back.data(), 2));
      ByteReader too_few(out.str());
      EXPECT_FALSE(get_column(too_few, values.size() - 1, spread, back.data()));
    }
  }
}

}  // namespace
}  // namespace holdfast::metrics
