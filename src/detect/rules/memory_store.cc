#include "detect/rules/memory_store.h"

#include <algorithm>
#include <bit>
#include <set>

#include "query/promql/histogram_math.h"

namespace holdfast::detect {
namespace {

using metrics::AppendResult;
using metrics::Column;
using model::CounterReset;
using model::Histogram;
using model::HistogramPtr;
using model::Labels;
using model::Matcher;
using model::Timestamp;

// Whether a chunk that ends with `last` could take `next` too. A store cuts a new chunk at each reset and change of
// layout, and knows of no reset within one.
bool same_chunk(const Histogram& last, const Histogram& next) {
  const bool gauge = last.counter_reset == CounterReset::kGauge;
  if (gauge != (next.counter_reset == CounterReset::kGauge)) return false;
  if (last.schema != next.schema || last.zero_threshold != next.zero_threshold) return false;
  if (last.custom_values != next.custom_values) return false;
  if (gauge) return true;
  if (next.counter_reset == CounterReset::kReset) return false;
  Histogram before = last, after = next;
  before.counter_reset = after.counter_reset = CounterReset::kUnknown;
  return !query::promql::detect_reset(after, before);
}

HistogramPtr as_stored(const HistogramPtr& last, const HistogramPtr& given) {
  if (given->counter_reset == CounterReset::kGauge) return given;
  Histogram copy = *given;
  copy.counter_reset = last != nullptr && same_chunk(*last, *given) ? CounterReset::kNotReset
                                                                    : CounterReset::kUnknown;
  return std::make_shared<const Histogram>(std::move(copy));
}

bool same_value(const Column& column, std::size_t index, const model::Sample& sample) {
  const bool had = !column.histograms.empty() && column.histograms[index] != nullptr;
  if (had != (sample.histogram != nullptr)) return false;
  if (had) return true;
  return std::bit_cast<std::uint64_t>(column.values[index]) ==
         std::bit_cast<std::uint64_t>(sample.value);
}

bool matches(const Labels& labels, const std::vector<Matcher>& matchers) {
  return std::all_of(matchers.begin(), matchers.end(),
                     [&](const Matcher& m) { return m.matches(labels); });
}

bool inside(const Column& column, Timestamp from, Timestamp to) {
  const auto first = std::lower_bound(column.times.begin(), column.times.end(), from);
  return first != column.times.end() && *first <= to;
}

}  // namespace

MemoryStore::Put MemoryStore::put(Row& row, const model::Sample& sample) {
  auto& column = row.column;
  if (!column.times.empty() && sample.t <= column.times.back()) {
    if (sample.t < column.times.back()) return Put::kLate;
    return same_value(column, column.times.size() - 1, sample) ? Put::kDone : Put::kOtherValue;
  }
  column.times.push_back(sample.t);
  column.values.push_back(sample.histogram != nullptr ? 0 : sample.value);
  if (sample.histogram != nullptr && column.histograms.empty())
    column.histograms.resize(column.times.size() - 1);
  if (sample.histogram != nullptr) {
    column.histograms.push_back(as_stored(row.last, sample.histogram));
  } else if (!column.histograms.empty()) {
    column.histograms.push_back(nullptr);
  }
  row.last = sample.histogram;
  return Put::kDone;
}

Result<AppendResult> MemoryStore::append(std::span<const metrics::SampleIn> batch, bool want_refs) {
  AppendResult result;
  if (sample_count_ + batch.size() > sample_count_max_) {
    return Error(Code::kTooLarge, "more than " + std::to_string(sample_count_max_) + " samples");
  }
  for (const auto& in : batch) {
    if (want_refs) result.refs.push_back(metrics::SeriesRef::kNone);
    if (in.labels == nullptr) {
      ++result.unknown_series;
      continue;
    }
    const auto [at, added] = rows_.try_emplace(*in.labels);
    if (added) {
      at->second.column.labels = std::make_shared<const Labels>(*in.labels);
      by_name_[std::string(in.labels->metric_name())].push_back(&at->second);
    }
    const auto done = put(at->second, in.sample);
    if (done == Put::kDone) {
      ++result.appended;
      ++sample_count_;
      continue;
    }
    ++(done == Put::kLate ? result.out_of_order : result.duplicate);
    if (!result.first_error.empty()) continue;
    result.first_error =
        in.labels->text() +
        (done == Put::kLate ? ": out of order sample" : ": duplicate sample for timestamp");
  }
  return result;
}

metrics::StoreStats MemoryStore::stats() const {
  metrics::StoreStats stats;
  stats.series = rows_.size();
  stats.samples_appended = sample_count_;
  return stats;
}

std::vector<const MemoryStore::Row*> MemoryStore::rows_of(
    const std::vector<Matcher>& matchers) const {
  std::vector<const Row*> rows;
  for (const auto& m : matchers) {
    if (m.op() != model::MatchOp::kEqual || m.name() != model::kMetricName || m.value().empty())
      continue;
    if (const auto found = by_name_.find(m.value()); found != by_name_.end()) {
      for (const auto* row : found->second) {
        if (matches(*row->column.labels, matchers)) rows.push_back(row);
      }
    }
    const auto by_labels = [](const Row* a, const Row* b) {
      return *a->column.labels < *b->column.labels;
    };
    std::sort(rows.begin(), rows.end(), by_labels);
    return rows;
  }
  for (const auto& [labels, row] : rows_) {
    if (matches(labels, matchers)) rows.push_back(&row);
  }
  return rows;
}

Result<std::vector<Column>> MemoryStore::select(const metrics::SelectRequest& request) const {
  std::vector<Column> columns;
  std::size_t count = 0;
  for (const auto* row : rows_of(request.matchers)) {
    const auto& all = row->column;
    const auto first = std::lower_bound(all.times.begin(), all.times.end(), request.from);
    const auto last = std::upper_bound(first, all.times.end(), request.to);
    if (first == last) continue;
    const auto begin = first - all.times.begin(), end = last - all.times.begin();
    count += static_cast<std::size_t>(end - begin);
    if (count > request.sample_count_max)
      return Error(Code::kTooLarge, "too many samples selected");
    Column column;
    column.labels = all.labels;
    column.times.assign(first, last);
    column.values.assign(all.values.begin() + begin, all.values.begin() + end);
    if (!all.histograms.empty())
      column.histograms.assign(all.histograms.begin() + begin, all.histograms.begin() + end);
    columns.push_back(std::move(column));
  }
  return columns;
}

Result<std::vector<Labels>> MemoryStore::series(const std::vector<std::vector<Matcher>>& any_of,
                                                Timestamp from, Timestamp to,
                                                std::size_t limit) const {
  std::vector<Labels> found;
  for (const auto& [labels, row] : rows_) {
    if (limit != 0 && found.size() >= limit) break;
    const bool wanted =
        any_of.empty() || std::any_of(any_of.begin(), any_of.end(),
                                      [&series = labels](const auto& m) { return matches(series, m); });
    if (wanted && inside(row.column, from, to)) found.push_back(labels);
  }
  return found;
}

Result<std::vector<std::string>> MemoryStore::label_names(
    const std::vector<std::vector<Matcher>>& any_of, Timestamp from, Timestamp to) const {
  std::set<std::string> names;
  for (const auto& labels : HF_TRY(series(any_of, from, to, 0))) {
    for (const auto& label : labels) names.insert(label.name);
  }
  return std::vector<std::string>(names.begin(), names.end());
}

Result<std::vector<std::string>> MemoryStore::label_values(
    const std::string& name, const std::vector<std::vector<Matcher>>& any_of, Timestamp from,
    Timestamp to) const {
  std::set<std::string> values;
  for (const auto& labels : HF_TRY(series(any_of, from, to, 0))) {
    if (labels.has(name)) values.emplace(labels.get(name));
  }
  return std::vector<std::string>(values.begin(), values.end());
}

std::vector<Column> MemoryStore::take() {
  std::vector<Column> columns;
  by_name_.clear();
  for (auto& [labels, row] : rows_) columns.push_back(std::move(row.column));
  rows_.clear();
  sample_count_ = 0;
  return columns;
}

}  // namespace holdfast::detect
