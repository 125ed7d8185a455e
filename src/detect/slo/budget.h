// detect/slo/budget.h: how much of an error budget is left, with and without approved maintenance.
//
// Purpose     Asks the engine how many units the window had and how many were bad, in slots, so that the burn-down comes with it; asks
//             again for the stretches of maintenance and takes those out. Both numbers are answered: what users saw, and what counts.
// Exactness   Counts are anchored increases, which add up: slots to the whole, maintenance out of it to the millisecond. The first
//             sample of a counter that appears is not counted, as in PromQL.
// Budgets     Of events: (1 - objective) of the events so far. Of time slices: (1 - objective) of all slices of the period,
//             whether they are over or not, less those of maintenance.
// Limits      kSlotsMax slots, kMaintenanceMax stretches of maintenance after joining; later ones are an error.
// Errors      Those of the engine, with the objective's name.
// Threads     Any thread that may ask the engine; not the control strand.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "detect/slo/slo.h"
#include "query/promql/engine.h"

namespace holdfast::detect::slo {

// A time people were told of beforehand, in which failures do not count.
struct Maintenance {
  WallTime from{}, until{};
  std::string id, title;
};

// One way of counting.
struct Spent {
  double total = 0;  // units seen
  double bad = 0;
  double budget = 0;            // units that may be bad
  std::optional<double> ratio;  // of good units; empty: no units
  std::optional<double>
      remaining;  // share of the budget that is left, below 0 when overspent; empty: there is no budget yet
  bool met() const { return !remaining || *remaining >= 0; }
};

struct BurnDownPoint {
  WallTime at{};
  std::optional<double> remaining, remaining_net;  // shares of the whole period's budget
  double total = 0, bad = 0;                       // of the slot that ends here
};

struct Budget {
  WallTime from{}, until{};            // of the period; until may lie ahead
  WallTime at{};                       // asked at
  Spent gross;                         // all of it
  Spent net;                           // maintenance taken out
  Duration maintenance{};              // that lies in the period, up to now
  std::vector<Maintenance> stretches;  // those, cut to the period
  std::vector<BurnDownPoint> burn_down;
};

struct BudgetOptions {
  int slots = 120;  // at most; 1 where no burn-down is wanted
  query::promql::QueryOptions query;
};
inline constexpr int kSlotsMax = 500;
inline constexpr std::size_t kMaintenanceMax = 1000;

Result<Budget> compute_budget(const Slo& slo, const query::promql::Engine& engine, WallTime now,
                              std::span<const Maintenance> maintenance,
                              const BudgetOptions& options = {});

// Overlapping and touching stretches become one; empty ones go.
std::vector<Maintenance> joined(std::span<const Maintenance> maintenance, WallTime from,
                                WallTime until);

}  // namespace holdfast::detect::slo
