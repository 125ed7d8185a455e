// collect/metric_sink.h: where code that measures puts its numbers: into the store, or out as text.
//
// Purpose     Host, process and Holdfast's own metrics are written once, against MetricSink. SeriesWriter
//             stores them; TextExposition renders them for /metrics.
// Threads     Each object from one thread at a time.
// Errors      SeriesWriter::commit() hands up what Store::append answers.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "metrics/store.h"

namespace holdfast::collect {

struct LabelView {
  std::string_view name;
  std::string_view value;
};
using LabelViews = std::initializer_list<LabelView>;

class MetricSink {
 public:
  virtual ~MetricSink() = default;
  // Type and help of a metric; once before its samples. The type: counter, gauge, histogram, ...
  virtual void family(std::string_view name, std::string_view type, std::string_view help) = 0;
  virtual void add(std::string_view name, std::span<const LabelView> labels, double value) = 0;

  void sample(std::string_view name, double value, LabelViews labels = {}) {
    add(name, {labels.begin(), labels.size()}, value);
  }
  void gauge(std::string_view name, std::string_view help, double value, LabelViews labels = {}) {
    family(name, "gauge", help);
    sample(name, value, labels);
  }
  void counter(std::string_view name, std::string_view help, double value, LabelViews labels = {}) {
    family(name, "counter", help);
    sample(name, value, labels);
  }
};

// Gathers the samples of one moment and appends them as one batch. A series that was in the batch
// before and is not in this one ends with a staleness marker.
class SeriesWriter final : public MetricSink {
 public:
  // `base` goes onto every series; a sample's own label of the same name wins.
  SeriesWriter(metrics::Store& store, model::Labels base) : store_(store), base_(std::move(base)) {}

  void begin(model::Timestamp t);
  void family(std::string_view name, std::string_view type, std::string_view help) override;
  void add(std::string_view name, std::span<const LabelView> labels, double value) override;
  Result<metrics::AppendResult> commit();
  // Ends every series it wrote.
  Result<metrics::AppendResult> end(model::Timestamp t);

 private:
  struct Series {
    metrics::SeriesRef ref = metrics::SeriesRef::kNone;
    model::Labels labels;
    std::uint64_t round = 0;
  };
  metrics::Store& store_;
  const model::Labels base_;
  std::unordered_map<std::string, Series> series_;  // by name, labels and values, each ended by 0xff
  std::unordered_set<std::string> described_;
  std::vector<std::pair<Series*, double>> batch_;
  std::string key_;
  std::uint64_t round_ = 0;
  model::Timestamp t_ = 0;
};

// Prometheus' text format 0.0.4. Samples of one family must come together, as the format wants.
class TextExposition final : public MetricSink {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) override;
  void add(std::string_view name, std::span<const LabelView> labels, double value) override;
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
  std::unordered_set<std::string> described_;
};

inline constexpr std::string_view kExpositionType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace holdfast::collect
