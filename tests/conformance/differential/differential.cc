// promql_differential [--count N] [--seed S] [--verbose]: the same random questions to a real
// Prometheus and to Holdfast's engine, over the same random data.
//
// Prometheus comes from PATH (Debian package prometheus); without one the program says so and ends
// with 77. It ends with 1 when an answer differs and no line of kExceptions explains it.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "base/sim.h"
#include "base/text.h"
#include "conformance/differential/expressions.h"
#include "conformance/differential/peer.h"
#include "conformance/table_reader.h"
#include "query/promql/engine.h"

namespace {

using namespace holdfast;
using namespace holdfast::conformance;
using Json = nlohmann::json;

constexpr int kExitSkipped = 77;
constexpr double kTolerance = 1e-9;  // relative

// Where two answers first differ; NaN where one has nothing.
struct Difference {
  std::string text;
  double theirs = std::nan(""), ours = std::nan("");
};

bool holds(const std::string& text, std::initializer_list<const char*> words) {
  return std::any_of(words.begin(), words.end(),
                     [&](const char* word) { return text.find(word) != std::string::npos; });
}

bool almost(const Difference& d) {
  return std::abs(d.theirs - d.ours) <= 1e-6 * std::max(std::abs(d.theirs), std::abs(d.ours));
}

// Every difference from Prometheus 2.x that is known, with its reason. What none explains fails.
// (Ranges closed on the left, 2.x alone, do not show: no sample lies on the edge of a window.)
struct Exception {
  const char* reason;
  bool (*applies)(const std::string& expr, const Difference& d);
};
constexpr std::array kExceptions = {
    Exception{"atan2 keeps the metric's name before 2.45",
              [](const std::string& e, const Difference& d) {
                return holds(e, {" atan2 "}) && d.text.find("__name__") != std::string::npos;
              }},
    Exception{"2.x takes one infinite or NaN value to deviate by 0; 3.x answers NaN",
              [](const std::string& e, const Difference& d) {
                return holds(e, {"stddev", "stdvar"}) && d.theirs == 0 && std::isnan(d.ours);
              }},
    Exception{"the remainder of a large number by a small or fractional one: what rounding left of "
              "the operands' last digit, magnified",
              [](const std::string& e, const Difference&) { return holds(e, {" % "}); }},
    Exception{"the deviation of large, nearly equal numbers: their squares cancel out down to "
              "rounding, which depends on the order of adding",
              [](const std::string& e, const Difference& d) {
                return holds(e, {"stddev", "stdvar"}) && almost(d);
              }},
};

struct Options {
  int count = 200;
  std::uint64_t seed = 1;
  bool verbose = false;
};

struct Question {
  std::string expr;
  model::Timestamp from, to;
  std::int64_t step;  // 0: at `from` alone
};

using Points = std::map<double, double>;
using Answer = std::map<std::string, Points>;  // by labels

double number(const Json& value) {
  const auto text = value.get<std::string>();
  return parse_double(text).value_or(std::nan(""));
}

Answer read_answer(const Json& data) {
  Answer answer;
  const auto& result = data.at("result");
  const auto type = data.at("resultType").get<std::string>();
  if (type == "scalar") {
    answer[""][result[0].get<double>()] = number(result[1]);
  } else if (type == "vector") {
    for (const auto& s : result)
      answer[s.at("metric").dump()][s["value"][0].get<double>()] = number(s["value"][1]);
  } else if (type == "matrix") {
    for (const auto& s : result) {
      auto& points = answer[s.at("metric").dump()];
      for (const auto& p : s.at("values")) points[p[0].get<double>()] = number(p[1]);
    }
  }
  return answer;
}

bool equal(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (a == b) return true;
  return std::abs(a - b) <= kTolerance * std::max(std::abs(a), std::abs(b));
}

// No text when the answers are equal.
Difference difference(const Answer& theirs, const Answer& ours) {
  for (const auto& [labels, points] : theirs) {
    const auto mine = ours.find(labels);
    if (mine == ours.end()) return {"missing series " + labels};
    for (const auto& [t, v] : points) {
      const auto point = mine->second.find(t);
      if (point == mine->second.end())
        return {"missing point of " + labels + " at " + format_double(t)};
      if (equal(v, point->second)) continue;
      return {labels + " at " + format_double(t) + ": theirs " + format_double(v) + ", ours " +
                  format_double(point->second),
              v, point->second};
    }
    if (mine->second.size() != points.size()) return {"more points of " + labels};
  }
  if (theirs.size() != ours.size()) return {"more series than theirs"};
  return {};
}

class Comparison {
 public:
  Comparison(Peer& peer, const metrics::Reader& reader, Options options)
      : peer_(peer), engine_(reader, clock_), options_(options) {}

