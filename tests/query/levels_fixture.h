// What the tests of downsampled levels share: a store with days of unruly series, and two ways to ask it.
#pragma once

#include <cmath>
#include <limits>
#include <map>

#include "metrics/fixture.h"
#include "query/promql/engine.h"

namespace holdfast::query::promql {

constexpr std::int64_t kMinute = 60'000, kHour = 60 * kMinute, kDay = 24 * kHour;

// The store without its levels: what the samples say.
class SamplesOnly final : public metrics::Reader {
 public:
  explicit SamplesOnly(const metrics::Store& store) : store_(store) {}
  Result<metrics::SelectionPtr> find(const metrics::SelectRequest& request) const override {
    return store_.find(request);
  }
  Result<std::vector<metrics::Column>> select(
      const metrics::SelectRequest& request) const override {
    return store_.select(request);
  }
  Result<std::vector<Labels>> series(const std::vector<std::vector<model::Matcher>>&, Timestamp,
                                     Timestamp, std::size_t) const override {
    return std::vector<Labels>();
  }
  Result<std::vector<std::string>> label_names(const std::vector<std::vector<model::Matcher>>&,
                                               Timestamp, Timestamp) const override {
    return std::vector<std::string>();
  }
  Result<std::vector<std::string>> label_values(const std::string&,
                                                const std::vector<std::vector<model::Matcher>>&,
                                                Timestamp, Timestamp) const override {
    return std::vector<std::string>();
  }
  std::map<std::string, std::vector<metrics::Metadata>> metadata(const std::string&,
                                                                 std::size_t) const override {
    return {};
  }

 private:
  const metrics::Store& store_;
};

struct UnrulySeries {
  std::vector<metrics::Column> columns;

  UnrulySeries(std::uint64_t seed, Timestamp from, Timestamp to, std::int64_t interval)
      : random_(seed), from_(from), to_(to), interval_(interval) {
    for (int k = 0; k < 8; ++k) {
      const Labels base{{"zone", k % 3 == 0 ? "eu" : "us"}, {"host", std::to_string(k)}};
      double total = 1e6;
      add(base.with("__name__", "c_total"), k, [&] {
        if (random_.below(70) == 0) total = static_cast<double>(random_.below(1000));
        return total += static_cast<double>(random_.below(50)) / 4;
      });
      double young = 0;  // near zero: rates are bounded there
      add(base.with("__name__", "n_total"), k, [&] {
        if (random_.below(300) == 0) young = 0;
        return young += random_.below(30) == 0 ? 1 : 0;
      });
      add(base.with("__name__", "g"), k,
          [&] { return static_cast<double>(random_.below(1'000'000)) / 997 - 500; });
      add(base.with("__name__", "flat"), k, [&] { return k == 0 ? 0 : 0.1 * k; });
      if (k % 4 == 0) add(base.with("__name__", "odd"), k, [&] { return odd(); });
      if (k % 4 == 1) add_histograms(base.with("__name__", "h"), k);
    }
  }

 private:
  double odd() {
    switch (random_.below(20)) {
      case 0:
        return std::numeric_limits<double>::infinity();
      case 1:
        return std::nan("");
      case 2:
        return 1e300;
      default:
        return static_cast<double>(random_.below(10)) - 5;
    }
  }
  // Calls for the times a series has: with gaps, late ones, ones that come and go.
  template <typename F>
  void each_time(int k, F&& visit) {
    Timestamp begin = from_, end = to_;
    if (k % 6 == 4) begin += (to_ - from_) / 3;
    if (k % 6 == 5) end -= (to_ - from_) / 2;
    for (Timestamp t = begin; t < end; t += interval_) {
      if (k % 5 == 0 && random_.below(12) == 0) continue;
      if (k % 5 == 1 && random_.below(200) == 0) t += 40 * interval_;
      // Some lie on the edges of buckets.
      visit(t + (k % 4 == 0 ? 0 : 100 * (k % 8) + 1));
    }
  }
  template <typename F>
  void add(const Labels& labels, int k, F&& value) {
    metrics::Column column{std::make_shared<const Labels>(labels), {}, {}, {}};
    each_time(k, [&](Timestamp t) {
      const double v = value();
      const bool stale = k % 7 == 0 && random_.below(40) == 0;
      column.times.push_back(t);
      column.values.push_back(stale ? model::stale_marker() : v);
    });
    columns.push_back(std::move(column));
  }
  void add_histograms(const Labels& labels, int k) {
    metrics::Column column{std::make_shared<const Labels>(labels), {}, {}, {}};
    double total = 0;
    each_time(k, [&](Timestamp t) {
      if (random_.below(150) == 0) total = 0;
      total += static_cast<double>(random_.below(9));
      model::Histogram h;
      h.schema = 1;
      h.positive_spans = {{0, 2}};
      h.positive_buckets = {total, total / 2};
      h.count = total * 1.5;
      h.sum = total * 3;
      column.times.push_back(t);
      column.values.push_back(0);
      column.histograms.push_back(std::make_shared<const model::Histogram>(h));
    });
    columns.push_back(std::move(column));
  }

  SeededRandom random_;
  const Timestamp from_, to_;
  const std::int64_t interval_;
};

// One number per step and series; histograms by their count.
using Cells = std::map<std::pair<Labels, Timestamp>, double>;

inline Cells cells_of(const QueryResult& result) {
  Cells cells;
  for (const auto& s : std::get<Matrix>(result.value).series) {
    for (const auto& p : s.points)
      cells[{s.labels, p.t}] = p.histogram == nullptr ? p.value : p.histogram->count;
  }
  return cells;
}

inline bool near(double a, double b, double tolerance = 1e-9) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (a == b) return true;
  return std::abs(a - b) <= tolerance * std::max(std::abs(a), std::abs(b));
}

inline void expect_same(const Cells& mine, const Cells& wanted, const std::string& what) {
  EXPECT_EQ(mine.size(), wanted.size()) << what;
  std::size_t wrong = 0;
  for (const auto& [key, v] : wanted) {
    const auto found = mine.find(key);
    if (found != mine.end() && near(found->second, v)) continue;
    ADD_FAILURE() << what << " " << key.first.text() << " at " << key.second << ": "
                  << (found == mine.end() ? "nothing" : std::to_string(found->second)) << " for "
                  << v;
    if (++wrong == 3) return;
  }
}

}  // namespace holdfast::query::promql
