// learn/load/load_generator.h: real traffic at a constant rate, and what became of every request.
//
// The open model. A client that waits for one answer before it sends the next request slows down with
// the service, and just then measures too little: the seconds in which nothing was sent do not appear
// anywhere. Users do not wait for each other. So request i is due at start + i / rate whatever happened to
// those before it, and its latency counts from the moment it was due, not from when it left.
//
// Purpose     Sends, counts each request exactly once as ok, error or lost, shows the counts as /metrics.
// Outcomes    ok: answered below 400. error: answered with 400 and above. lost: no whole answer in time, the
//             connection failed, or more than in_flight_max were under way and it was never sent.
// Units       rate is requests per second.
// Threads     start(), stop(), report() and metrics_text() from any thread. `done` is called on Lane::kPool.
// Limits      A schedule that fell behind sends at most kBurstMax requests at once; the rest follow at once
//             after them, none is left out.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/env.h"
#include "base/result.h"

namespace holdfast::learn {

struct LoadOptions {
  std::string url;
  std::string method = "GET";
  std::string body;
  double rate = 50;
  Duration duration{};                 // zero: until stopped
  Duration timeout = 5s;               // without a whole answer by then a request is lost
  std::size_t in_flight_max = 10'000;
  std::optional<Endpoint> listen;      // /metrics and /health/*
};

// Latencies in buckets that grow by 2 %, 10 us to over a minute: quantiles within 2 %, in fixed memory.
class LatencyBuckets {
 public:
  void add(Duration latency);
  Duration quantile(double q) const;  // zero when empty
  Duration max() const { return max_; }
  std::uint64_t count() const { return count_; }
  std::uint64_t count_up_to(Duration bound) const;
  double sum_seconds() const { return sum_seconds_; }

 private:
  static constexpr std::size_t kCount = 800;
  std::array<std::uint64_t, kCount> counts_{};
  std::uint64_t count_ = 0;
  double sum_seconds_ = 0;
  Duration max_{};
};

struct LoadReport {
  std::uint64_t scheduled = 0;
  std::uint64_t ok = 0;
  std::uint64_t errors = 0;
  std::uint64_t lost = 0;
  std::uint64_t in_flight = 0;  // scheduled == ok + errors + lost + in_flight
  LatencyBuckets latency;       // of those answered
  Duration elapsed{};
  std::string first_loss;       // why the first lost request was lost

  std::string text() const;     // one line for people
};

class LoadGenerator {
 public:
  LoadGenerator(Env& env, LoadOptions options);
  ~LoadGenerator();  // what is under way is dropped
  LoadGenerator(const LoadGenerator&) = delete;
  LoadGenerator& operator=(const LoadGenerator&) = delete;

  // kInvalid for a bad URL or rate. `done` once, after the duration or stop() and the last answer or timeout.
  Result<void> start(std::function<void()> done = {});
  void stop();  // sends nothing more
  LoadReport report() const;
  std::string metrics_text() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// `holdfast load`: runs until the duration is over or `stop`, prints the summary to standard output. Blocks;
// not on the executor's threads. 0, or 1 when it could not begin (said on standard error).
int run_load(Env& env, const LoadOptions& options, std::stop_token stop);

}  // namespace holdfast::learn
