#include "metrics/head.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace holdfast::metrics {

namespace {

constexpr std::size_t kCaptureSlice = 512;  // series under one hold of the mutex
std::uint32_t tag_of(const Fingerprint& fingerprint) {
  return static_cast<std::uint32_t>(fingerprint.low);
}

constexpr std::size_t kHistogramBytes = 320;  // of one, roughly, for the head's limit

}  // namespace

Head::Head() : generation_(std::make_shared<HeadGeneration>()) {
  series_.grow_to(1);
  table_.resize(1024);
}

SeriesId Head::find_in_table(const Fingerprint& fingerprint) const {
  const std::size_t mask = table_.size() - 1;
  for (std::size_t i = fingerprint.low & mask; table_[i].id != 0; i = (i + 1) & mask) {
    if (table_[i].tag == tag_of(fingerprint) && series_[table_[i].id].fingerprint == fingerprint)
      return table_[i].id;
  }
  return 0;
}

void Head::insert_in_table(Slot slot) {
  const std::size_t mask = table_.size() - 1;
  std::size_t i = slot.tag & mask;
  while (table_[i].id != 0) i = (i + 1) & mask;
  table_[i] = slot;
}

// Old slots come in the order of their new places, nearly, so both tables are walked from end to end.
void Head::grow_table() {
  const std::vector<Slot> old = std::exchange(table_, std::vector<Slot>(table_.size() * 2));
  for (const Slot& slot : old) {
    if (slot.id != 0) insert_in_table(slot);
  }
}

void Head::create(std::span<NewSeries> series) {
  adding_.clear();
  for (NewSeries& one : series) {
    if (free_.empty()) {
      one.id = next_++;
    } else {
      one.id = free_.back();
      free_.pop_back();
    }
    adding_.push_back({one.id, one.labels, {}});
  }
  series_.grow_to(next_);
  index_.add(adding_);
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < series.size(); ++i) {
      HeadSeries& made = series_[series[i].id];
      made = HeadSeries();
      made.fingerprint = series[i].fingerprint;
      made.labels = adding_[i].list;
    }
  }
  created_ += series.size();
  series_count_ += series.size();
  while (series_count_ * 2 > table_.size()) grow_table();
  for (const NewSeries& one : series) insert_in_table({tag_of(one.fingerprint), one.id});
}

// Points the series at a column that has `t` behind its own times. In turn: its column has gone on
// with t (a neighbour wrote it), its column ends with it (it writes t), the column of the sample
// before agrees with all of it, or nothing does and it gets its own.
void Head::put_time(HeadSeries& series, Timestamp t) {
  if (TimeColumn* column = series.column) {
    const std::size_t next = std::size_t{series.begin} + series.count;
    if (next < column->times.size() && column->times[next] == t) {
      batch_column_ = column;
      return;
    }
    if (next == column->times.size()) {
      column->times.push_back(t);
      batch_column_ = column;
      return;
    }
  }
  if (TimeColumn* column = batch_column_; column && column->times.back() == t) {
    const std::size_t size = column->times.size();
    const bool agrees =
        size > series.count &&
        (series.count == 0 || std::memcmp(column->times.data() + (size - 1 - series.count),
                                          series.column->times.data() + series.begin,
                                          series.count * sizeof(Timestamp)) == 0);
    if (agrees) {
      series.column = column;
      series.begin = static_cast<std::uint32_t>(size - 1 - series.count);
      return;
    }
  }
  TimeColumn& own = generation_->columns.emplace_back();
  if (series.count > 0) {
    const auto first = series.column->times.begin() + series.begin;
    own.times.assign(first, first + series.count);
  }
  own.times.push_back(t);
  series.column = &own;
  series.begin = 0;
  batch_column_ = &own;
}

void Head::append(std::span<const Add> adds) {
  const std::lock_guard lock(mutex_);
  HeadGeneration& generation = *generation_;
  batch_column_ = nullptr;
  for (const Add& add : adds) {
    HeadSeries& series = series_[add.id];
    generation.min_time = std::min(generation.min_time, add.t);
    if (add.out_of_order) {
      generation.extras[add.id].out_of_order.push_back(
          {add.t, add.value, add.histogram ? *add.histogram : nullptr});
      generation.extra_bytes += sizeof(Sample) + (add.histogram ? kHistogramBytes : 0);
      series.idle = false;
      continue;
    }
    put_time(series, add.t);
    if (!series.tail || series.count - series.tail->first == series.tail->capacity) {
      series.tail = generation.arena.add(series.tail);
    }
    series.tail->values()[series.count - series.tail->first] = add.value;
    if (add.histogram) {
      generation.extras[add.id].histograms.emplace_back(series.count, *add.histogram);
      generation.extra_bytes += kHistogramBytes;
    }
    ++series.count;
    series.newest_time = add.t;
    series.newest_value = add.value;
    series.newest_is_histogram = add.histogram != nullptr;
    series.idle = false;
    generation.max_time = std::max(generation.max_time, add.t);
  }
  generation.sample_count += adds.size();
}

