#include "conformance/differential/expressions.h"

#include <cmath>
#include <limits>

namespace holdfast::conformance {
namespace {

using model::Labels;
using model::Sample;

constexpr std::int64_t kInterval = 15'000;
constexpr int kRounds = static_cast<int>((kDataEnd - kDataStart) / kInterval);
constexpr int kTargets = 6;

struct Target {
  std::string job, instance;
  model::Timestamp first;
};

class Maker {
 public:
  explicit Maker(std::uint64_t seed) : random_(seed) {}

  std::vector<PeerSeries> make() {
    for (int k = 0; k < kTargets; ++k) {
      const Target target{k % 2 == 0 ? "api" : "db", "host-" + std::to_string(k),
                          kDataStart + 1'137 + 2'111 * k};
      for (const auto* mode : {"user", "system", "idle"}) {
        add("c_total", target, {{"mode", mode}}, counter(target, 25));
      }
      add("requests_total", target, {}, counter(target, 200));
      add("g", target, {}, gauge(target, 100));
      add("temperature", target, {{"sensor", "a"}}, gauge(target, 40));
      add("temperature", target, {{"sensor", "b"}}, gauge(target, 40));
      if (k != 3) add("limit", target, {}, steps(target));
      add("up", target, {}, constant(target, 1));
      add("build_info", target, {{"version", "1." + std::to_string(k % 3)}}, constant(target, 1));
      if (k < 2) add("odd", target, {}, odd(target));
      add_histogram(target);
    }
    return std::move(series_);
  }

 private:
  double fraction() { return static_cast<double>(random_.below(1'000'000)) / 1e6; }

  void add(const std::string& name, const Target& target, std::vector<model::Label> more,
           std::vector<Sample> samples) {
    more.push_back({"__name__", name});
    more.push_back({"job", target.job});
    more.push_back({"instance", target.instance});
    series_.push_back({Labels(std::move(more)), std::move(samples)});
  }

  // Calls back for each round that has a sample: gaps, and sometimes a staleness marker before one.
  template <typename F>
  std::vector<Sample> rounds(const Target& target, F&& value) {
    std::vector<Sample> samples;
    int gap = 0;
    for (int i = 0; i < kRounds; ++i) {
      const auto t = target.first + i * kInterval;
      const double v = value(i);
      if (gap > 0) {
        --gap;
        continue;
      }
      if (random_.below(150) == 0) {
        gap = static_cast<int>(random_.below(30));
        if (random_.below(2) == 0) {
          samples.push_back({t, model::stale_marker(), nullptr});
          continue;
        }
      }
      samples.push_back({t, v, nullptr});
    }
    return samples;
  }

