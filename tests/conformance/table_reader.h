// tests/conformance/table_reader.h: a table in memory behind metrics::Reader, for scripts,
// benchmarks and fuzzing.
//
// Purpose     Samples put in by hand, read back as the engine's store would hand them out: native
//             histograms carry the counter reset hints that a chunked store derives.
// Threads     Filled by one thread, then read by any.
#pragma once

#include <map>

#include "metrics/store.h"

namespace holdfast::conformance {

using model::Labels;
using model::Sample;
using model::Timestamp;

class TableReader final : public metrics::Reader {
 public:
  // A sample at a time that is taken replaces the former.
  void add(const Labels& labels, const std::vector<Sample>& samples);
  void clear() { series_.clear(); }
  std::size_t series_count() const { return series_.size(); }

  Result<std::vector<metrics::Column>> select(const metrics::SelectRequest& request) const override;
  Result<std::vector<Labels>> series(const std::vector<std::vector<model::Matcher>>& any_of,
                                     Timestamp from, Timestamp to,
                                     std::size_t limit) const override;
  Result<std::vector<std::string>> label_names(
      const std::vector<std::vector<model::Matcher>>& any_of, Timestamp from,
      Timestamp to) const override;
  Result<std::vector<std::string>> label_values(
      const std::string& name, const std::vector<std::vector<model::Matcher>>& any_of,
      Timestamp from, Timestamp to) const override;
  std::map<std::string, std::vector<metrics::Metadata>> metadata(const std::string& metric,
                                                                 std::size_t limit) const override;

 private:
  struct Row {
    std::shared_ptr<const Labels> shared;
    std::map<Timestamp, Sample> given;
    std::vector<Sample> stored;  // in order of time, with the hints of a store
  };
  std::map<Labels, Row> series_;
};

}  // namespace holdfast::conformance
