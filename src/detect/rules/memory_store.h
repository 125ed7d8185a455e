// detect/rules/memory_store.h: a store without a disk, for rules that are tested in virtual time.
//
// Purpose     What `holdfast rules test` evaluates against: the same rules, the same evaluation, and samples that live
//             as long as the test. Native histograms come back with the counter reset hints a chunked store derives.
// Invariants  Within a series timestamps strictly increase, as in the store on disk.
// Errors      As metrics::Store: a sample that is late or a duplicate of another value is rejected alone.
// Limits      `sample_count_max` samples in all; more is kTooLarge.
// Threads     One at a time.
#pragma once

#include <map>
#include <unordered_map>

#include "metrics/store.h"

namespace holdfast::detect {

class MemoryStore final : public metrics::Store {
 public:
  explicit MemoryStore(std::size_t sample_count_max = 50'000'000)
      : sample_count_max_(sample_count_max) {}

  Result<metrics::AppendResult> append(std::span<const metrics::SampleIn> batch,
                                       bool want_refs = false) override;
  void set_metadata(const std::string&, const metrics::Metadata&) override {}
  Result<void> sync() override { return {}; }
  Result<void> flush() override { return {}; }
  Result<void> maintain(model::Timestamp) override { return {}; }
  metrics::StoreStats stats() const override;
  std::vector<std::string> problems() const override { return {}; }

  Result<std::vector<metrics::Column>> select(const metrics::SelectRequest& request) const override;
  Result<std::vector<model::Labels>> series(const std::vector<std::vector<model::Matcher>>& any_of,
                                            model::Timestamp from, model::Timestamp to,
                                            std::size_t limit) const override;
  Result<std::vector<std::string>> label_names(
      const std::vector<std::vector<model::Matcher>>& any_of, model::Timestamp from,
      model::Timestamp to) const override;
  Result<std::vector<std::string>> label_values(
      const std::string& name, const std::vector<std::vector<model::Matcher>>& any_of,
      model::Timestamp from, model::Timestamp to) const override;
  std::map<std::string, std::vector<metrics::Metadata>> metadata(const std::string&,
                                                                 std::size_t) const override {
    return {};
  }

  // Every sample, for writing them elsewhere. Ordered by labels.
  std::vector<metrics::Column> take();

 private:
  struct Row {
    metrics::Column column;    // histograms empty until the first
    model::HistogramPtr last;  // as given, to find resets
  };
  enum class Put { kDone, kLate, kOtherValue };
  static Put put(Row& row, const model::Sample& sample);
  // The rows a request may mean, by its metric name when it states one.
  std::vector<const Row*> rows_of(const std::vector<model::Matcher>& matchers) const;

  std::map<model::Labels, Row> rows_;
  std::unordered_map<std::string, std::vector<const Row*>> by_name_;  // in order of creation
  std::size_t sample_count_ = 0;
  const std::size_t sample_count_max_;
};

}  // namespace holdfast::detect
