// Appending. A sample is judged against the newest of its series, which may be one of this very
// batch and not in the head yet: `pending` of the series points at it until the batch is through.
// Only then is the log written, in one record, and only after that does anything become visible: a
// refused log write leaves no trace but series without samples, which nobody sees and the next
// batch uses.
#include <algorithm>
#include <bit>

#include "base/text.h"
#include "metrics/engine.h"
#include "metrics/histogram_bytes.h"

namespace holdfast::metrics {

namespace {

// How far the head may grow over its limit while a flush is on its way.
constexpr std::uint64_t kHeadOverrun = 4;
// New series that are made under one hold of the head's locks: readers wait some 50 microseconds.
constexpr std::size_t kCreateTogether = 64;
// How many series ahead memory is asked for: that many misses fit beside each other.
constexpr std::size_t kPrefetch = 12;

void canonical_form(std::span<const LabelView> labels, std::string& out) {
  out.clear();
  for (const LabelView& label : labels) {
    out.append(label.name).push_back('\xff');
    out.append(label.value).push_back('\xff');
  }
}

void views_of(const Labels& labels, LabelViews& out) {
  for (const model::Label& label : labels) out.push_back({label.name, label.value});
}

SeriesRef ref_of(SeriesId id, const HeadSeries& series) {
  return static_cast<SeriesRef>((series.fingerprint.high >> 32 << 32) | id);
}

bool same_bits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

}  // namespace

std::string Engine::describe(SeriesId id, Timestamp t, std::string_view why) const {
  LabelViews labels;
  if (head_.known(id)) head_.index().labels(head_.at(id).labels, labels);
  return (labels.empty() ? std::string("a series") : to_labels(labels).text()) + " at " +
         format_time(from_ms(t)) + ": " + std::string(why);
}

Result<AppendResult> Engine::append(std::span<const SampleIn> in, bool want_refs) {
  std::vector<SeriesRef> refs;
  if (want_refs) refs.assign(in.size(), SeriesRef::kNone);
  const std::lock_guard lock(append_mutex_);
  auto taken = take_batch();
  Batch& batch = *taken;
  Result<void> failed;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const SampleIn& sample = in[i];
    SeriesId id = 0;
    if (sample.ref != SeriesRef::kNone) {
      id = static_cast<SeriesId>(static_cast<std::uint64_t>(sample.ref) & UINT32_MAX);
      if (!head_.known(id) || ref_of(id, head_.at(id)) != sample.ref) id = 0;
    }
    if (id == 0 && sample.labels)
      id = find_or_create(*sample.labels, sample.sample.t, batch.result, failed);
    if (!failed) {
      for (const Head::Add& add : batch.adds) head_.at(add.id).pending = 0;
      (void)batch.record.take();
      ++epoch_;
      return std::move(failed).error();
    }
    if (id == 0) {
      if (!sample.labels) {
        batch.refuse(1, "a sample names no series that is known");
      }
      continue;
    }
    if (want_refs) refs[i] = ref_of(id, head_.at(id));
    judge(id, sample.sample.t, sample.sample.value,
          sample.sample.histogram ? &sample.sample.histogram : nullptr, batch);
  }
  HF_TRY(write(batch));
  AppendResult result = std::move(batch.result);
  result.refs = std::move(refs);
  spare_batches_.push_back(std::move(taken));
  return result;
}

std::unique_ptr<Engine::Batch> Engine::take_batch() {
  auto batch =
      spare_batches_.empty() ? std::make_unique<Batch>() : std::move(spare_batches_.back());
  if (!spare_batches_.empty()) spare_batches_.pop_back();
  batch->reset(retention_floor(to_ms(env_.clock.now())), to_ms(options_.out_of_order_window));
  return batch;
}

SeriesId Engine::find_or_create(const Labels& labels, Timestamp t, AppendResult& result,
                                Result<void>& failed) {
  LabelViews views;
  std::string canonical;
  views_of(labels, views);
  canonical_form(views, canonical);
  const Fingerprint key = fingerprint(canonical);
  if (const SeriesId id = head_.find(key, 0)) return id;
  Head::NewSeries made{key, views};
  failed = create({&made, 1}, {&t, 1}, result);
  return made.id;
}

