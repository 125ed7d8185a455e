// metrics/histogram_bytes.h: native histograms as bytes, one after another.
//
// Purpose     The log writes each histogram alone.
// Errors      decode_histograms() answers kDataLoss on bytes the encoder did not write, and never reads
//             past them.
// Threads     Functions of their arguments.
// Source      docs/formats/wal.md
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/sample.h"

namespace holdfast::metrics {

// Decoded histogram samples, oldest first; `values` are 0.
struct Samples {
  std::vector<model::Timestamp> times;
  std::vector<double> values;
  std::vector<model::HistogramPtr> histograms;

  void push(model::Timestamp t, model::HistogramPtr histogram);
  std::size_t size() const { return times.size(); }
};

// As a difference from `previous`, or whole when null.
void encode_histogram(const model::Histogram& histogram, const model::Histogram* previous,
                      std::string& out);
// To the bit: a NaN sum equals itself here.
bool same_histogram(const model::Histogram& a, const model::Histogram& b);
// Each is a zigzag time step and an encoded histogram; appends what lies in [from, to].
Result<void> decode_histograms(std::uint32_t count, std::string_view bytes, model::Timestamp from,
                               model::Timestamp to, Samples& out);

}  // namespace holdfast::metrics
