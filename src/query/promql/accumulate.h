// query/promql/accumulate.h: what the groups of an aggregation have gathered, at every step.
//
// Purpose     Rows of cells are added one after another and forgotten; what remains of a group is a
//             few numbers per step. Parts of a scan gather apart and are merged in their order.
// Invariants  The same rows added in the same order, over the same parts, give the same bits.
//             Floats are added as Prometheus does it (Kahan), so that results agree.
// Threads     One thread at a time.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "query/promql/evaluator.h"

namespace holdfast::query::promql {

class Accumulator {
 public:
  // None for aggregations that choose among their input or look at all of it: topk, count_values.
  static std::unique_ptr<Accumulator> make(AggregateOp op, std::size_t steps);
  virtual ~Accumulator() = default;

  // Makes room for groups [0, count).
  void resize(std::size_t count);
  // `dense` says that every cell of the row is a float.
  void add(std::size_t group, const StepSeries& row, bool dense);
  void merge(std::size_t group, Accumulator& other, std::size_t other_group);
  struct Finish {
    Annotator& notes;
    const PositionRange& position;      // of what is aggregated
    const std::vector<double>& params;  // quantile's, one per step
  };
  // Writes the group's cells; how many.
  std::size_t finish(std::size_t group, const Finish& how, StepSeries& out);
  // Histograms were met that the aggregation has no use for.
  bool ignored_histograms() const { return ignored_histograms_; }

 protected:
  Accumulator(AggregateOp op, std::size_t steps) : op_(op), steps_(steps) {}
  virtual void grow(std::size_t cells) = 0;
  virtual void add_floats(std::size_t first_cell, const StepSeries& row, bool dense) = 0;
  virtual void merge_floats(std::size_t first_cell, Accumulator& other, std::size_t other_cell) = 0;
  virtual bool has_float(std::size_t cell) const = 0;
  virtual double float_count(std::size_t cell) const = 0;
  virtual double answer(std::size_t cell, double param) = 0;
  virtual std::size_t finish_floats(std::size_t first_cell, const std::vector<double>& params,
                                    StepSeries& out) = 0;
  const AggregateOp op_;
  const std::size_t steps_;

 private:
  Cell finish_cell(std::size_t cell, double param, const Finish& how);
  void add_histograms(std::size_t first_cell, const StepSeries& row);

  std::unordered_map<std::size_t, std::vector<HistogramPtr>> histograms_;  // by cell
  bool ignored_histograms_ = false;
};

}  // namespace holdfast::query::promql
