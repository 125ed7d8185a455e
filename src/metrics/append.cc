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

void canonical_form(const LabelViews& labels, std::string& out) {
  out.clear();
  for (const LabelView& label : labels) {
    out.append(label.name).push_back('\xff');
    out.append(label.value).push_back('\xff');
  }
}

void views_of(const Labels& labels, LabelViews& out) {
  out.clear();
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
  if (!scratch_) scratch_ = std::make_unique<Batch>();
  Batch& batch = *scratch_;
  batch.reset(retention_floor(to_ms(env_.clock.now())), to_ms(options_.out_of_order_window));
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
        ++batch.result.unknown_series;
        if (batch.result.first_error.empty())
          batch.result.first_error = "a sample names no series that is known";
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
  return result;
}

SeriesId Engine::find_or_create(const Labels& labels, Timestamp t, AppendResult& result,
                                Result<void>& failed) {
  LabelViews views;
  std::string canonical;
  views_of(labels, views);
  canonical_form(views, canonical);
  const Fingerprint key = fingerprint(canonical);
  if (const SeriesId id = head_.find(key, 0)) return id;
  auto made = create(key, views, t, result);
  if (made) return *made;
  failed = std::move(made).error();
  return 0;
}

// 0 when a limit refuses it.
Result<SeriesId> Engine::create(const Fingerprint& key, const LabelViews& labels, Timestamp t,
                                AppendResult& result) {
  std::string why;
  if (head_.index().series_count() >= options_.series_count_max) {
    why = "the limit of " + std::to_string(options_.series_count_max) + " series is reached";
  } else if (has_limits_) {
    why = over_limit(labels);
  }
  if (!why.empty()) {
    ++result.over_limit;
    if (result.first_error.empty()) result.first_error = to_labels(labels).text() + ": " + why;
    return SeriesId{0};
  }
  // A series may come back after a restart or a pause: what blocks hold of it still counts as
  // before.
  std::optional<Sample> newest;
  if (t <= blocks_->max_time()) newest = HF_TRY(blocks_->newest_sample(labels, t));
  const SeriesId id = head_.create(key, labels);
  if (newest) {
    HF_PROBE("append: order kept against a block");
    HeadSeries& series = head_.at(id);
    series.newest_time = newest->t;
    series.newest_value = newest->value;
    series.newest_is_histogram = newest->histogram != nullptr;
  }
  const auto name = std::find_if(labels.begin(), labels.end(), [](const LabelView& label) {
    return label.name == model::kMetricName;
  });
  if (name != labels.end()) {
    const std::lock_guard lock(cardinality_mutex_);
    ++created_by_metric_[std::string(name->value)];
  }
  return id;
}

std::string Engine::over_limit(const LabelViews& labels) const {
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

namespace {

struct NewSeries {
  std::size_t at = 0;
  Result<Labels> labels = Labels();
  Fingerprint fingerprint;
};

}  // namespace

// Finds the series of a flat batch and makes those that are new. Labels are read without the lock,
// since that takes longer than all the rest.
Result<void> Engine::resolve_flat(const FlatBatch& in, std::unique_lock<std::mutex>& lock,
                                  Batch& batch, std::vector<SeriesId>& ids) {
  ids.assign(in.series.size(), 0);
  const auto find_all = [&] {
    bool all = true;
    SeriesId hint = 1;
    for (std::size_t i = 0; i < in.series.size(); ++i) {
      ids[i] = head_.find(in.series[i].fingerprint, hint);
      hint = ids[i] + 1;
      all = all && ids[i] != 0;
    }
    return all;
  };
  if (find_all()) return {};
  lock.unlock();
  std::vector<NewSeries> fresh;
  LabelViews views;
  std::string canonical;
  for (std::size_t i = 0; i < in.series.size(); ++i) {
    if (ids[i] != 0) continue;
    NewSeries made{i, in.labels_of(in.series[i].encoded), {}};
    if (made.labels) {
      views_of(*made.labels, views);
      canonical_form(views, canonical);
      made.fingerprint = fingerprint(canonical);
    }
    fresh.push_back(std::move(made));
  }
  lock.lock();
  batch.reset(batch.floor, batch.window);
  find_all();  // others may have come, and some gone, in between
  for (const NewSeries& made : fresh) {
    if (ids[made.at] != 0) continue;
    const FlatBatch::Series& series = in.series[made.at];
    if (!made.labels) {
      batch.result.unknown_series += series.sample_count;
      if (batch.result.first_error.empty())
        batch.result.first_error = made.labels.error().message();
      continue;
    }
    // Its fingerprint is another than the batch says when its labels were not in order.
    ids[made.at] = head_.find(made.fingerprint, 0);
    if (ids[made.at] != 0) continue;
    views_of(*made.labels, views);
    const Timestamp t = series.sample_count == 0 ? 0 : in.samples[series.sample_begin].t;
    ids[made.at] = HF_TRY(create(made.fingerprint, views, t, batch.result));
  }
  return {};
}

Result<AppendResult> Engine::append(const FlatBatch& in) {
  std::unique_lock lock(append_mutex_);
  if (!scratch_) scratch_ = std::make_unique<Batch>();
  // Taken out, since the lock is given up in between.
  const std::unique_ptr<Batch> batch = std::move(scratch_);
  batch->reset(retention_floor(to_ms(env_.clock.now())), to_ms(options_.out_of_order_window));
  std::vector<SeriesId> ids;
  HF_TRY(resolve_flat(in, lock, *batch, ids));
  for (std::size_t i = 0; i < in.series.size(); ++i) {
    const FlatBatch::Series& series = in.series[i];
    if (ids[i] == 0) continue;
    for (std::uint32_t k = 0; k < series.sample_count; ++k) {
      const FlatSample& sample = in.samples[series.sample_begin + k];
      judge(ids[i], sample.t, sample.value, nullptr, *batch);
    }
  }
  HF_TRY(write(*batch));
  AppendResult result = std::move(batch->result);
  scratch_ = std::make_unique<Batch>(std::move(*batch));
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
