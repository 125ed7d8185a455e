// collect/forward/tapped_store.h: a store that also hands on what it accepted.
//
// Purpose     Stands before the real Store when remote write is configured, so that whoever appends (scrapes, receivers,
//             rules) needs to know nothing of it. All calls pass through; what append() and append_exemplars()
//             accepted goes to a ForwardQueue before they return, so an acknowledged sample is in both.
// Limits      Of a batch of which samples were turned away, only those newer than their series' newest are forwarded:
//             what is turned away lies in the past.
// Errors      A queue that cannot be written (a full disk) fails no append: it is counted, and named once a minute.
// Threads     As Store.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include "base/env.h"
#include "collect/forward/forward_queue.h"
#include "metrics/store.h"

namespace holdfast::collect {

class TappedStore final : public metrics::Store {
 public:
  // The queue outlives it.
  TappedStore(Env& env, std::unique_ptr<metrics::Store> inner, ForwardQueue& queue);

  std::uint64_t samples_lost() const { return lost_.load(std::memory_order_relaxed); }

  Result<metrics::AppendResult> append(std::span<const metrics::SampleIn> batch,
                                       bool want_refs = false) override;
  Result<metrics::AppendResult> append(const metrics::FlatBatch& batch) override;
  Result<void> append_exemplars(const model::Labels& series,
                                std::span<const metrics::Exemplar> exemplars) override;

  Result<metrics::SelectionPtr> find(const metrics::SelectRequest& request) const override {
    return inner_->find(request);
  }
  Result<metrics::LevelSelectionPtr> find_levels(
      const metrics::SelectRequest& request, const metrics::LevelRequest& levels) const override {
    return inner_->find_levels(request, levels);
  }
  Result<std::vector<metrics::Column>> select(
      const metrics::SelectRequest& request) const override {
    return inner_->select(request);
  }
  Result<std::vector<model::Labels>> series(const std::vector<std::vector<model::Matcher>>& any_of,
                                            model::Timestamp from, model::Timestamp to,
                                            std::size_t limit) const override {
    return inner_->series(any_of, from, to, limit);
  }
  Result<std::vector<std::string>> label_names(
      const std::vector<std::vector<model::Matcher>>& any_of, model::Timestamp from,
      model::Timestamp to) const override {
    return inner_->label_names(any_of, from, to);
  }
  Result<std::vector<std::string>> label_values(
      const std::string& name, const std::vector<std::vector<model::Matcher>>& any_of,
      model::Timestamp from, model::Timestamp to) const override {
    return inner_->label_values(name, any_of, from, to);
  }
  std::map<std::string, std::vector<metrics::Metadata>> metadata(const std::string& metric,
                                                                 std::size_t limit) const override {
    return inner_->metadata(metric, limit);
  }
  std::vector<metrics::SeriesExemplars> exemplars(
      const std::vector<std::vector<model::Matcher>>& any_of, model::Timestamp from,
      model::Timestamp to) const override {
    return inner_->exemplars(any_of, from, to);
  }
  void set_metadata(const std::string& metric, const metrics::Metadata& metadata) override {
    inner_->set_metadata(metric, metadata);
  }
  Result<void> sync() override { return inner_->sync(); }
  Result<void> flush() override { return inner_->flush(); }
  Result<void> compact() override { return inner_->compact(); }
  Result<void> delete_series(const std::vector<std::vector<model::Matcher>>& any_of,
                             model::Timestamp from, model::Timestamp to) override {
    return inner_->delete_series(any_of, from, to);
  }
  Result<std::string> snapshot() override { return inner_->snapshot(); }
  Result<void> upload() override { return inner_->upload(); }
  Result<void> import(std::span<const metrics::Column> series) override {
    return inner_->import(series);
  }
  std::vector<metrics::BlockInfo> blocks() const override { return inner_->blocks(); }
  metrics::Cardinality cardinality(std::size_t limit) const override {
    return inner_->cardinality(limit);
  }
  void set_limits(const metrics::SeriesLimits& limits) override { inner_->set_limits(limits); }
  Result<void> maintain(model::Timestamp now) override { return inner_->maintain(now); }
  metrics::StoreStats stats() const override { return inner_->stats(); }
  std::vector<std::string> problems() const override { return inner_->problems(); }

 private:
  using LabelsPtr = std::shared_ptr<const model::Labels>;
  void hand_on(std::span<const ForwardItem> items, bool newer_only);
  void learn(std::span<const metrics::SampleIn> batch, const std::vector<metrics::SeriesRef>& refs);
  void note_failure(const Error& error, std::size_t samples);
  Result<LabelsPtr> labels_of(const metrics::FlatBatch& batch,
                              const metrics::FlatBatch::Series& series);

  struct FingerprintHash {
    std::size_t operator()(const metrics::Fingerprint& f) const { return f.low; }
  };

  Env& env_;
  const std::unique_ptr<metrics::Store> inner_;
  ForwardQueue& queue_;
  std::atomic<std::uint64_t> lost_{0};  // counts only
  std::mutex failure_mutex_;
  MonoTime failure_told_ HF_GUARDED_BY(failure_mutex_){};
  std::shared_mutex mutex_;
  std::unordered_map<metrics::SeriesRef, LabelsPtr> by_ref_ HF_GUARDED_BY(mutex_);
  std::unordered_map<metrics::Fingerprint, LabelsPtr, FingerprintHash> by_fingerprint_
      HF_GUARDED_BY(mutex_);
};

}  // namespace holdfast::collect
