#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "metrics/codec/plan.h"

namespace holdfast::metrics::codec {
namespace {

struct Table {
  std::array<std::uint32_t, kSymbolCount> counts{};
  std::array<float, kSymbolCount> cost{};  // bits of each symbol

  void add(const ColumnPlan& plan) {
    for (const auto& [symbol, count] : plan.counts) counts[symbol] += count;
  }

  void weigh() {
    double total = 0;
    for (const std::uint32_t count : counts) total += count;
    const auto all = static_cast<float>(std::log2(std::max(total, 1.0)));
    for (std::size_t s = 0; s < kSymbolCount; ++s) {
      cost[s] = counts[s] > 0 ? all - std::log2(static_cast<float>(counts[s])) : all + 2;
    }
  }

  bool used() const {
    return std::any_of(counts.begin(), counts.end(), [](std::uint32_t c) { return c > 0; });
  }
};

double cost_under(const ColumnPlan& plan, const Table& table) {
  float bits = 0;
  for (const auto& [symbol, count] : plan.counts) {
    bits += static_cast<float>(count) * table.cost[symbol];
  }
  return bits;
}

double own_cost(const ColumnPlan& plan) {
  double total = 0;
  double bits = 0;
  for (const auto& [symbol, count] : plan.counts) {
    total += count;
    bits -= count * std::log2(static_cast<double>(count));
  }
  return bits + total * std::log2(total);
}

// What a table of its own costs a column, about.
double price_of(const ColumnPlan& plan) {
  return 40 + 5.0 * static_cast<double>(plan.counts.size());
}

std::size_t cheapest(const ColumnPlan& plan, std::span<const Table> tables, double& bits) {
  std::size_t best = 0;
  bits = std::numeric_limits<double>::infinity();
  for (std::size_t t = 0; t < tables.size(); ++t) {
    const double cost = cost_under(plan, tables[t]);
    if (cost < bits) bits = cost, best = t;
  }
  return best;
}

// Takes columns one after the other; one that no table suits begins a new one.
std::vector<Table> first_tables(std::span<ColumnPlan> plans, std::size_t table_count_max) {
  std::vector<Table> tables;
  std::vector<std::uint32_t> since;  // columns a table has taken since it was weighed
  for (ColumnPlan& plan : plans) {
    if (plan.counts.empty()) continue;
    double bits = 0;
    std::size_t table = cheapest(plan, tables, bits);
    if (tables.empty() ||
        (tables.size() < table_count_max && bits > own_cost(plan) + price_of(plan))) {
      table = tables.size();
      tables.emplace_back();
      since.push_back(0);
    }
    plan.head.table = static_cast<std::uint8_t>(table);
    tables[table].add(plan);
    // Often at first, seldom once it is settled.
    if (++since[table] <= 4 || since[table] % 16 == 0) tables[table].weigh();
  }
  return tables;
}

void gather(std::span<ColumnPlan> plans, std::vector<Table>& tables) {
  for (Table& table : tables) table.counts.fill(0);
  for (const ColumnPlan& plan : plans) {
    if (!plan.counts.empty()) tables[plan.head.table].add(plan);
  }
  for (Table& table : tables) table.weigh();
}

void reassign(std::span<ColumnPlan> plans, std::vector<Table>& tables) {
  for (ColumnPlan& plan : plans) {
    if (plan.counts.empty()) continue;
    double bits = 0;
    plan.head.table = static_cast<std::uint8_t>(cheapest(plan, tables, bits));
  }
  gather(plans, tables);
}

// Tables that save less than they cost give their columns to others.
void drop_poor(std::span<ColumnPlan> plans, std::vector<Table>& tables) {
  std::vector<double> saved(tables.size(), 0);
  for (const ColumnPlan& plan : plans) {
    if (plan.counts.empty()) continue;
    const std::size_t own = plan.head.table;
    double second = std::numeric_limits<double>::infinity();
    for (std::size_t t = 0; t < tables.size(); ++t) {
      if (t != own) second = std::min(second, cost_under(plan, tables[t]));
    }
    saved[own] += second - cost_under(plan, tables[own]);
  }
  std::vector<Table> kept;
  for (std::size_t t = 0; t < tables.size(); ++t) {
    const auto symbols = std::count_if(tables[t].counts.begin(), tables[t].counts.end(),
                                       [](std::uint32_t c) { return c > 0; });
    if (saved[t] > 40 + 4.0 * static_cast<double>(symbols)) kept.push_back(tables[t]);
  }
  if (kept.empty()) kept.push_back(tables[0]);
  tables = std::move(kept);
  reassign(plans, tables);
}

}  // namespace

std::vector<Shape> plan_tables(std::span<ColumnPlan> plans, Effort effort) {
  const bool small = effort == Effort::kSmall;
  std::vector<Table> tables = first_tables(plans, small ? kTableCountMax : 12);
  if (tables.empty()) return {};
  gather(plans, tables);
  for (int round = 0; round < (small ? 3 : 1); ++round) {
    if (tables.size() < 2) break;
    reassign(plans, tables);
    if (round == 0) drop_poor(plans, tables);
  }
  std::vector<Shape> shapes;
  std::vector<std::uint8_t> number(tables.size(), 0);
  for (std::size_t t = 0; t < tables.size(); ++t) {
    if (!tables[t].used()) continue;
    number[t] = static_cast<std::uint8_t>(shapes.size());
    shapes.push_back(Shape::of(tables[t].counts));
  }
  for (ColumnPlan& plan : plans) plan.head.table = number[plan.head.table];
  return shapes;
}

}  // namespace holdfast::metrics::codec