  std::vector<Sample> counter(const Target& target, std::uint64_t pace) {
    double total = static_cast<double>(random_.below(100'000));
    return rounds(target, [&](int) {
      if (random_.below(120) == 0) total = 0;
      return total += static_cast<double>(random_.below(pace));
    });
  }
  std::vector<Sample> gauge(const Target& target, double size) {
    double level = size * fraction();
    return rounds(target, [&](int i) {
      level += (fraction() - 0.5) * size / 10;
      return std::round((level + size / 5 * std::sin(i / 40.0)) * 100) / 100;
    });
  }
  std::vector<Sample> steps(const Target& target) {
    double level = 10;
    return rounds(target, [&](int) {
      if (random_.below(100) == 0) level = static_cast<double>(random_.below(50));
      return level;
    });
  }
  std::vector<Sample> constant(const Target& target, double v) {
    return rounds(target, [&](int) { return v; });
  }
  std::vector<Sample> odd(const Target& target) {
    return rounds(target, [&](int) {
      const auto kind = random_.below(60);
      if (kind == 0) return std::numeric_limits<double>::infinity();
      if (kind == 1) return -std::numeric_limits<double>::infinity();
      if (kind == 2) return std::numeric_limits<double>::quiet_NaN();
      return std::round(fraction() * 1000) - 500;
    });
  }

  void add_histogram(const Target& target) {
    static const std::vector<std::string> kBounds = {"0.05", "0.1", "0.5", "1", "5", "+Inf"};
    std::vector<std::vector<Sample>> buckets(kBounds.size());
    std::vector<double> totals(kBounds.size(), 0);
    std::vector<Sample> sums;
    double sum = 0;
    for (int i = 0; i < kRounds; ++i) {
      const auto t = target.first + i * kInterval;
      if (random_.below(200) == 0) {
        totals.assign(totals.size(), 0);
        sum = 0;
      }
      double more = 0;
      for (std::size_t k = 0; k < kBounds.size(); ++k) {
        more += static_cast<double>(random_.below(8));
        totals[k] += more;
        buckets[k].push_back({t, totals[k], nullptr});
      }
      sums.push_back({t, sum += more * fraction(), nullptr});
    }
    for (std::size_t k = 0; k < kBounds.size(); ++k)
      add("latency_seconds_bucket", target, {{"le", kBounds[k]}}, std::move(buckets[k]));
    add("latency_seconds_sum", target, {}, std::move(sums));
  }

  SeededRandom random_;
  std::vector<PeerSeries> series_;
};

}  // namespace

std::vector<PeerSeries> random_series(std::uint64_t seed) { return Maker(seed).make(); }

std::string Expressions::duration() { return pick({"1m", "2m", "5m", "10m", "17m", "30m"}); }

std::string Expressions::shift() {
  if (chance(80)) return "";
  if (chance(75)) return " offset " + pick({"1m", "5m", "13m", "-2m"});
  return " @ " +
         std::to_string(kDataStart / 1000 + 60 * (10 + static_cast<int>(random_.below(90))) + 7);
}

std::string Expressions::matchers(const std::string& metric) {
  std::vector<std::string> list;
  if (chance(30))
    list.push_back(pick({"job=\"api\"", "job!=\"api\"", "job=~\"a.*\"", "job!~\"d.\""}));
  if (chance(25)) {
    list.push_back(pick({"instance=~\"host-[0-3]\"", "instance=\"host-1\"", "instance!=\"host-2\"",
                         "instance=~\"host-1|host-4\"", "absent=\"\""}));
  }
  if (metric == "c_total" && chance(30))
    list.push_back(pick({"mode=\"idle\"", "mode!=\"idle\"", "mode=~\"u.*|s.*\""}));
  if (list.empty()) return metric;
  std::string text = metric + "{" + list[0];
  for (std::size_t k = 1; k < list.size(); ++k) text += "," + list[k];
  return text + "}";
}

std::string Expressions::selector() {
  return matchers(pick({"c_total", "requests_total", "g", "g", "temperature", "limit", "up",
                        "build_info", "latency_seconds_sum", "odd", "nothing"}));
}

std::string Expressions::range(int depth) {
  if (depth > 0 && chance(15)) {
    const auto inner = vector(depth - 1);
    // A subquery within another is asked at whole minutes, where its own steps lie on the edge of
    // its window: within it for 2.x, behind it for 3.x.
    const bool nested = inner.find("m:") != std::string::npos;
    if (!nested) {
      return "(" + inner + ")[" + pick({"5m", "10m", "20m"}) + ":" + pick({"30s", "1m", "2m", ""}) +
             "]";
    }
  }
  return selector() + "[" + duration() + "]" + shift();
}

std::string Expressions::window(int depth) {
  if (chance(35)) {
    const auto counter = matchers(pick({"c_total", "requests_total", "latency_seconds_bucket"}));
    return pick({"rate", "rate", "increase", "irate", "resets", "delta"}) + "(" + counter + "[" +
           duration() + "]" + shift() + ")";
  }
  switch (random_.below(12)) {
    case 0:
      return "quantile_over_time(" + pick({"0", "0.1", "0.5", "0.95", "1"}) + ", " + range(depth) +
             ")";
    case 1:
      return "predict_linear(" + range(depth) + ", " + pick({"60", "3600", "-300"}) + ")";
    case 2:
      return "absent_over_time(" + range(depth) + ")";
    default:
      return pick({"avg_over_time", "sum_over_time", "min_over_time", "max_over_time",
                   "count_over_time", "last_over_time", "stddev_over_time", "stdvar_over_time",
                   "present_over_time", "changes", "deriv", "idelta", "delta", "resets"}) +
             "(" + range(depth) + ")";
  }
}

std::string Expressions::aggregation(int depth) {
  const auto grouping =
      pick({"", " by (job)", " by (instance)", " by (job, mode)", " without (mode)",
            " without (instance)", " by ()", " by (le)", " by (nothing)"});
  const auto inner = vector(depth - 1);
  switch (random_.below(10)) {
    case 0:
      return "quantile" + grouping + " (" + pick({"0.1", "0.5", "0.9"}) + ", " + inner + ")";
    case 1:
      // Which of equals is chosen is open; how much is chosen is not.
      return "sum(" + pick({"topk", "bottomk"}) + grouping + " (" + pick({"1", "3"}) + ", " +
             inner + "))";
    case 2:
      return "count_values" + grouping + " (\"value\", " + pick({"up", "limit", "build_info"}) +
             ")";
    default:
      return pick({"sum", "avg", "min", "max", "count", "group", "stddev", "stdvar", "sum"}) +
             grouping + " (" + inner + ")";
  }
}

std::string Expressions::scalar(int depth) {
  switch (random_.below(8)) {
    case 0:
      return "time()";
    case 1:
      return depth > 0 ? "scalar(" + vector(depth - 1) + ")" : "2";
    default:
      return pick({"1", "2", "0.5", "10", "100", "-3", "1e3", "(3 * 4)"});
  }
}

std::string Expressions::binary(int depth) {
  const auto arithmetic = pick({"+", "-", "*", "/", "%", "^", "atan2"});
  const auto comparison = pick({">", "<", ">=", "<=", "==", "!="});
  switch (random_.below(8)) {
    case 0:
      return "(" + vector(depth - 1) + " " + arithmetic + " " + scalar(depth - 1) + ")";
    case 1:
      return "(" + scalar(depth - 1) + " " + arithmetic + " " + vector(depth - 1) + ")";
    case 2:
      return "(" + vector(depth - 1) + " " + comparison + (chance(40) ? " bool " : " ") +
             scalar(depth - 1) + ")";
    case 3:
      return "(" + vector(depth - 1) + pick({" and ", " or ", " unless "}) +
             pick({"", "on (job, instance) ", "ignoring (mode) ", "on (instance) "}) +
             vector(depth - 1) + ")";
    case 4:
      return "(" + matchers("g") + " " + arithmetic + " on (job, instance) " + matchers("limit") +
             ")";
    case 5:
      return "(" + matchers("c_total") + " " + arithmetic + " on (instance) group_left (version) " +
             matchers("build_info") + ")";
    case 6:
      return "(" + matchers("limit") + " " + comparison + (chance(50) ? " bool" : "") +
             " on (job, instance) group_right " + matchers("temperature") + ")";
    default: {
      const auto grouping = pick({" by (job) ", " by (instance) "});
      return "(sum" + grouping + "(" + vector(depth - 1) + ") " + arithmetic + " sum" + grouping +
             "(" + vector(depth - 1) + "))";
    }
  }
}

std::string Expressions::histogram() {
  const auto rate =
      "rate(" + matchers("latency_seconds_bucket") + "[" + duration() + "]" + shift() + ")";
  const auto grouped =
      chance(70) ? "sum by (" + pick({"le", "le, job", "le, instance"}) + ") (" + rate + ")" : rate;
  return "histogram_quantile(" + pick({"0", "0.1", "0.5", "0.9", "0.99", "1"}) + ", " + grouped +
         ")";
}

std::string Expressions::function(int depth) {
  const auto inner = vector(depth - 1);
  switch (random_.below(12)) {
    case 0:
      return "clamp(" + inner + ", -10, " + pick({"50", "1000"}) + ")";
    case 1:
      return pick({"clamp_min", "clamp_max"}) + "(" + inner + ", " + pick({"0", "20"}) + ")";
    case 2:
      return "round(" + inner + ", " + pick({"1", "5", "0.1"}) + ")";
    case 3:
      return "label_replace(" + inner + ", \"host\", \"$1\", \"instance\", \"host-(.*)\")";
    case 4:
      return "label_join(" + inner + ", \"both\", \"/\", \"job\", \"instance\")";
    case 5:
      return "absent(" + inner + ")";
    case 6:
      return pick({"timestamp(", "sort(", "sort_desc("}) + matchers("g") + ")";
    case 7:
      return pick({"hour", "minute", "day_of_week", "month", "days_in_month"}) + "(timestamp(" +
             matchers("up") + "))";
    case 8:
      return "vector(" + scalar(depth - 1) + ")";
    case 9:
      return "-" + inner;
    default:
      return pick({"abs", "ceil", "floor", "exp", "sqrt", "ln", "log2", "log10", "sgn", "sin",
                   "deg"}) +
             "(" + inner + ")";
  }
}

std::string Expressions::vector(int depth) {
  if (depth <= 0) return chance(60) ? window(0) : selector() + shift();
  switch (random_.below(10)) {
    case 0:
      return selector() + shift();
    case 1:
    case 2:
      return window(depth);
    case 3:
    case 4:
    case 5:
      return aggregation(depth);
    case 6:
    case 7:
      return binary(depth);
    case 8:
      return histogram();
    default:
      return function(depth);
  }
}

}  // namespace holdfast::conformance
