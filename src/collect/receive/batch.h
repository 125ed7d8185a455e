// collect/receive/batch.h: what a decoder made of one request, and how it comes into the store.
//
// Purpose     Decoders turn bytes into a Batch and know no store; store_batch() appends one and says what
//             was taken and what was refused, in words a sender can act on.
// Invariants  Refusing a part never refuses the rest.
// Units       Milliseconds since the Unix epoch.
// Threads     Values.
// Errors      store_batch(): what the store answers for the whole, such as kExhausted on a full disk.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "metrics/store.h"

namespace holdfast::collect {

// What was turned away and the first reasons, each naming its place.
class Refusals {
 public:
  static constexpr std::size_t kReasonsMax = 5;

  void add(std::string reason, std::size_t count = 1);
  void add(const metrics::AppendResult& result);
  void add(const Refusals& other);
  std::size_t count() const { return count_; }
  bool empty() const { return count_ == 0; }
  // "3 refused: <first>; <second>; ..."
  std::string text() const;

 private:
  std::size_t count_ = 0;
  std::vector<std::string> reasons_;
};

struct Batch {
  struct Entry {
    std::uint32_t series = 0;  // index
    model::Sample sample;
  };
  struct ExemplarEntry {
    std::uint32_t series = 0;
    metrics::Exemplar exemplar;
  };
  std::vector<model::Labels> series;
  std::vector<Entry> samples;
  std::vector<ExemplarEntry> exemplars;
  std::map<std::string, metrics::Metadata, std::less<>> metadata;  // by metric family
  Refusals refusals;  // what the decoder itself turned away

  std::uint32_t add_series(model::Labels labels);
  void add(std::uint32_t series_index, model::Sample sample) {
    samples.push_back({series_index, std::move(sample)});
  }
  // One sample of a series of its own.
  void add(model::Labels labels, model::Timestamp t, double value) {
    add(add_series(std::move(labels)), {t, value, nullptr});
  }
};

struct Stored {
  std::size_t floats = 0;
  std::size_t histograms = 0;
  std::size_t exemplars = 0;
  Refusals refusals;  // the decoder's and the store's
};

Result<Stored> store_batch(metrics::Store& store, const Batch& batch);

// A series as senders may write it: a metric name, every name and value UTF-8, no name twice.
// `labels` is sorted by name and rid of empty values.
Result<void> normalise_labels(std::vector<model::Label>& labels);
// The same of the views from `begin` on; false when they had to be sorted.
Result<bool> normalise_views(metrics::LabelViews& labels, std::size_t begin);
// http.requests-total: every character outside [a-zA-Z0-9_:] becomes '_', a leading digit gets one before it.
std::string to_metric_name(std::string_view text);
std::string to_label_name(std::string_view text);  // as above, without ':'

}  // namespace holdfast::collect