// Those that a limit refuses keep the id 0. Limits look at what came just before: then it is one by one.
Result<void> Engine::create(std::span<Head::NewSeries> fresh, std::span<const Timestamp> times,
                            AppendResult& result) {
  const bool judged =
      has_limits_ || head_.series_count() + fresh.size() > options_.series_count_max;
  const std::size_t step = judged ? 1 : kCreateTogether;
  for (std::size_t i = 0; i < fresh.size(); i += step) {
    const std::size_t count = std::min(step, fresh.size() - i);
    if (judged && refused(fresh[i].labels, result)) continue;
    HF_TRY(create_together(fresh.subspan(i, count), times.subspan(i, count)));
  }
  return {};
}

bool Engine::refused(std::span<const LabelView> labels, AppendResult& result) const {
  std::string why;
  if (head_.series_count() >= options_.series_count_max) {
    why = "the limit of " + std::to_string(options_.series_count_max) + " series is reached";
  } else if (has_limits_) {
    why = over_limit(labels);
  }
  if (why.empty()) return false;
  ++result.over_limit;
  if (result.first_error.empty())
    result.first_error = to_labels({labels.begin(), labels.end()}).text() + ": " + why;
  return true;
}

Result<void> Engine::create_together(std::span<Head::NewSeries> fresh,
                                     std::span<const Timestamp> times) {
  // A series may come back after a restart or a pause: what blocks hold of it still counts as
  // before.
  std::vector<std::pair<std::size_t, Sample>> newest;
  const Timestamp known_until = blocks_->max_time();
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    if (times[i] > known_until) continue;
    const LabelViews labels(fresh[i].labels.begin(), fresh[i].labels.end());
    if (auto sample = HF_TRY(blocks_->newest_sample(labels, times[i])))
      newest.emplace_back(i, std::move(*sample));
  }
  head_.create(fresh);
  for (const auto& [at, sample] : newest) {
    HF_PROBE("append: order kept against a block");
    HeadSeries& series = head_.at(fresh[at].id);
    series.newest_time = sample.t;
    series.newest_value = sample.value;
    series.newest_is_histogram = sample.histogram != nullptr;
  }
  count_created(fresh);
  return {};
}

void Engine::count_created(std::span<const Head::NewSeries> made) {
  const std::lock_guard lock(cardinality_mutex_);
  Counts::iterator count = created_by_metric_.end();
  for (const Head::NewSeries& series : made) {
    const auto name =
        std::find_if(series.labels.begin(), series.labels.end(),
                     [](const LabelView& label) { return label.name == model::kMetricName; });
    if (name == series.labels.end()) continue;
    // Series of a metric often come together.
    if (count == created_by_metric_.end() || count->first != name->value) {
      count = created_by_metric_.find(name->value);
      if (count == created_by_metric_.end())
        count = created_by_metric_.emplace(name->value, 0).first;
    }
    ++count->second;
  }
}

std::string Engine::over_limit(std::span<const LabelView> labels) const {
  const auto limit = [](std::string_view what, std::size_t max) {
    return std::string(what) + " is over the limit of " + std::to_string(max);
  };
  if (limits_.labels_per_series != 0 && labels.size() > limits_.labels_per_series)
    return limit("its number of labels", limits_.labels_per_series);
  for (const LabelView& label : labels) {
    if (limits_.label_name_size != 0 && label.name.size() > limits_.label_name_size)
      return limit("the size of label name " + model::quote(label.name), limits_.label_name_size);
    if (limits_.label_value_size != 0 && label.value.size() > limits_.label_value_size)
      return limit("the size of the value of label " + std::string(label.name),
                   limits_.label_value_size);
    if (label.name == model::kMetricName && limits_.per_metric != 0 &&
        head_.index().series_of(label.name, label.value) >= limits_.per_metric)
      return limit("the number of series of metric " + std::string(label.value),
                   limits_.per_metric);
    if (!limits_.tenant_label.empty() && limits_.per_tenant != 0 &&
        label.name == limits_.tenant_label &&
        head_.index().series_of(label.name, label.value) >= limits_.per_tenant)
      return limit("the number of series of tenant " + model::quote(label.value),
                   limits_.per_tenant);
    if (limits_.per_label.empty()) continue;
    const auto per_label = limits_.per_label.find(std::string(label.name));
    if (per_label != limits_.per_label.end() && !head_.index().has_pair(label.name, label.value) &&
        head_.index().values_of(label.name) >= per_label->second)
      return limit("the number of values of label " + std::string(label.name), per_label->second);
  }
  return {};
}

