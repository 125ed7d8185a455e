// collect/receive/otlp_names.h: the names OTLP metrics and attributes get here.
//
// Purpose     The four translation strategies of Prometheus: dots to underscores or not, unit and type as
//             suffixes or not. http.server.duration in "ms" is http_server_duration_milliseconds.
// Threads     Values; pure functions.
// Errors      An empty result means that nothing of the name is left; the caller refuses the point.
// Source      OpenTelemetry specification, "Prometheus and OpenMetrics compatibility"; the rules of
//             Prometheus' otlptranslator.
#pragma once

#include <string>
#include <string_view>

#include "collect/receive/otlp_model.h"
#include "collect/receive/receive_routes.h"

namespace holdfast::collect {

class OtlpNames {
 public:
  explicit OtlpNames(NameTranslation translation) : translation_(translation) {}

  std::string metric(const OtlpMetric& metric) const;
  // "http.method" is http_method; "1st" key_1st; "_x" key_x; "__reserved__" stays.
  std::string label(std::string_view attribute) const;

 private:
  bool escapes() const {
    return translation_ == NameTranslation::kUnderscoreEscapingWithSuffixes ||
           translation_ == NameTranslation::kUnderscoreEscapingWithoutSuffixes;
  }
  bool suffixes() const {
    return translation_ == NameTranslation::kUnderscoreEscapingWithSuffixes ||
           translation_ == NameTranslation::kNoUtf8EscapingWithSuffixes;
  }

  NameTranslation translation_;
};

}  // namespace holdfast::collect
