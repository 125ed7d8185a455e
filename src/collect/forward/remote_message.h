// collect/forward/remote_message.h: series, samples and histograms as Prometheus' messages spell them.
//
// Purpose     The writing half of remote write and remote read; the reading half is collect/receive.
// Units       Milliseconds since the epoch.
// Threads     Pure.
// Source      prompb/types.proto, prompb/remote.proto and io/prometheus/write/v2/types.proto of Prometheus.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/wire.h"
#include "metrics/store.h"
#include "model/labels.h"
#include "model/sample.h"

namespace holdfast::collect {

// The body of prometheus.Label.
std::string label_message(std::string_view name, std::string_view value);
// The body of prometheus.Sample; of version 2 too.
std::string sample_message(model::Timestamp t, double value);
// The body of prometheus.Histogram with float counts; version 2 has the same fields.
std::string histogram_message(model::Timestamp t, const model::Histogram& histogram);
std::string exemplar_message(const metrics::Exemplar& exemplar);

std::string pack_snappy(std::string_view plain);  // the block format

// What one series brings to a request.
struct OutgoingSeries {
  const model::Labels* labels = nullptr;
  std::vector<model::Sample> samples;
  std::vector<metrics::Exemplar> exemplars;
  const metrics::Metadata* metadata = nullptr;  // version 2 carries it with the series
};

// prometheus.WriteRequest, not yet compressed.
std::string write_request_v1(std::span<const OutgoingSeries> series);
// A request of metadata alone; version 1 sends it apart.
std::string metadata_request_v1(
    std::span<const std::pair<std::string, metrics::Metadata>> metadata);
// io.prometheus.write.v2.Request.
std::string write_request_v2(std::span<const OutgoingSeries> series);

// Labels written once and named by number, as version 2 wants them.
class SymbolTable {
 public:
  SymbolTable() { (void)ref(""); }
  std::uint32_t ref(std::string_view text);
  const std::vector<std::string_view>& all() const { return order_; }

 private:
  std::unordered_map<std::string_view, std::uint32_t> refs_;  // the bytes belong to the caller
  std::vector<std::string_view> order_;
};

}  // namespace holdfast::collect
