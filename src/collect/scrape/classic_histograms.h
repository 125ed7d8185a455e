// collect/scrape/classic_histograms.h: classic histograms gathered into native ones with custom buckets.
//
// Purpose     The series _bucket, _sum and _count of one classic histogram become one sample whose bounds are
//             the le values, where convert_classic_histograms_to_nhcb asks for it.
// Threads     One scrape, one thread.
// Errors      A histogram whose bounds or counts do not rise is left out, its classic series stay.
// Source      Prometheus' convertnhcb: custom bounds without +Inf, counts by bucket instead of cumulative.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "model/sample.h"

namespace holdfast::collect {

class ClassicHistograms {
 public:
  // A sample of the family `family`, whose type is histogram. False: it is none of its series.
  bool take(const std::string& family, const std::vector<model::Label>& labels, double value,
            std::optional<model::Timestamp> t);

  struct Made {
    std::string key;
    std::vector<model::Label> own;
    model::HistogramPtr made;
    std::optional<model::Timestamp> t;

    // As the parsers, for who takes samples.
    std::string_view series() const { return key; }
    double value() const { return 0; }
    const model::HistogramPtr& histogram() const { return made; }
    std::optional<model::Timestamp> timestamp() const { return t; }
    Result<void> labels(std::vector<model::Label>& out) const {
      out = own;
      return {};
    }
    bool has_exemplar() const { return false; }
    std::size_t line_number() const { return 0; }
  };
  std::vector<Made> finish();

 private:
  struct Parts {
    std::vector<model::Label> own;
    std::map<double, double> buckets;  // bound to cumulative count
    std::optional<double> count, sum;
    std::optional<model::Timestamp> t;
  };
  static model::HistogramPtr make(const Parts& parts);
  std::map<std::string, Parts> parts_;  // by name and labels but le
};

}  // namespace holdfast::collect
