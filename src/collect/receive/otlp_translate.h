// collect/receive/otlp_translate.h: OTLP metrics become series.
//
// Purpose     One data point becomes one sample (gauge, sum, exponential histogram) or the classic series
//             of a histogram or summary; each resource that names itself becomes target_info.
//
//               service.namespace/service.name ─▶ job      service.instance.id ─▶ instance
//               other resource attributes      ─▶ target_info, and labels where promoted
//               point attributes               ─▶ labels (collisions joined by ';', as Prometheus does)
//               NoRecordedValue                ─▶ the staleness marker
//               delta                          ─▶ totals (OtlpDelta)
//
// Threads     Pure, except for the round of OtlpDelta handed in.
// Errors      A point that cannot stand is refused alone, with its metric's name.
#pragma once

#include "collect/receive/batch.h"
#include "collect/receive/otlp_delta.h"
#include "collect/receive/otlp_model.h"
#include "collect/receive/receive_routes.h"

namespace holdfast::collect {

struct OtlpBatch {
  Batch points;
  // Says that the targets exist; its refusals are no fault of the sender.
  Batch targets;
};

// `delta` may be null when has_delta() is false.
OtlpBatch translate_otlp(const OtlpRequest& request, const OtlpOptions& options,
                         OtlpDelta::Round* delta);
// Whether translating it needs totals of delta points.
bool has_delta(const OtlpRequest& request);

}  // namespace holdfast::collect
