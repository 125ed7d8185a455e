// act/traffic/router.h: something that shares out a service's requests, behind one interface.
//
// Purpose     Drivers: HAProxy through its runtime socket. All changes are idempotent: apply()
//             states what should be, observe() tells what is.
// Threads     Control strand only; handlers run there. A driver waits for nothing on it.
// Errors      An unreachable router is kUnavailable; a refused command carries the router's words.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "act/operations.h"
#include "base/result.h"

namespace holdfast::act {

// One server slot as it should be.
struct WantedServer {
  std::string name;     // slot: stable1.., canary1..
  std::string address;  // host:port; empty: the slot is free (maintenance)
  int weight = 0;       // 0..256
  bool drain = false;   // finish what runs, take nothing new
};

class TrafficRouter {
 public:
  using Applied = std::function<void(Result<void>)>;
  using Observed = std::function<void(Result<std::vector<ServerView>>)>;

  virtual ~TrafficRouter() = default;
  // Slots not named are set free. Ends after the router has confirmed every change.
  virtual void apply(std::vector<WantedServer> servers, Applied applied) = 0;
  virtual void observe(Observed observed) = 0;
};

}  // namespace holdfast::act
