// collect/receive/otlp_handlers.h: OTLP's answers over HTTP and gRPC; inside this part only.
//
// Answers     200 with partial_success when points were refused; a body that cannot be read 400, a full
//             disk 503 with Retry-After (gRPC: UNAVAILABLE), each with a google.rpc.Status.
// Threads     Many calls at once; those with delta points one after another.
#pragma once

#include <string>

#include "collect/receive/handlers.h"
#include "collect/receive/otlp_delta.h"
#include "collect/receive/otlp_model.h"

namespace holdfast::collect {

class OtlpReceiver {
 public:
  explicit OtlpReceiver(Intake& intake)
      : intake_(intake),
        delta_(intake.options.otlp.delta_series_max, intake.options.otlp.delta_expiry) {}

  net::Response answer(const net::Request& request);
  // An ExportMetricsServiceResponse to an ExportMetricsServiceRequest, both protobuf.
  Result<std::string> export_metrics(std::string_view message);
  std::size_t delta_series_count() const { return delta_.series_count(); }

 private:
  Result<Refusals> keep(const OtlpRequest& request);

  Intake& intake_;
  OtlpDelta delta_;
};

}  // namespace holdfast::collect