void Engine::judge(SeriesId id, Timestamp t, double value, const model::HistogramPtr* histogram,
                   Batch& batch) {
  HeadSeries& series = head_.at(id);
  AppendResult& result = batch.result;
  const auto reject = [&](std::size_t& count, std::string_view why) {
    ++count;
    if (result.first_error.empty()) result.first_error = describe(id, t, why);
  };
  if (t < batch.floor || t < model::kTimestampMin)
    return reject(result.too_old, "older than the retention");
  if (t > model::kTimestampMax) return reject(result.out_of_order, "the time is beyond all range");
  bool late = false;
  if (series.pending != 0 || series.has_newest()) {
    const Head::Add* pending = series.pending != 0 ? &batch.adds[series.pending - 1] : nullptr;
    const Timestamp newest = pending ? pending->t : series.newest_time;
    if (t == newest) {
      const bool is_histogram =
          pending ? pending->histogram != nullptr : series.newest_is_histogram;
      const double known = pending ? pending->value : series.newest_value;
      bool same = is_histogram == (histogram != nullptr) && same_bits(value, known);
      if (same && histogram) {
        const auto before = pending ? *pending->histogram : head_.newest_histogram(id);
        same = !before || same_histogram(*before, **histogram);
      }
      if (!same) return reject(result.duplicate, "another value has the same time");
      ++result.appended;  // said twice, kept once
      return;
    }
    late = t < newest;
    if (late && batch.window == 0)
      return reject(result.out_of_order, "out of order: a newer sample is there");
    if (late && newest - t > batch.window)
      return reject(result.too_old,
                    "further behind the newest sample than the out-of-order window");
  }
  WalValue state{series.logged_value, series.logged_exponent};
  if (series.logged_epoch != epoch_) {
    batch.record.add_series(id, series.labels, head_.index(), state);
    series.logged_epoch = epoch_;
  }
  if (histogram) {
    batch.record.add_histogram(id, t, **histogram);
  } else {
    batch.record.add_float(id, t, value, state);
  }
  series.logged_value = state.value;
  series.logged_exponent = state.exponent;
  batch.adds.push_back({id, late, t, value, histogram});
  if (!late) series.pending = static_cast<std::uint32_t>(batch.adds.size());
  ++result.appended;
}

// The log first, then the head.
Result<void> Engine::write(Batch& batch) {
  for (const Head::Add& add : batch.adds) head_.at(add.id).pending = 0;
  if (head_.sample_bytes() > options_.head_bytes_max * kHeadOverrun) {
    (void)batch.record.take();
    ++epoch_;
    return Error(Code::kExhausted, "samples come faster than they can be written to disk: " +
                                       std::to_string(head_.sample_bytes() >> 20) +
                                       " MiB wait in memory; send again a little later");
  }
  if (!batch.adds.empty()) {
    const bool pack = batch.record.has_series();
    if (auto logged = wal_->append(WalRecordType::kBatch, batch.record.take(), pack); !logged) {
      // The series' states run ahead of the log now: it names them anew from here on.
      ++epoch_;
      return logged;
    }
    head_.append(batch.adds);
  }
  appended_ += batch.result.appended;
  rejected_ += batch.result.rejected();
  return {};
}

