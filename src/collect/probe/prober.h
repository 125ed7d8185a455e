// collect/probe/prober.h: asks from outside whether a thing answers: HTTP, TCP, and how long a certificate lasts.
//
// Purpose     Each probe runs at its interval and writes probe_success and its details under the labels
//             job="probe", probe=<name>, instance=<target> and the probe's own.
// Names       blackbox_exporter's: probe_success, probe_duration_seconds, probe_http_status_code,
//             probe_http_duration_seconds{phase}, probe_http_ssl, probe_http_content_length,
//             probe_failed_due_to_regex, probe_ssl_earliest_cert_expiry (seconds since the epoch).
// Kinds       http: statuses (2xx when none are given) and body_contains. tcp: the connection opens. tls: it
//             opens, shakes hands, and the certificate is within its time; trust is not judged, the expiry
//             of a self-signed certificate counts as well.
// Limits      One attempt at a time per probe; the timeout is never longer than the interval. 4 MiB of body.
// Threads     set_probes() and status() from any thread; appends on Lane::kPool.
// Errors      A failed probe is a measurement, not an error: success 0, and status() tells why.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/env.h"
#include "metrics/store.h"
#include "model/service.h"

namespace holdfast::collect {

struct ProbeStatus {
  model::Probe probe;
  bool done = false;      // at least once
  bool success = false;
  std::string last_error;
  WallTime last_run{};
  Duration last_duration{};
};

class Prober {
 public:
  Prober(Env& env, metrics::Store& store);
  ~Prober();
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;

  // The whole list; equal probes go on undisturbed, the series of those that left end.
  void set_probes(std::vector<model::Probe> probes);
  std::vector<ProbeStatus> status() const;  // in the order given

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::collect
