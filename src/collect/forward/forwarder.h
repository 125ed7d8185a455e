// collect/forward/forwarder.h: all of remote write: one queue, one writer a receiver.
//
// Purpose     What app holds. wrap() puts the tap before the store; configure() starts, keeps and stops writers as the
//             configuration changes; collect() tells /metrics.
// Threads     open(), wrap(), configure() and destruction from the owner; the rest from any thread.
// Errors      Those of opening the queue's folder.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/env.h"
#include "collect/forward/remote_writer.h"
#include "collect/metric_sink.h"
#include "metrics/store.h"

namespace holdfast::collect {

class Forwarder {
 public:
  // `directory` holds the queue.
  static Result<std::unique_ptr<Forwarder>> open(Env& env, const std::string& directory,
                                                 ForwardLimits limits = {});
  ~Forwarder();  // stops the writers
  Forwarder(const Forwarder&) = delete;
  Forwarder& operator=(const Forwarder&) = delete;

  // The store to append to from now on; the forwarder outlives it. Once.
  std::unique_ptr<metrics::Store> wrap(std::unique_ptr<metrics::Store> store);
  // Stops all writers and starts those of the list; each goes on where its name was.
  void configure(std::vector<RemoteWriteConfig> receivers);
  // Before the store goes: nothing is sent after it.
  void stop();

  std::vector<RemoteWriterStats> stats() const;
  std::uint64_t queue_size() const;      // bytes
  void collect(MetricSink& sink) const;  // holdfast_remote_write_*

 private:
  struct Impl;
  explicit Forwarder(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<Impl> impl_;
};

}  // namespace holdfast::collect