  Result<void> run() {
    Expressions expressions(options_.seed);
    SeededRandom random(options_.seed + 1);
    for (int i = 0; i < options_.count; ++i) {
      Question question{expressions.next(), 0, 0, 0};
      // Off whole minutes, so that no step of a subquery lies on the edge of its window.
      question.from =
          kDataStart + 60'000 * (20 + static_cast<std::int64_t>(random.below(80))) + 7'000;
      question.to = question.from;
      if (random.below(2) == 0) {
        question.to = question.from + 60'000 * static_cast<std::int64_t>(random.below(60));
        question.step =
            std::array<std::int64_t, 4>{15'000, 60'000, 90'000, 300'000}[random.below(4)];
      }
      HF_TRY(compare(question));
    }
    return {};
  }
  int report() const {
    std::printf(
        "%d equal (%d of them errors on both sides, %d empty), %d explained, %d different\n",
        equal_, both_failed_, empty_, explained_, different_);
    for (const auto& [reason, count] : reasons_) std::printf("  %d: %s\n", count, reason.c_str());
    return different_ == 0 ? 0 : 1;
  }

 private:
  Result<void> compare(const Question& q) {
    const auto theirs =
        Json::parse(HF_TRY(peer_.query(q.expr, q.from, q.to, q.step)), nullptr, false);
    if (theirs.is_discarded()) return internal("prometheus answered no JSON to " + q.expr);
    const auto ours =
        q.step == 0 ? engine_.instant(q.expr, q.from) : engine_.range(q.expr, q.from, q.to, q.step);
    const bool they_failed = theirs.value("status", "") != "success";
    if (they_failed || !ours) {
      if (they_failed && !ours) {
        ++both_failed_;
        ++equal_;
        return {};
      }
      count_difference(q, {they_failed ? "theirs fails: " + theirs.value("error", "")
                                       : "ours fails: " + ours.error().message()});
      return {};
    }
    const auto their_answer = read_answer(theirs.at("data"));
    const auto what =
        difference(their_answer, read_answer(Json::parse(query::promql::result_json(*ours))));
    if (!what.text.empty()) {
      count_difference(q, what);
      return {};
    }
    ++equal_;
    if (their_answer.empty()) ++empty_;
    return {};
  }

  void count_difference(const Question& q, const Difference& what) {
    const auto found = std::find_if(kExceptions.begin(), kExceptions.end(),
                                    [&](const Exception& e) { return e.applies(q.expr, what); });
    if (found != kExceptions.end()) {
      ++explained_;
      ++reasons_[found->reason];
      if (!options_.verbose) return;
    } else {
      ++different_;
    }
    std::printf("%s %s\n  from %lld to %lld step %lld\n  %s\n",
                found == kExceptions.end() ? "DIFFERENT" : "explained", q.expr.c_str(),
                static_cast<long long>(q.from), static_cast<long long>(q.to),
                static_cast<long long>(q.step), what.text.c_str());
  }

  Peer& peer_;
  SimClock clock_;
  query::promql::Engine engine_;
  Options options_;
  int equal_ = 0, both_failed_ = 0, empty_ = 0, explained_ = 0, different_ = 0;
  std::map<std::string, int> reasons_;
};

Result<int> run(const Options& options) {
  const auto series = random_series(options.seed);
  TableReader table;
  for (const auto& s : series) table.add(s.labels, s.samples);
  auto started = Peer::start();
  if (!started && started.error().code() == Code::kUnavailable) {
    std::printf("skipped: %s\n", started.error().message().c_str());
    return kExitSkipped;
  }
  const auto peer = HF_TRY(std::move(started));
  constexpr model::Timestamp kBatch = 5 * 60'000;
  for (auto t = kDataStart; t < kDataEnd + kBatch; t += kBatch)
    HF_TRY(peer->write(series, t, t + kBatch));
  std::printf("prometheus: %s\n", peer->version().c_str());
  Comparison comparison(*peer, table, options);
  HF_TRY(comparison.run());
  return comparison.report();
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    if (arg == "--verbose") options.verbose = true;
    if (i + 1 >= argc) break;
    if (arg == "--count") options.count = std::atoi(argv[++i]);
    if (arg == "--seed") options.seed = std::strtoull(argv[++i], nullptr, 10);
  }
  const auto code = run(options);
  if (code) return *code;
  std::fprintf(stderr, "promql_differential: %s\n", code.error().message().c_str());
  return 1;
}
