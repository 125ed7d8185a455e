#include <algorithm>
#include <span>

#include "base/check.h"
#include "metrics/codec/column_group.h"
#include "metrics/codec/plan.h"

namespace holdfast::metrics {
namespace {

using codec::ColumnPlan;

// Longer columns use finer tables; for short ones the state a run begins with
// weighs more.
unsigned table_bits_for(std::span<const ColumnPlan> plans) {
  std::size_t symbols = 0;
  std::size_t columns = 0;
  for (const ColumnPlan& plan : plans) {
    symbols += plan.symbols.size();
    columns += plan.symbols.empty() ? 0 : 1;
  }
  const std::size_t mean = columns == 0 ? 0 : symbols / columns;
  if (mean < 64) return 9;
  return mean < 512 ? 10 : 11;
}

codec::Heads heads_of(std::span<ColumnPlan> plans) {
  codec::Heads heads;
  for (ColumnPlan& plan : plans) {
    plan.head.references_begin = static_cast<std::uint32_t>(heads.references.size());
    plan.head.references_count = static_cast<std::uint32_t>(plan.references.size());
    plan.head.exceptions_begin = static_cast<std::uint32_t>(heads.exceptions.size());
    plan.head.exceptions_count = static_cast<std::uint32_t>(plan.scaled.exceptions.size());
    heads.references.insert(heads.references.end(), plan.references.begin(), plan.references.end());
    heads.exceptions.insert(heads.exceptions.end(), plan.scaled.exceptions.begin(),
                            plan.scaled.exceptions.end());
  }
  return heads;
}

}  // namespace

void encode_column_group(std::span<const ValueColumn> columns, Effort effort, std::string& out) {
  std::vector<ColumnPlan> plans(columns.size());
  std::vector<int> hints;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    codec::plan_scale(columns[i].values, plans[i]);
    hints.push_back(columns[i].reference);
  }
  codec::plan_families(plans, hints, effort);
  for (std::size_t i = 0; i < plans.size(); ++i) codec::plan_column(plans, i, effort);
  codec::Heads heads = heads_of(plans);
  heads.tables = codec::plan_tables(plans, effort);
  heads.table_bits = table_bits_for(plans);

  std::vector<codec::AnsEncoder> encoders(heads.tables.size());
  for (std::size_t t = 0; t < encoders.size(); ++t) {
    const bool built = encoders[t].build(heads.tables[t], heads.table_bits);
    HF_CHECK(built, "a table of symbols that occur can be built");
  }
  std::string payloads;
  for (ColumnPlan& plan : plans) {
    if (!plan.head.flat()) {
      const std::string payload =
          codec::write_payload(plan.head, plan.source(), plan.symbols, encoders[plan.head.table]);
      plan.head.payload_size = payload.size();
      payloads += payload;
    }
    heads.columns.push_back(plan.head);
  }
  codec::write_heads(heads, effort == Effort::kFast ? 1 : 9, out);
  out += payloads;
}

}  // namespace holdfast::metrics
