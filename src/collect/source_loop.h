// collect/source_loop.h: writes what a function measures into the store, at an interval.
//
// Purpose     The host, this process and Holdfast's own counters are not scraped over HTTP: a source is
//             called on Lane::kPool and its samples stored under the labels given, with `up` 1.
// Threads     Construction and destruction by the owner; destruction waits for a running source.
// Errors      A refused batch is logged once per kind of error and tried anew at the next tick.
#pragma once

#include <functional>
#include <string>

#include "collect/metric_sink.h"
#include "collect/ticker.h"

namespace holdfast::collect {

class SourceLoop {
 public:
  using Source = std::function<void(MetricSink&)>;
  SourceLoop(Env& env, metrics::Store& store, Duration interval, model::Labels labels, Source source);

 private:
  SeriesWriter writer_;
  Source source_;
  std::string last_error_;
  Ticker ticker_;  // last: it stops first
};

}  // namespace holdfast::collect
