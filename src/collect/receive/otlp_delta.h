// collect/receive/otlp_delta.h: delta points become running totals.
//
// Purpose     OTLP senders may report what happened since their last report; what we store counts from a
//             beginning. One state a series holds its total so far.
// Invariants  A round that is not committed changes nothing: a sender whose batch the disk refused may send
//             it again. A point not newer than the last of its series is refused, so that a repeated batch
//             is not counted twice.
// Limits      series_max states; those not sent for `expiry` are dropped, oldest first. After that, and after
//             a restart, a total begins anew, which rate() takes for a counter's reset.
// Threads     begin() from any thread; one round at a time, the others wait.
// Errors      add(): kOutOfRange for a point not newer; kExhausted over the limit of series.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/labels.h"
#include "model/sample.h"

namespace holdfast::collect {

class OtlpDelta {
 public:
  OtlpDelta(std::size_t series_max, Duration expiry) : series_max_(series_max), expiry_(expiry) {}

  // What a series adds up. `shape` tells totals that cannot be added (bucket bounds) apart.
  struct Total {
    std::vector<double> shape;
    std::vector<double> values;
    std::optional<model::Histogram> histogram;
  };

 private:
  struct State {
    model::Labels series;
    std::uint64_t time_ns = 0;
    MonoTime seen{};
    Total total;
  };
  struct Before {
    model::Labels series;
    std::optional<State> state;  // nullopt: there was none
  };

 public:
  class Round {
   public:
    Round(OtlpDelta& all, MonoTime now) : lock_(all.mutex_), all_(all), now_(now) {}
    ~Round();
    Round(const Round&) = delete;
    Round& operator=(const Round&) = delete;
    // The total after `delta`; another shape begins anew. Valid until the next call.
    Result<const Total*> add(const model::Labels& series, std::uint64_t time_ns, Total delta);
    void commit() { undo_.clear(); }

   private:
    std::unique_lock<std::mutex> lock_;
    OtlpDelta& all_;
    MonoTime now_;
    std::vector<Before> undo_;
  };

  std::size_t series_count() const;

 private:
  using States = std::list<State>;  // the least lately seen first
  void expire(MonoTime now);

  const std::size_t series_max_;
  const Duration expiry_;
  mutable std::mutex mutex_;  // guards all below
  States states_;
  std::unordered_map<model::Labels, States::iterator> by_series_;
};

// Adds `b` to `a`: the coarser schema and the wider zero bucket win.
void add_histogram(model::Histogram& a, model::Histogram b);

}  // namespace holdfast::collect
