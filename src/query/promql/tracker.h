// query/promql/tracker.h: which queries run, how many may, and which were slow.
//
// Purpose     Every query of an Engine that has a tracker is admitted here, waits for its turn when
//             too many run, can be seen and cancelled while it runs, and is remembered when slow.
// Limits      running_max over all, running_per_user_max for each user; who finds no place waits in
//             a queue of queue_max, first come first served among those whose user has a place. A
//             full queue refuses with kExhausted, a wait beyond queue_wait_max or the query's
//             deadline is kTimeout, a cancelled wait kCanceled; each says which limit it was.
// Threads     All methods from any thread. admit() blocks its caller, so not on the control strand.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "base/result.h"

namespace holdfast::query::promql {

struct QueryStats;

enum class QueryId : std::uint64_t { kNone = 0 };

struct TrackedQuery {
  std::string text;
  std::string user;  // "" when nobody is known
  bool is_range = false;
};

struct ActiveQuery {
  QueryId id = QueryId::kNone;
  TrackedQuery query;
  WallTime started{};
  Duration age{};
  bool running = false;  // else it waits for its turn
};

struct SlowQuery {
  TrackedQuery query;
  WallTime started{};
  Duration took{}, queued{};
  std::uint64_t samples_read = 0, samples_peak = 0, bytes_peak = 0;
  std::string error;  // "" when it answered
};

struct TrackerOptions {
  std::size_t running_max = 20;
  std::size_t running_per_user_max = 0;  // 0: no limit of its own
  std::size_t queue_max = 200;
  Duration queue_wait_max = 2min;
  Duration slow_from = 10s;  // what takes as long is remembered
  std::size_t slow_kept = 100;
  std::function<void(const SlowQuery&)> on_slow;  // for the log; on the query's thread
};

class QueryTracker {
 public:
  QueryTracker(const Clock& clock, TrackerOptions options);

  // A query's place, given back when it goes.
  class Ticket {
   public:
    Ticket(Ticket&&) noexcept;
    Ticket& operator=(Ticket&&) = delete;
    ~Ticket();
    std::stop_token stop() const;  // asked by cancel() and by the caller's own token
    Duration queued() const { return queued_; }
    // How it ended; tells whether it was slow.
    void finish(const QueryStats& stats, const Error* error);

   private:
    friend class QueryTracker;
    struct Place;
    Ticket(QueryTracker& tracker, std::shared_ptr<Place> place, Duration queued);
    QueryTracker* tracker_;
    std::shared_ptr<Place> place_;
    Duration queued_;
  };

  Result<Ticket> admit(TrackedQuery query, std::stop_token stop, std::optional<MonoTime> deadline);
  std::vector<ActiveQuery> active() const;  // oldest first
  bool cancel(QueryId id);                  // false: there is none such
  std::vector<SlowQuery> slow() const;      // newest first

 private:
  using PlacePtr = std::shared_ptr<Ticket::Place>;
  void let_in();  // under mutex_
  void leave(const PlacePtr& place);
  Error refused(std::string_view what) const;

  const Clock& clock_;
  const TrackerOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable turn_;
  std::list<PlacePtr> places_ HF_GUARDED_BY(mutex_);  // in the order of coming
  std::map<std::string, std::size_t> running_of_user_ HF_GUARDED_BY(mutex_);
  std::size_t running_ HF_GUARDED_BY(mutex_) = 0;
  std::uint64_t last_id_ HF_GUARDED_BY(mutex_) = 0;
  std::deque<SlowQuery> slow_ HF_GUARDED_BY(mutex_);  // newest first
};

}  // namespace holdfast::query::promql
