// metrics/codec/plan.h: how a column will be stored, found by trying.
//
// Purpose     plan_scale() makes integers of a column; plan_families() finds
// columns that others
//             explain; plan_column() chooses predictor and bins and makes the
//             symbols; plan_tables() gathers columns of like symbols around
//             shared tables.
// Threads     Values; each call works for one thread on its own plans.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "metrics/codec/column_group.h"
#include "metrics/codec/layout.h"
#include "metrics/codec/runs.h"

namespace holdfast::metrics::codec {

struct ColumnPlan {
  Head head;
  Scaled scaled;  // integers: the column's own, as other columns see them
  std::vector<Reference> references;
  std::vector<std::int64_t> stream;  // what is coded; empty: the own integers are
  std::vector<std::uint8_t> symbols;
  std::vector<std::pair<std::uint8_t, std::uint32_t>> counts;  // of the symbols, those that occur

  PayloadSource source() const {
    return {stream.empty() ? std::span<const std::int64_t>(scaled.integers) : stream,
            scaled.places};
  }
};

void plan_scale(std::span<const double> values, ColumnPlan& plan);
// `hints`: ValueColumn::reference of each column.
void plan_families(std::span<ColumnPlan> plans, std::span<const int> hints, Effort effort);
// Needs the integers of all columns of its family.
void plan_column(std::span<ColumnPlan> plans, std::size_t index, Effort effort);
// The tables; each plan's head names its own.
std::vector<Shape> plan_tables(std::span<ColumnPlan> plans, Effort effort);

}  // namespace holdfast::metrics::codec
