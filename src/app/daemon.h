// app/daemon.h: `holdfast serve`: the control plane on this machine, with telemetry coming in and HTTP going out.
//
// Purpose     Owns the real Env (system clock, random, files, Asio, threads), the control plane, the collectors and the
//             HTTP server. run() returns when a signal asked to stop and everything is written.
// Signals     SIGTERM and SIGINT stop; SIGHUP reads the configuration again.
// Alone       A lock file in the data directory keeps a second Holdfast out.
// Errors      What prevents the start is returned, all findings of the configuration at once.
// Threads     One control strand, a pool, I/O threads; run() blocks the caller.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/time.h"

namespace holdfast::app {

struct ServeOptions {
  std::string config;  // file; empty: watch this host only
  std::string data = "data";
  std::string listen = "127.0.0.1:8040";
  bool auth = true;
  Duration retention = 15 * 24h;
};

Result<void> serve(const ServeOptions& options);

}  // namespace holdfast::app
