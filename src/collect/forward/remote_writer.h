// collect/forward/remote_writer.h: sends what a ForwardQueue holds to one remote write receiver.
//
// Purpose     Reads the queue, relabels, spreads series over shards and sends each shard's samples in batches, one
//             request at a time a shard, so that the order within a series is kept.
//
//               queue ─▶ pump ─▶ relabel ─▶ shard 0: waiting ... ─▶ request in flight ─▶ receiver
//                                    hash ─▶ shard 1: ...
//               position committed = the end of the last record all of whose samples have an answer
//
// Retries     Network errors, 5xx and, when configured, 429 are tried again with exponential backoff and jitter, for ever;
//             Retry-After is kept to. Any other answer drops the batch and counts it.
// Shards      Every ten seconds the number that the rates of the last minutes ask for is worked out as Prometheus
//             does; a change waits until the shards are empty, so that no series overtakes itself.
// Limits      Samples waiting in a shard (queue.capacity): reading stops there and the rest waits on disk.
// Threads     Public methods from any thread. Work runs on Lane::kPool; the client's handlers on its own threads.
// Source      Prometheus' storage/remote queue manager: its documentation "Remote write tuning".
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/env.h"
#include "collect/forward/forward_queue.h"
#include "collect/forward/remote_write_config.h"
#include "net/http.h"

namespace holdfast::collect {

struct RemoteWriterStats {
  std::string name, url;
  std::uint64_t samples_sent = 0, histograms_sent = 0, exemplars_sent = 0, metadata_sent = 0;
  std::uint64_t samples_failed = 0;  // refused by the receiver and dropped
  std::uint64_t samples_retried = 0;
  std::uint64_t samples_dropped = 0;  // by relabelling
  std::uint64_t samples_too_old = 0;  // over sample_age_limit
  std::uint64_t bytes_sent = 0;       // compressed
  std::uint64_t requests = 0;
  double request_seconds = 0;         // of all requests
  std::uint64_t samples_pending = 0;  // in shards; more may wait on disk
  int shards = 0, shards_desired = 0;
  model::Timestamp newest_sent = 0;
  std::string last_error;  // "" after a success
};

using SendRequest = std::function<void(net::ClientRequest, net::Client::Handler, std::stop_token)>;
using MetadataSource = std::function<std::map<std::string, std::vector<metrics::Metadata>>()>;

class RemoteWriter {
 public:
  // The queue outlives it. `send` may be called until stop() returned and its handlers end.
  RemoteWriter(Env& env, ForwardQueue& queue, RemoteWriteConfig config, SendRequest send,
               MetadataSource metadata);
  ~RemoteWriter();  // stop()
  RemoteWriter(const RemoteWriter&) = delete;
  RemoteWriter& operator=(const RemoteWriter&) = delete;

  void start();
  // Commits what was delivered; what was not is sent after the next start.
  void stop();
  void notify();  // there is more in the queue
  ForwardPosition committed() const;
  RemoteWriterStats stats() const;

  struct State;  // remote_writer_state.h

 private:
  std::shared_ptr<State> state_;
};

}  // namespace holdfast::collect