bool Head::capture_one(SeriesId id, const HeadSeries& series, Timestamp from, Timestamp to,
                       HeadCaptures& out,
                       std::unordered_map<const TimeColumn*, std::uint32_t>& columns) const {
  if (!series.labels.pairs) return false;
  const SeriesExtra* extra = nullptr;
  if (!generation_->extras.empty()) {
    const auto it = generation_->extras.find(id);
    if (it != generation_->extras.end()) extra = &it->second;
  }
  const bool in_order =
      series.count > 0 && series.newest_time >= from && series.column->times[series.begin] <= to;
  if (!in_order && (!extra || extra->out_of_order.empty())) return false;
  HeadCapture capture;
  capture.id = id;
  capture.fingerprint = series.fingerprint;
  capture.labels = series.labels;
  if (in_order) {
    capture.tail = series.tail;
    capture.count = series.count;
    capture.begin = series.begin;
    const auto [it, fresh] =
        columns.try_emplace(series.column, static_cast<std::uint32_t>(out.columns.size()));
    if (fresh)
      out.columns.push_back(std::make_shared<const std::vector<Timestamp>>(series.column->times));
    capture.column = it->second;
  }
  if (extra) {
    auto copy = std::make_shared<SeriesExtra>(*extra);
    std::stable_sort(copy->out_of_order.begin(), copy->out_of_order.end(),
                     [](const Sample& a, const Sample& b) { return a.t < b.t; });
    capture.extra = std::move(copy);
  }
  out.series.push_back(std::move(capture));
  return true;
}

HeadCaptures Head::capture(const std::vector<SeriesId>& ids, Timestamp from, Timestamp to) const {
  for (;;) {
    HeadCaptures out;
    out.pin = index_.pin();
    out.series.reserve(ids.size());
    std::unordered_map<const TimeColumn*, std::uint32_t> columns;
    bool whole = true;
    std::size_t at = 0;
    do {
      const std::lock_guard lock(mutex_);
      if (!out.generation) out.generation = generation_;
      // A flush came between two slices: what was captured lies elsewhere now.
      whole = out.generation == generation_;
      const std::size_t end = std::min(ids.size(), at + kCaptureSlice);
      // A column may have grown since its copy; the next slice copies it again.
      columns.clear();
      for (; whole && at < end; ++at)
        capture_one(ids[at], series_[ids[at]], from, to, out, columns);
    } while (whole && at < ids.size());
    if (whole) return out;
  }
}

model::HistogramPtr Head::newest_histogram(SeriesId id) const {
  const auto extra = generation_->extras.find(id);
  if (extra == generation_->extras.end() || extra->second.histograms.empty()) return nullptr;
  const auto& [index, histogram] = extra->second.histograms.back();
  return index + 1 == series_[id].count ? histogram : nullptr;
}

std::shared_ptr<const HeadGeneration> Head::generation() const {
  const std::lock_guard lock(mutex_);
  return generation_;
}

HeadCaptures Head::freeze() {
  HeadCaptures out;
  out.pin = index_.pin();
  auto fresh = std::make_shared<HeadGeneration>();
  const std::lock_guard lock(mutex_);
  std::unordered_map<const TimeColumn*, std::uint32_t> columns;
  out.series.reserve(series_count_);
  for (SeriesId id = 1; id < next_; ++id) {
    HeadSeries& series = series_[id];
    capture_one(id, series, model::kTimestampMin, model::kTimestampMax, out, columns);
    series.column = nullptr;
    series.tail = nullptr;
    series.begin = 0;
    series.count = 0;
  }
  out.generation = generation_;
  generation_ = std::move(fresh);
  batch_column_ = nullptr;
  return out;
}

void Head::drop_idle() {
  std::vector<std::pair<SeriesId, PairList>> gone;
  {
    const std::lock_guard lock(mutex_);
    for (SeriesId id = 1; id < next_; ++id) {
      HeadSeries& series = series_[id];
      if (!series.labels.pairs) continue;
      if (series.count == 0 && series.idle) {
        gone.emplace_back(id, series.labels);
        series = HeadSeries();
        free_.push_back(id);
        --series_count_;
      } else {
        series.idle = series.count == 0;
      }
    }
  }
  if (gone.empty()) return;
  ++drops_;
  std::fill(table_.begin(), table_.end(), Slot());
  for (SeriesId id = 1; id < next_; ++id) {
    if (series_[id].labels.pairs) insert_in_table({tag_of(series_[id].fingerprint), id});
  }
  index_.remove(gone);
}

std::uint64_t Head::sample_count() const {
  const std::lock_guard lock(mutex_);
  return generation_->sample_count;
}

std::uint64_t Head::sample_bytes() const {
  const std::lock_guard lock(mutex_);
  return generation_->arena.memory_size() + generation_->extra_bytes;
}

std::uint64_t Head::memory_size() const {
  std::uint64_t size = index_.memory_size();
  const std::lock_guard lock(mutex_);
  return size + series_.capacity() * sizeof(HeadSeries) + table_.size() * sizeof(Slot) +
         generation_->arena.memory_size() + generation_->extra_bytes;
}

std::pair<Timestamp, Timestamp> Head::time_range() const {
  const std::lock_guard lock(mutex_);
  return {generation_->min_time, generation_->max_time};
}

}  // namespace holdfast::metrics