bool Engine::find_flat(const FlatBatch& in, Batch& batch) const {
  const std::size_t count = in.series.size();
  batch.ids.resize(count);
  bool all = true;
  SeriesId hint = 1;
  for (std::size_t i = 0; i < count; ++i) {
    const SeriesId id = head_.find(in.series[i].fingerprint, hint);
    // Where one is new, so mostly are those behind it, and each look at the table waits for memory.
    if (id == 0 && i + kPrefetch < count) head_.prefetch(in.series[i + kPrefetch].fingerprint);
    batch.ids[i] = id;
    hint = id + 1;
    all = all && id != 0;
  }
  return all;
}

// The labels of the series that were not found, each once.
void Engine::read_fresh(const FlatBatch& in, Batch& batch) {
  batch.fresh.clear();
  batch.views.clear();
  batch.labels.clear();
  std::string canonical;
  for (std::uint32_t i = 0; i < in.series.size(); ++i) {
    if (batch.ids[i] != 0) continue;
    const FlatBatch::Series& series = in.series[i];
    const auto begin = static_cast<std::uint32_t>(batch.views.size());
    Result<bool> in_order = false;
    if (in.views_of) {
      in_order = in.views_of(series.encoded, batch.views);
    } else if (auto labels = in.labels_of(series.encoded); labels) {
      views_of(batch.labels.emplace_back(std::move(*labels)), batch.views);
    } else {
      in_order = std::move(labels).error();
    }
    if (!in_order) {
      batch.refuse(series.sample_count, in_order.error().message());
      batch.views.resize(begin);
      continue;
    }
    Fingerprint key = series.fingerprint;
    if (!*in_order) {
      canonical_form(std::span(batch.views).subspan(begin), canonical);
      key = fingerprint(canonical);
    }
    batch.fresh.push_back({i, begin, static_cast<std::uint32_t>(batch.views.size()),
                           static_cast<std::uint32_t>(batch.fresh.size()), key});
  }
  // A series may stand twice in a batch.
  std::vector<std::uint32_t>& places = batch.places;  // open addressing; 1 and more are places + 1
  places.assign(std::bit_ceil(batch.fresh.size() * 2 + 1), 0);
  for (Batch::Fresh& fresh : batch.fresh) {
    std::size_t at = fresh.fingerprint.low & (places.size() - 1);
    while (places[at] != 0 && batch.fresh[places[at] - 1].fingerprint != fresh.fingerprint)
      at = (at + 1) & (places.size() - 1);
    if (places[at] == 0) places[at] = fresh.same + 1;
    fresh.same = places[at] - 1;
  }
}

Result<void> Engine::create_flat(const FlatBatch& in, Batch& batch) {
  batch.made.clear();
  batch.times.clear();
  const std::span<const LabelView> views = batch.views;
  for (std::size_t i = 0; i < batch.fresh.size(); ++i) {
    const Batch::Fresh& fresh = batch.fresh[i];
    if (i + kPrefetch < batch.fresh.size()) head_.prefetch(batch.fresh[i + kPrefetch].fingerprint);
    SeriesId& id = batch.ids[fresh.at];
    id = head_.find(fresh.fingerprint, 0);  // others may have made it in between
    if (id != 0 || fresh.same != i) continue;
    const FlatBatch::Series& series = in.series[fresh.at];
    batch.places[batch.made.size()] = static_cast<std::uint32_t>(i);
    batch.made.push_back(
        {fresh.fingerprint, views.subspan(fresh.label_begin, fresh.label_end - fresh.label_begin)});
    batch.times.push_back(series.sample_count == 0 ? 0 : in.samples[series.sample_begin].t);
  }
  HF_TRY(create(batch.made, batch.times, batch.result));
  for (std::size_t i = 0; i < batch.made.size(); ++i)
    batch.ids[batch.fresh[batch.places[i]].at] = batch.made[i].id;
  for (const Batch::Fresh& fresh : batch.fresh)
    batch.ids[fresh.at] = batch.ids[batch.fresh[fresh.same].at];
  return {};
}

