// query/promql/annotate.h: warnings and infos of an evaluation, in Prometheus' wording.
//
// Purpose     Collects each annotation once, in order of first appearance, with its place in the
//             query as line:column.
// Invariants  At most kAnnotationsMax of each kind are kept: a query over many metrics could make
//             thousands.
// Threads     One thread; parts of a scan have one each and are added up in order.
// Source      Prometheus' annotations package.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "query/promql/ast.h"

namespace holdfast::query::promql {

inline constexpr std::size_t kAnnotationsMax = 50;

class Annotator {
 public:
  explicit Annotator(std::string_view query) : query_(query) {}

  void warn(std::string_view text, const PositionRange& at);
  void inform(std::string_view text, const PositionRange& at);
  Annotations take() {  // and begins anew
    seen_.clear();
    return std::exchange(collected_, {});
  }
  // What another collected, behind what is here.
  void add(Annotations other);
  std::size_t count() const { return collected_.warnings.size() + collected_.infos.size(); }

  void mixed_floats_histograms(std::string_view metric, const PositionRange& at);
  void mixed_in_aggregation(const PositionRange& at);
  void mixed_schemas(std::string_view metric, const PositionRange& at);
  void not_a_counter(std::string_view metric, const PositionRange& at);
  void not_a_gauge(std::string_view metric, const PositionRange& at);
  void maybe_not_a_counter(std::string_view metric, const PositionRange& at);
  void bounds_reconciled(std::string_view operation,
                         const PositionRange& at);  // "addition", "subtraction", ...
  void reset_collision(std::string_view operation, const PositionRange& at);
  void histograms_ignored_in_range(std::string_view metric, const PositionRange& at);
  void histogram_ignored_in_aggregation(std::string_view aggregation, const PositionRange& at);
  void bad_bucket_label(std::string_view value, std::string_view metric, const PositionRange& at);
  void mixed_classic_native(std::string_view metric, const PositionRange& at);
  void forced_monotonicity(std::string_view metric, const PositionRange& at);
  void invalid_quantile(double q, const PositionRange& at);
  void invalid_ratio(double ratio, double capped, const PositionRange& at);
  void incompatible_types(std::string_view op, std::string_view left, std::string_view right,
                          const PositionRange& at);
  void incompatible_buckets(std::string_view op, const PositionRange& at);
  void sort_in_range(const PositionRange& at);

 private:
  std::string place(const PositionRange& at) const;

  std::string query_;
  Annotations collected_;
  std::set<std::string> seen_;
};

// %g of Go: the shortest digits that read back, with an exponent from 1e+06 on.
std::string format_general(double v);

}  // namespace holdfast::query::promql
