// conformance/differential/peer.h: a real Prometheus, started for the length of a comparison.
//
// Purpose     Starts `prometheus` from PATH with an empty data folder and its remote write receiver
//             on, takes samples, answers queries.
// Errors      kUnavailable when there is no Prometheus on PATH: the caller skips. Everything else
//             that goes wrong is kInternal and says what.
// Threads     One.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "model/sample.h"

namespace holdfast::conformance {

struct PeerSeries {
  model::Labels labels;
  std::vector<model::Sample> samples;  // floats, staleness markers among them
};

class Peer {
 public:
  static Result<std::unique_ptr<Peer>> start();
  ~Peer();
  const std::string& version() const { return version_; }

  // All samples with from <= t < to; batches must come in the order of time.
  Result<void> write(const std::vector<PeerSeries>& series, model::Timestamp from,
                     model::Timestamp to);
  // The body of the answer, whatever its status. `step` 0 asks at `from` alone.
  Result<std::string> query(const std::string& expr, model::Timestamp from, model::Timestamp to,
                            std::int64_t step);

 private:
  Peer() = default;
  Result<std::string> http(const std::string& method, const std::string& path,
                           const std::string& headers, const std::string& body);
  Result<void> wait_until_ready();

  int pid_ = 0;
  int port_ = 0;
  std::string folder_;
  std::string version_;
};

}  // namespace holdfast::conformance
