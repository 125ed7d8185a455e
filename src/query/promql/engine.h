// query/promql/engine.h: asks PromQL of a metrics::Reader.
//
// Purpose     parse, then evaluate at an instant or over a range. Same answers as Prometheus.
// Units       Times are milliseconds since the Unix epoch. Steps are milliseconds, > 0.
// Limits      QueryOptions: samples and bytes held at once, points a series, deadline, stop token. Each over-run is
//             an error that names the limit. A QueryTracker limits how many queries run at once.
// Errors      Parse and type errors are kInvalid with Prometheus' wording, "1:5: parse error: ...".
//             Evaluation errors are kInvalid ("found duplicate series ..."), limits kTooLarge / kTimeout / kCanceled.
// Threads     Engine is immutable; any number of queries at once, each on its caller's thread, which large ones
//             share with free threads of the executor's pool. Not to be called on the control strand.
// Source      Prometheus' promql package, language as of version 3; its differences from 2.x are noted where
//             they matter (left-open ranges and lookback).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"
#include "base/result.h"
#include "metrics/store.h"
#include "model/labels.h"
#include "model/sample.h"

namespace holdfast::query::promql {

using model::Labels;
using model::Sample;
using model::Timestamp;

struct Expr;  // ast.h
using ExprPtr = std::shared_ptr<const Expr>;

struct ParseOptions {
  bool experimental = true;  // experimental functions and modifiers
};
Result<ExprPtr> parse_expr(std::string_view text, const ParseOptions& options = {});
// name{a="b",c=~"d"} or {a="b"}: for match[] parameters.
Result<std::vector<model::Matcher>> parse_selector(std::string_view text);
// Canonical text of a parsed expression.
std::string format_expr(const Expr& expr);

struct Series {
  Labels labels;
  std::vector<Sample> points;  // oldest first
};
struct Scalar { Timestamp t = 0; double value = 0; };
struct String { Timestamp t = 0; std::string value; };
struct Vector { std::vector<Series> series; };  // exactly one point each
struct Matrix { std::vector<Series> series; };  // sorted by labels

struct Annotations {
  std::vector<std::string> warnings;  // each once, in order of first appearance
  std::vector<std::string> infos;
};

struct QueryStats {
  std::uint64_t samples_read = 0;
  std::uint64_t samples_peak = 0;       // cells and samples held at once
  std::uint64_t bytes_peak = 0;         // of them, estimated
  std::uint64_t samples_queryable = 0;  // in windows and lookbacks, once for each step
  std::vector<std::uint64_t> samples_per_step;  // of them; only when asked for
  Timestamp start = 0;                  // of the steps
  std::int64_t step = 1;
  // Where the time went. `took` is all of it but the wait for a place in the queue.
  Duration took{}, prepare{}, evaluate{}, sort{}, queued{};
};

struct QueryResult {
  std::variant<Scalar, String, Vector, Matrix> value;
  Annotations annotations;
  QueryStats stats;
};

struct QueryOptions {
  Duration lookback = 5min;
  std::size_t sample_count_max = 50'000'000;
  std::size_t memory_bytes_max = 2'000'000'000;  // of intermediate results, estimated
  std::size_t point_count_max = 11'000;  // per series of a range query
  std::optional<MonoTime> deadline;
  std::stop_token stop;
  std::int64_t subquery_step = 60'000;  // ms, of subqueries that name none
  std::string user;             // for the tracker: whose turn, and in the logs
  bool per_step_stats = false;  // fill QueryStats::samples_per_step
  // The plain way for everything: one thread, one window at a time, nothing fused or shared. What
  // the fast ways are tested against.
  bool slow_paths = false;
};

class QueryTracker;  // tracker.h

struct EngineOptions {
  Executor* executor = nullptr;     // lends its pool to large queries; null: the caller's thread does all
  std::size_t parallelism = 1;      // threads of one query, the caller's among them
  QueryTracker* tracker = nullptr;  // knows what is active, limits how much; null: no limit
};

class Engine {
 public:
  Engine(const metrics::Reader& reader, const Clock& clock, EngineOptions options = {})
      : reader_(reader), clock_(clock), options_(options) {}

  Result<QueryResult> instant(std::string_view query, Timestamp at, const QueryOptions& options = {}) const;
  Result<QueryResult> range(std::string_view query, Timestamp from, Timestamp to, std::int64_t step,
                            const QueryOptions& options = {}) const;
  // Already parsed: rules evaluate the same expression for ever.
  Result<QueryResult> instant(const Expr& expr, Timestamp at, const QueryOptions& options = {}) const;
  Result<QueryResult> range(const Expr& expr, Timestamp from, Timestamp to, std::int64_t step,
                            const QueryOptions& options = {}) const;

  // As append_result_json, a large answer on several threads.
  void append_json(std::string& out, const QueryResult& result) const;

  // How a query would be evaluated, as JSON: for each node its text, type, the way it is taken (fused
  // with the aggregation, in parallel, shared, once for all steps), and for selectors how many series
  // they find. Finds series, reads no samples. An instant query has from == to and step 0.
  Result<std::string> explain(std::string_view query, Timestamp from, Timestamp to,
                              std::int64_t step, const QueryOptions& options = {}) const;

 private:
  struct Query;
  Result<QueryResult> run(const Query& query, const QueryOptions& options) const;
  Result<QueryResult> evaluate(const Query& query, const QueryOptions& options) const;

  const metrics::Reader& reader_;
  const Clock& clock_;
  EngineOptions options_;
};

// The `data` member of Prometheus' HTTP answer: {"resultType":...,"result":...}.
std::string result_json(const QueryResult& result);
void append_result_json(std::string& out, const QueryResult& result);
// The `stats` member: {"timings":{...},"samples":{...}}, with totalQueryableSamplesPerStep where the
// query was asked to count them.
std::string stats_json(const QueryStats& stats);

}  // namespace holdfast::query::promql