// Finds the series of a flat batch and makes those that are new. Their labels are read without the
// lock.
Result<void> Engine::resolve_flat(const FlatBatch& in, std::unique_lock<std::mutex>& lock,
                                  Batch& batch) {
  while (!find_flat(in, batch)) {
    const std::uint64_t drops = head_.drop_count();
    lock.unlock();
    batch.result = AppendResult();
    read_fresh(in, batch);
    lock.lock();
    if (head_.drop_count() == drops) return create_flat(in, batch);
    HF_PROBE("append: series dropped while others were read");
  }
  return {};
}

Result<AppendResult> Engine::append(const FlatBatch& in) {
  std::unique_lock lock(append_mutex_);
  auto batch = take_batch();
  HF_TRY(resolve_flat(in, lock, *batch));
  for (std::size_t i = 0; i < in.series.size(); ++i) {
    const FlatBatch::Series& series = in.series[i];
    if (batch->ids[i] == 0) continue;
    for (std::uint32_t k = 0; k < series.sample_count; ++k) {
      const FlatSample& sample = in.samples[series.sample_begin + k];
      judge(batch->ids[i], sample.t, sample.value, nullptr, *batch);
    }
  }
  HF_TRY(write(*batch));
  AppendResult result = std::move(batch->result);
  spare_batches_.push_back(std::move(batch));
  return result;
}

Result<void> Engine::append_exemplars(const Labels& series, std::span<const Exemplar> exemplars) {
  std::vector<Exemplar> fresh;
  {
    const std::lock_guard lock(exemplars_mutex_);
    auto labels = std::make_shared<const Labels>(series);
    for (const Exemplar& exemplar : exemplars) {
      // A target shows the same exemplar at every scrape until there is a newer one.
      const auto newest = exemplar_newest_.find(series);
      if (newest != exemplar_newest_.end() && exemplar.t <= newest->second) continue;
      exemplar_newest_[series] = exemplar.t;
      exemplars_.emplace_back(labels, exemplar);
      fresh.push_back(exemplar);
    }
    while (exemplars_.size() > options_.exemplar_count_max) {
      const auto& [oldest, exemplar] = exemplars_.front();
      const auto newest = exemplar_newest_.find(*oldest);
      if (newest != exemplar_newest_.end() && newest->second == exemplar.t)
        exemplar_newest_.erase(newest);
      exemplars_.pop_front();
    }
  }
  if (fresh.empty()) return {};
  const std::lock_guard lock(append_mutex_);
  return wal_->append(WalRecordType::kExemplars, encode_wal_exemplars(series, fresh), false);
}

std::vector<SeriesExemplars> Engine::exemplars(const std::vector<std::vector<Matcher>>& any_of,
                                               Timestamp from, Timestamp to) const {
  std::map<Labels, std::vector<Exemplar>> found;
  {
    const std::lock_guard lock(exemplars_mutex_);
    for (const auto& [labels, exemplar] : exemplars_) {
      if (exemplar.t < from || exemplar.t > to) continue;
      const bool wanted = std::any_of(
          any_of.begin(), any_of.end(), [&series = *labels](const std::vector<Matcher>& matchers) {
            return std::all_of(matchers.begin(), matchers.end(),
                               [&](const Matcher& m) { return m.matches(series); });
          });
      if (wanted) found[*labels].push_back(exemplar);
    }
  }
  std::vector<SeriesExemplars> result;
  for (auto& [labels, exemplars] : found) {
    std::stable_sort(exemplars.begin(), exemplars.end(),
                     [](const Exemplar& a, const Exemplar& b) { return a.t < b.t; });
    result.push_back({labels, std::move(exemplars)});
  }
  return result;
}

void Engine::set_limits(const SeriesLimits& limits) {
  const std::lock_guard lock(append_mutex_);
  limits_ = limits;
  has_limits_ = limits.per_metric != 0 || limits.labels_per_series != 0 ||
                limits.label_name_size != 0 || limits.label_value_size != 0 ||
                !limits.per_label.empty() || !limits.tenant_label.empty();
}

}  // namespace holdfast::metrics
