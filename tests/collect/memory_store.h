// tests/collect/memory_store.h: a Store that only remembers what was appended, for tests of what collects.
#pragma once

#include <map>
#include <mutex>

#include "metrics/store.h"

namespace holdfast::collect {

class MemoryStore final : public metrics::Store {
 public:
  struct Point {
    model::Timestamp t;
    double value;
  };

  using Store::append;
  Result<metrics::AppendResult> append(std::span<const metrics::SampleIn> batch, bool want_refs) override {
    std::lock_guard lock(mutex_);
    if (full_) return Error(Code::kExhausted, "no space left on the disk");
    metrics::AppendResult result;
    for (const auto& in : batch) {
      auto ref = static_cast<std::uint64_t>(in.ref);
      if (ref == 0) {
        ++label_lookups_;
        ref = refs_.try_emplace(*in.labels, refs_.size() + 1).first->second;
        by_ref_[ref] = *in.labels;
      }
      auto& points = points_[by_ref_.at(ref)];
      if (!points.empty() && points.back().t >= in.sample.t) {
        if (points.back().t == in.sample.t) ++result.duplicate;
        else ++result.out_of_order;
        if (result.first_error.empty()) result.first_error = by_ref_.at(ref).text();
      } else {
        points.push_back({in.sample.t, in.sample.value});
        ++result.appended;
      }
      if (want_refs) result.refs.push_back(static_cast<metrics::SeriesRef>(ref));
    }
    return result;
  }
  void set_metadata(const std::string& metric, const metrics::Metadata& metadata) override {
    std::lock_guard lock(mutex_);
    metadata_[metric] = metadata;
    ++metadata_writes_;
  }

  // The points of a series written as name{a="b"}; empty when it was never appended.
  std::vector<Point> points(const std::string& series) const {
    std::lock_guard lock(mutex_);
    for (const auto& [labels, points] : points_) {
      if (labels.text() == series) return points;
    }
    return {};
  }
  // The newest value of a series by name alone; NaN when there is none.
  double last(const std::string& name) const {
    std::lock_guard lock(mutex_);
    for (const auto& [labels, points] : points_) {
      if (labels.metric_name() == name && !points.empty()) return points.back().value;
    }
    return std::numeric_limits<double>::quiet_NaN();
  }
  bool has(const std::string& series) const { return !points(series).empty(); }
  std::vector<std::string> all() const {
    std::lock_guard lock(mutex_);
    std::vector<std::string> out;
    for (const auto& [labels, points] : points_) out.push_back(labels.text());
    return out;
  }
  metrics::Metadata metadata_of(const std::string& metric) const {
    std::lock_guard lock(mutex_);
    const auto at = metadata_.find(metric);
    return at == metadata_.end() ? metrics::Metadata{} : at->second;
  }
  void set_full(bool full) {
    std::lock_guard lock(mutex_);
    full_ = full;
  }
  std::size_t label_lookups() const {
    std::lock_guard lock(mutex_);
    return label_lookups_;
  }
  std::size_t metadata_writes() const {
    std::lock_guard lock(mutex_);
    return metadata_writes_;
  }

  Result<std::vector<metrics::Column>> select(const metrics::SelectRequest&) const override {
    return std::vector<metrics::Column>();
  }
  Result<std::vector<model::Labels>> series(const std::vector<std::vector<model::Matcher>>&, model::Timestamp,
                                            model::Timestamp, std::size_t) const override {
    return std::vector<model::Labels>();
  }
  Result<std::vector<std::string>> label_names(const std::vector<std::vector<model::Matcher>>&, model::Timestamp,
                                               model::Timestamp) const override {
    return std::vector<std::string>();
  }
  Result<std::vector<std::string>> label_values(const std::string&, const std::vector<std::vector<model::Matcher>>&,
                                                model::Timestamp, model::Timestamp) const override {
    return std::vector<std::string>();
  }
  std::map<std::string, std::vector<metrics::Metadata>> metadata(const std::string&, std::size_t) const override {
    return {};
  }
  Result<void> sync() override { return {}; }
  Result<void> flush() override { return {}; }
  Result<void> maintain(model::Timestamp) override { return {}; }
  metrics::StoreStats stats() const override { return {}; }
  std::vector<std::string> problems() const override { return {}; }

 private:
  mutable std::mutex mutex_;  // guards all below
  std::map<model::Labels, std::uint64_t> refs_;
  std::map<std::uint64_t, model::Labels> by_ref_;
  std::map<model::Labels, std::vector<Point>> points_;
  std::map<std::string, metrics::Metadata> metadata_;
  std::size_t label_lookups_ = 0;
  std::size_t metadata_writes_ = 0;
  bool full_ = false;
};

}  // namespace holdfast::collect
