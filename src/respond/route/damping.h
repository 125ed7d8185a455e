// respond/route/damping.h: alerts that flap and receivers in a storm: fewer pages, nothing hidden (N10).
//
// Purpose     An alert that changed flap_changes times within flap_window is held as firing until it kept still for flap_calm:
//             its receiver hears "firing" once and "resolved" once. A receiver that got storm_groups first pages within
//             storm_window gets one summary instead of more; held groups ask again at their next flush.
// Shown       held() lists what is held back, since when and how often; the Router writes each holding to the history.
// Restart     Counts begin anew; what was held is decided as if it had just happened.
// Threads     Control strand only.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "respond/route/router.h"

namespace holdfast::respond::route {

class Damping {
 public:
  explicit Damping(DampingOptions options) : options_(options) {}
  void configure(DampingOptions options) { options_ = options; }

  // The alert began to fire or was resolved. True when it has just begun to flap.
  bool changed(std::uint64_t fingerprint, WallTime now);
  bool flapping(std::uint64_t fingerprint, WallTime now) const;
  void forget(std::uint64_t fingerprint) { flaps_.erase(fingerprint); }

  // Whether a first page of this group may go to the receiver now. Integrations of one flush count once.
  bool admit(const std::string& receiver, const std::string& group_key, WallTime now);
  // The group has nothing to say any more, or said it.
  void released(const std::string& receiver, const std::string& group_key);
  // True once when a storm has begun, or has ended: the summary is due.
  enum class Summary { kNone, kBegun, kEnded };
  Summary summary_due(const std::string& receiver, WallTime now);
  std::vector<std::string> receivers() const;
  std::vector<std::string> held_groups(const std::string& receiver) const;

  std::vector<Held> held(WallTime now) const;

 private:
  struct Flap {
    std::deque<WallTime> changes;
    WallTime since{};  // zero: it does not flap
    int held = 0;
  };
  struct Storm {
    std::deque<WallTime> pages;
    std::map<std::string, Held> held;  // by group key
    std::string admitted;              // the last group
    WallTime admitted_at{};
    bool announced = false;
  };
  void prune(Storm& storm, WallTime now) const;

  DampingOptions options_;
  std::unordered_map<std::uint64_t, Flap> flaps_;
  std::map<std::string, Storm> storms_;  // by receiver
};

}  // namespace holdfast::respond::route
