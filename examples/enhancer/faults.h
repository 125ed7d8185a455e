// enhancer/faults.h: what can be broken in this process on purpose, and how it heals again.
//
// Purpose     Drills break a running service through its admin port. Every fault has a time to live after
//             which it ends by itself, so a drill that dies leaves nothing broken for long.
// Kinds       errors       a share of the answers are 500
//             latency      a share of the answers come latency_ms later
//             leak         memory grows by rate_mib each second, up to 512 MiB; given back at the end
//             crash        the process aborts as soon as the order is answered
//             hang         nothing is answered any more on the service port, health included
//             agents       a share of the 61 agents is down
//             stuck_phase  workflows stop in the phase they are in
// Threads     From any thread.
// Errors      kInvalid names the member and what is allowed.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace enhancer {

using namespace holdfast;  // NOLINT: this example stands on holdfast's base, in a namespace of its own

inline constexpr std::size_t kLeakSizeMax = 512;  // MiB

struct Fault {
  std::string kind;
  double share = 1;          // of requests or agents, above 0 up to 1
  std::int64_t latency_ms = 1000;
  double rate_mib = 50;      // per second
  std::int64_t ttl_s = 60;
};

Result<Fault> parse_fault(std::string_view json);

// Memory that is really resident: whole pages, written to.
class LeakedMemory {
 public:
  ~LeakedMemory() { release(); }
  void grow_to(std::size_t mib);
  void release();
  std::size_t mib() const { return blocks_.size(); }

 private:
  std::vector<void*> blocks_;  // 1 MiB each
};

class Faults {
 public:
  explicit Faults(Clock& clock) : clock_(clock) {}

  void set(const Fault& fault);  // replaces one of the same kind
  void clear();
  bool active(const std::string& kind) const;
  // Whether this request is one of those the fault hits; exactly the share of them, evenly spread.
  bool hits(const std::string& kind);
  Duration extra_latency();
  double share(const std::string& kind) const;  // 0 when not active
  std::string json() const;                     // {"faults":[...]} with seconds left

  // Every 100 ms or so: ends what is over, grows the leak.
  void tick();

 private:
  struct Active {
    Fault fault;
    MonoTime begun;
    MonoTime ends;
    double credit = 0;  // towards the next hit
  };
  const Active* find(const std::string& kind) const;  // with mutex_ held

  Clock& clock_;
  mutable std::mutex mutex_;  // guards the two below
  std::map<std::string, Active> active_;
  LeakedMemory leaked_;
};

}  // namespace enhancer
