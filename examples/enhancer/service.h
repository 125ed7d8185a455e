// enhancer/service.h: the demonstration service: its routes, its answers, and the way it breaks.
//
// Purpose     Stands for a real service in drills: health, metrics, a small inference API, and an admin
//             port through which it is broken. An answer takes 5 to 20 ms on a timer; no thread waits.
// Threads     Routes are called from any thread. Construction, drain() and destruction by the owner.
// Lifetime    Servers on these routers end before the service does.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/env.h"
#include "enhancer/faults.h"
#include "enhancer/telemetry.h"
#include "enhancer/workflows.h"
#include "net/http.h"

namespace enhancer {

struct ServiceOptions {
  std::string version = "5.0";
  std::string instance = "0";
  Duration warm_up = 300ms;  // until /health/startup and /health/ready agree
  // What `crash` does; tests put something else here.
  std::function<void()> crash;
};

class Service {
 public:
  Service(Env& env, ServiceOptions options);
  ~Service();

  const net::Router& routes() const { return routes_; }
  const net::Router& admin_routes() const { return admin_routes_; }
  void drain();  // unready from now on; still answers
  bool hanging() const { return faults_.active("hang"); }

 private:
  struct Life;  // lets timers know whether the service still is

  void add(const std::string& method, const std::string& path, net::RequestHandler handler);
  void add_health();
  void add_metrics();
  void add_admin();
  void infer(const net::Request& request, const net::ResponderPtr& responder);
  void tick();
  net::Response health(bool good, std::string_view what) const;

  Env& env_;
  const ServiceOptions options_;
  const MonoTime begun_;
  Faults faults_;
  Workflows workflows_;
  RequestCounts counts_;
  std::atomic<bool> draining_ = false;
  std::mutex held_mutex_;  // guards held_
  std::vector<net::ResponderPtr> held_;  // taken in while hanging; dropped when it ends
  net::Router routes_;
  net::Router admin_routes_;
  std::shared_ptr<Life> life_;
};

}  // namespace enhancer
