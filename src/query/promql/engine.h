// query/promql/engine.h: asks PromQL of a metrics::Reader.
//
// Purpose     parse, then evaluate at an instant or over a range. Same answers as Prometheus.
// Units       Times are milliseconds since the Unix epoch. Steps are milliseconds, > 0.
// Limits      QueryOptions: samples held at once, points a series, deadline, stop token. Each over-run is an error
//             that names the limit.
// Errors      Parse and type errors are kInvalid with Prometheus' wording, "1:5: parse error: ...".
//             Evaluation errors are kInvalid ("found duplicate series ..."), limits kTooLarge / kTimeout / kCanceled.
// Threads     Engine is immutable; queries run on the caller's thread, any number at once.
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
  std::uint64_t samples_peak = 0;
  Duration took{};
};

struct QueryResult {
  std::variant<Scalar, String, Vector, Matrix> value;
  Annotations annotations;
  QueryStats stats;
};

struct QueryOptions {
  Duration lookback = 5min;
  std::size_t sample_count_max = 50'000'000;
  std::size_t point_count_max = 11'000;  // per series of a range query
  std::optional<MonoTime> deadline;
  std::stop_token stop;
  Labels external_labels;
};

class Engine {
 public:
  Engine(const metrics::Reader& reader, const Clock& clock) : reader_(reader), clock_(clock) {}

  Result<QueryResult> instant(std::string_view query, Timestamp at, const QueryOptions& options = {}) const;
  Result<QueryResult> range(std::string_view query, Timestamp from, Timestamp to, std::int64_t step,
                            const QueryOptions& options = {}) const;
  // Already parsed: rules evaluate the same expression for ever.
  Result<QueryResult> instant(const Expr& expr, Timestamp at, const QueryOptions& options = {}) const;
  Result<QueryResult> range(const Expr& expr, Timestamp from, Timestamp to, std::int64_t step,
                            const QueryOptions& options = {}) const;

 private:
  const metrics::Reader& reader_;
  const Clock& clock_;
};

// The `data` member of Prometheus' HTTP answer: {"resultType":...,"result":...}.
std::string result_json(const QueryResult& result);

}  // namespace holdfast::query::promql
