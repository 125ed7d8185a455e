// collect/business/registry.h: the values of declared business metrics.
//
// Purpose     observe() takes one event; write() gives all series to a MetricSink: /metrics, or the store.
// Limits      A metric takes `series_max` label sets; label values are at most 256 bytes of UTF-8. What is beyond is
//             refused with the metric, the limit and what was offered.
// Errors      kNotFound: no such metric (with the nearest name). kInvalid: a label that is not declared, missing or not
//             allowed; a counter that would fall; a value that is no number. kTooLarge: the limit.
// Threads     Any, any number at once: one short mutex.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "collect/business/declaration.h"
#include "collect/metric_sink.h"

namespace holdfast::collect {

struct BusinessEvent {
  enum class Operation { kDefault, kAdd, kSet };  // default: add to a counter, set a gauge
  std::string metric;
  double value = 1;
  Operation operation = Operation::kDefault;
  double weight = 1;  // a sampled observation stands for so many (StatsD's rate)
  std::string id;     // kDistinct
  std::vector<model::Label> labels;
};

// Where an event came from, for the counters of refusals.
enum class BusinessFeed { kHttp, kStatsd, kLog, kSpan };

class BusinessRegistry {
 public:
  BusinessRegistry(const Clock& clock, std::vector<MetricDeclaration> metrics);
  ~BusinessRegistry();

  Result<void> observe(BusinessFeed feed, const BusinessEvent& event);
  // Something that did not even become an event.
  void count_refused(BusinessFeed feed, const std::string& why);
  // Series of metrics whose declaration is unchanged keep their values.
  void set_metrics(std::vector<MetricDeclaration> metrics);
  std::vector<MetricDeclaration> metrics() const;
  // All families, and holdfast_business_events_total{feed,result}, holdfast_business_series{metric}.
  void write(MetricSink& sink);
  std::string last_refusal() const;

 private:
  struct Metric;
  struct Series;
  Result<void> take(const BusinessEvent& event);
  Result<std::vector<std::string>> label_values(const MetricDeclaration& metric,
                                                const BusinessEvent& event) const;
  void write(MetricSink& sink, Metric& metric);

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Metric>> metrics_;  // under mutex_
  std::uint64_t accepted_[4] = {};                          // by feed, under mutex_
  std::uint64_t refused_[4] = {};                           // by feed, under mutex_
  std::string last_refusal_;                                // under mutex_
};

}  // namespace holdfast::collect
