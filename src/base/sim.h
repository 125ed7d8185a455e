// base/sim.h: a machine and a network in memory, run in virtual time, from one seed.
//
// Purpose     The same rooms that run on the machine run on these, thirty days in seconds: SimClock,
//             SimExecutor, SimFileSystem and SimNetwork stand in for the members of Env.
// Faults      The disk loses unsynced writes at a crash and tears one, fills up, and fails at times.
//             The network delays, refuses, partitions and resets.
// Order       Everything due at one moment runs in the order it was posted. The same seed and the
//             same calls give the same run.
// Threads     All from one thread, except SimFileSystem: from any, as its contract says.
// Ownership   SimClock, SimExecutor and SimNetwork outlive what uses them, made in this order.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"
#include "base/files.h"
#include "base/random.h"
#include "base/transport.h"

namespace holdfast {

// Moves only while a SimExecutor runs.
class SimClock final : public Clock {
 public:
  explicit SimClock(WallTime start = from_ms(1'800'000'000'000)) : wall_start_(start) {}
  WallTime now() const override;
  MonoTime mono() const override { return mono_; }
  // What an operator or NTP does: the wall clock jumps, intervals do not notice.
  void step_wall(Duration by) {
    wall_start_ += std::chrono::duration_cast<std::chrono::milliseconds>(by);
  }

 private:
  friend class SimExecutor;
  WallTime wall_start_;
  MonoTime mono_{};  // starts at zero
};

// Both lanes on one queue ordered by (time, sequence).
class SimExecutor final : public Executor {
 public:
  explicit SimExecutor(SimClock& clock) : clock_(clock) {}
  ~SimExecutor() override;
  SimExecutor(const SimExecutor&) = delete;
  SimExecutor& operator=(const SimExecutor&) = delete;

  void post(Lane lane, Task task) override;
  TimerId post_after(Lane lane, Duration delay, Task task) override;
  bool cancel(TimerId timer) override;
  bool on_control() const override { return true; }

  // Runs what is due, and what becomes due, up to and including `until`; the clock then stands
  // there. Each answers how many tasks ran.
  std::size_t run_until(MonoTime until);
  std::size_t run_until(WallTime until);
  std::size_t run_for(Duration span);
  std::size_t run_ready();  // without moving the clock
  // Runs one task after another until `done` holds, at most for `limit` of virtual time; whether it
  // held.
  bool run_until(const std::function<bool()>& done, Duration limit);

  // Drops all that is queued: a simulated crash of everything at once.
  void clear();
  std::size_t queued() const { return queue_.size(); }
  SimClock& clock() { return clock_; }

 private:
  friend class SimHostExecutor;
  using Key = std::pair<MonoTime, std::uint64_t>;  // due, sequence
  struct Item {
    const void* owner;
    Task task;
  };
  TimerId add(const void* owner, Duration delay, Task task);
  void drop_of(const void* owner);
  bool run_next(MonoTime until);

  SimClock& clock_;
  std::map<Key, Item> queue_;
  std::unordered_map<std::uint64_t, MonoTime> due_;  // sequence to due time
  std::uint64_t sequence_ = 0;
  bool closing_ = false;
};

// The executor of one host of several that share a queue: clear() drops this host's tasks alone.
class SimHostExecutor final : public Executor {
 public:
  explicit SimHostExecutor(SimExecutor& executor) : executor_(executor) {}
  ~SimHostExecutor() override { clear(); }
  void post(Lane, Task task) override { executor_.add(this, Duration::zero(), std::move(task)); }
  TimerId post_after(Lane, Duration delay, Task task) override {
    return executor_.add(this, delay, std::move(task));
  }
  bool cancel(TimerId timer) override { return executor_.cancel(timer); }
  bool on_control() const override { return true; }
  void clear() { executor_.drop_of(this); }

 private:
  SimExecutor& executor_;
};

// A disk in memory. It knows for each file what is synced and which writes are not yet, and for
// each folder which names are: crash() keeps the first for certain and of the rest whatever chance
// leaves.
class SimFileSystem final : public FileSystem {
 public:
  // `clock` dates files; without it all are from 1970.
  explicit SimFileSystem(Random& random, const Clock* clock = nullptr);
  ~SimFileSystem() override;

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Result<void> create_directories(const std::string& path) override;
  Result<std::vector<FileInfo>> list(const std::string& path) override;
  Result<FileInfo> info(const std::string& path) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> remove(const std::string& path) override;
  Result<void> sync_dir(const std::string& path) override;
  Result<std::uint64_t> free_space(const std::string& path) override;

  // Power is gone and back. Files open before answer kUnavailable from now on.
  void crash();
  // Nothing more can be written (kExhausted) until it is taken back.
  void set_full(bool full);
  // All files together hold at most this much; a write over it stores what fits, then kExhausted.
  void set_capacity(std::uint64_t bytes);
  // Each operation fails with kUnavailable this often; a failing write may have stored a part.
  void set_failing(double probability);
  std::uint64_t used() const;  // bytes in all files

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;  // shared with open files
};

// Hosts that speak to each other over streams that behave like TCP: in order, with a bounded
// window, so that a reader that does not read holds up the writer. A host is reached by its name or
// its address (10.0.0.1, 10.0.0.2, ... in order of first mention), and by itself also as localhost.
//
//   writer ──write──▶ queue ──window 64 KiB──▶ flight, latency ──▶ inbox ──read──▶ reader
//                                               waits while partitioned
class SimNetwork {
 public:
  SimNetwork(SimExecutor& executor, Random& random);
  ~SimNetwork();  // closes all; callbacks pending are dropped

  // The transport of one host; made at first mention and valid as long as the network.
  Transport& host(const std::string& name);
  std::string address(const std::string& name);

  // One way, uniform between the two; 100 us to 1 ms unless told.
  void set_latency(Duration min, Duration max);
  // Connection attempts that are never answered: they end with kTimeout.
  void set_drop_connect(double probability);
  // Chunks that break their connection instead of arriving: kUnavailable on both sides.
  void set_reset(double probability);
  // Reads that yield only a part of what has come, at a random byte.
  void set_split_reads(double probability);
  // Nothing passes between the two. Connections stay, their bytes wait; attempts time out.
  void partition(const std::string& a, const std::string& b);
  void heal(const std::string& a, const std::string& b);
  void heal_all();
  // Every connection of the host breaks; it keeps listening.
  void reset_all(const std::string& host);
  // The host loses power: connections break for the others, its listeners are gone, and its own
  // pending callbacks are dropped, never called. It may connect and listen again at once.
  void crash(const std::string& host);
  // A further name for a host, as DNS would give it.
  void set_alias(const std::string& name, const std::string& host);

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;  // shared with connections, which may live a little longer
};

}  // namespace holdfast
