#include "collect/forward/tapped_store.h"

#include "base/log.h"

namespace holdfast::collect {
namespace {

constexpr Duration kTellEvery = 1min;
// Label sets remembered by number; beyond, those of series long gone are forgotten with the rest.
constexpr std::size_t kRememberedMax = 5'000'000;

}  // namespace

TappedStore::TappedStore(Env& env, std::unique_ptr<metrics::Store> inner, ForwardQueue& queue)
    : env_(env), inner_(std::move(inner)), queue_(queue) {}

Result<metrics::AppendResult> TappedStore::append(std::span<const metrics::SampleIn> batch,
                                                  bool want_refs) {
  auto result = inner_->append(batch, want_refs);
  if (!result) return result;
  if (want_refs) learn(batch, result->refs);
  std::vector<ForwardItem> items;
  items.reserve(batch.size());
  std::vector<LabelsPtr> held;
  std::size_t unknown = 0;
  {
    std::shared_lock lock(mutex_);
    for (const auto& in : batch) {
      const model::Labels* labels = in.labels;
      if (labels == nullptr) {
        const auto found = by_ref_.find(in.ref);
        if (found == by_ref_.end()) {
          ++unknown;
          continue;
        }
        held.push_back(found->second);
        labels = found->second.get();
      }
      items.push_back({labels, in.sample});
    }
  }
  // A ref the store does not know either was counted there; any other came before we listened.
  if (unknown > result->unknown_series)
    lost_.fetch_add(unknown - result->unknown_series, std::memory_order_relaxed);
  hand_on(items, result->rejected() > 0);
  return result;
}

void TappedStore::learn(std::span<const metrics::SampleIn> batch,
                        const std::vector<metrics::SeriesRef>& refs) {
  if (refs.size() != batch.size()) return;
  std::unique_lock lock(mutex_);
  if (by_ref_.size() > kRememberedMax) by_ref_.clear();
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (batch[i].labels == nullptr || refs[i] == metrics::SeriesRef::kNone) continue;
    auto& known = by_ref_[refs[i]];
    if (!known) known = std::make_shared<const model::Labels>(*batch[i].labels);
  }
}

Result<TappedStore::LabelsPtr> TappedStore::labels_of(const metrics::FlatBatch& batch,
                                                      const metrics::FlatBatch::Series& series) {
  {
    std::shared_lock lock(mutex_);
    const auto found = by_fingerprint_.find(series.fingerprint);
    if (found != by_fingerprint_.end()) return found->second;
  }
  auto labels = std::make_shared<const model::Labels>(HF_TRY(batch.labels_of(series.encoded)));
  std::unique_lock lock(mutex_);
  if (by_fingerprint_.size() > kRememberedMax) by_fingerprint_.clear();
  return by_fingerprint_.try_emplace(series.fingerprint, std::move(labels)).first->second;
}

Result<metrics::AppendResult> TappedStore::append(const metrics::FlatBatch& batch) {
  auto result = inner_->append(batch);
  if (!result) return result;
  std::vector<ForwardItem> items;
  items.reserve(batch.samples.size());
  std::vector<LabelsPtr> held;
  for (const auto& series : batch.series) {
    auto labels = labels_of(batch, series);
    if (!labels) continue;  // the store turned it away, too
    held.push_back(std::move(*labels));
    for (std::uint32_t i = 0; i < series.sample_count; ++i) {
      const auto& sample = batch.samples[series.sample_begin + i];
      items.push_back({held.back().get(), {sample.t, sample.value, nullptr}});
    }
  }
  hand_on(items, result->rejected() > 0);
  return result;
}

Result<void> TappedStore::append_exemplars(const model::Labels& series,
                                           std::span<const metrics::Exemplar> exemplars) {
  HF_TRY(inner_->append_exemplars(series, exemplars));
  if (auto done = queue_.append_exemplars(series, exemplars); !done)
    note_failure(done.error(), exemplars.size());
  return {};
}

void TappedStore::hand_on(std::span<const ForwardItem> items, bool newer_only) {
  if (items.empty()) return;
  if (auto done = queue_.append(items, newer_only); !done) note_failure(done.error(), items.size());
}

void TappedStore::note_failure(const Error& error, std::size_t samples) {
  lost_.fetch_add(samples, std::memory_order_relaxed);
  std::lock_guard lock(failure_mutex_);
  const auto now = env_.clock.mono();
  if (failure_told_ != MonoTime{} && now - failure_told_ < kTellEvery) return;
  failure_told_ = now;
  log_error("samples are stored here but will not be forwarded", {{"error", error.message()}});
}

}  // namespace holdfast::collect
