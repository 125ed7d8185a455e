#include "collect/probe/prober.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <tuple>

#include "base/log.h"
#include "collect/metric_sink.h"
#include "collect/ticker.h"
#include "net/http.h"
#include "net/tls.h"

namespace holdfast::collect {
namespace {

using model::Labels;
using model::Probe;

constexpr std::size_t kBodySizeMax = 4 * 1024 * 1024;  // bytes

// What one attempt found.
struct Outcome {
  bool success = false;
  std::string error;
  Duration duration{};
  std::optional<int> status;
  std::optional<net::ClientTimings> timings;
  std::optional<WallTime> expires;
  std::size_t body_size = 0;
  bool failed_by_body = false;
};

Labels labels_of(const Probe& probe) {
  auto labels = probe.labels;
  if (!labels.has("job")) labels = labels.with("job", "probe");
  if (!labels.has("instance")) labels = labels.with("instance", probe.target);
  return labels.with("probe", probe.name);
}

bool same(const Probe& a, const Probe& b) {
  const auto members = [](const Probe& p) {
    return std::tie(p.name, p.kind, p.target, p.interval, p.timeout, p.statuses, p.body_contains, p.labels);
  };
  return members(a) == members(b);
}

void write_http(const Outcome& outcome, MetricSink& sink) {
  sink.gauge("probe_http_status_code", "Response HTTP status code", outcome.status.value_or(0));
  if (!outcome.timings) return;
  const auto& at = *outcome.timings;
  // With TLS the handshake lies between connecting and asking; without, tls_done is zero.
  const auto asked = std::max(at.connected, at.tls_done);
  const auto span = [](Duration from, Duration to) { return to > from ? to_seconds(to - from) : 0.0; };
  constexpr std::string_view kName = "probe_http_duration_seconds";
  sink.family(kName, "gauge", "Duration of http request by phase, summed over all redirects");
  sink.sample(kName, to_seconds(at.resolved), {{"phase", "resolve"}});
  sink.sample(kName, span(at.resolved, at.connected), {{"phase", "connect"}});
  sink.sample(kName, span(at.connected, at.tls_done), {{"phase", "tls"}});
  sink.sample(kName, span(asked, at.first_byte), {{"phase", "processing"}});
  sink.sample(kName, span(at.first_byte, at.total), {{"phase", "transfer"}});
  sink.gauge("probe_http_ssl", "Indicates if SSL was used for the final redirect", at.tls_done > Duration::zero());
  sink.gauge("probe_http_content_length", "Length of http content response", static_cast<double>(outcome.body_size));
  sink.gauge("probe_failed_due_to_regex", "Indicates if probe failed due to regex", outcome.failed_by_body);
}

class Loop : public std::enable_shared_from_this<Loop> {
 public:
  Loop(Env& env, metrics::Store& store, net::Client& client, Probe probe)
      : env_(env), client_(client), probe_(std::move(probe)), writer_(store, labels_of(probe_)) {
    status_.probe = probe_;
  }

  const Probe& probe() const { return probe_; }
  ProbeStatus status() const {
    std::lock_guard lock(status_mutex_);
    return status_;
  }
  void start() {
    const auto identity = labels_of(probe_).hash();
    ticker_ = std::make_unique<Ticker>(env_, probe_.interval, identity, [this](WallTime at) { tick(at); });
  }
  void halt() {
    ticker_.reset();
    stop_.request_stop();
    std::lock_guard lock(mutex_);
    stopped_ = true;
    connection_.reset();
  }
  void retire() {
    ticker_.reset();
    stop_.request_stop();
    const auto now = to_ms(env_.clock.now());
    env_.executor.post(Lane::kPool, [self = shared_from_this(), now] { self->end_series(now); });
  }

 private:
  void tick(WallTime at) {
    if (busy_.exchange(true)) return;
    at_ = at;
    begun_ = env_.clock.mono();
    if (probe_.kind == "http") return ask_http();
    open_connection();
  }

  Duration timeout() const { return std::min(probe_.timeout, probe_.interval); }

  void ask_http() {
    net::ClientRequest request;
    request.url = probe_.target;
    request.timeout = timeout();
    request.response_size_max = kBodySizeMax;
    request.headers.add("User-Agent", "Holdfast");
    client_.send(
        std::move(request),
        [self = shared_from_this()](Result<net::ClientResponse> answer) { self->finish(self->judge(answer)); },
        stop_.get_token());
  }

  Outcome judge(const Result<net::ClientResponse>& answer) const {
    Outcome out;
    if (!answer) {
      out.error = answer.error().message();
      return out;
    }
    out.status = answer->status;
    out.timings = answer->timings;
    out.expires = answer->timings.certificate_expires;
    out.body_size = answer->body.size();
    const auto& wanted = probe_.statuses;
    const bool good = wanted.empty() ? answer->status / 100 == 2
                                     : std::find(wanted.begin(), wanted.end(), answer->status) != wanted.end();
    if (!good) {
      out.error = "HTTP status " + std::to_string(answer->status);
    } else if (answer->body.find(probe_.body_contains) == std::string::npos) {
      out.failed_by_body = true;
      out.error = "the body does not contain \"" + probe_.body_contains + "\"";
    }
    out.success = out.error.empty();
    return out;
  }

  void open_connection() {
    const auto endpoint = parse_endpoint(probe_.target);
    if (!endpoint) {
      Outcome out;
      out.error = endpoint.error().message();
      return finish(std::move(out));
    }
    env_.transport.connect(*endpoint, timeout(),
                           [self = shared_from_this(), host = endpoint->host](Result<std::unique_ptr<Connection>> made) {
                             self->connected(host, std::move(made));
                           });
  }

  void connected(const std::string& host, Result<std::unique_ptr<Connection>> made) {
    Outcome out;
    if (!made) {
      out.error = made.error().message();
    } else if (probe_.kind == "tcp") {
      out.success = true;
    } else {
      return shake_hands(host, std::move(*made));
    }
    finish(std::move(out));
  }

  void shake_hands(const std::string& host, std::unique_ptr<Connection> plain) {
    // Whichever comes first, handshake or deadline, takes the one outcome.
    auto open = std::make_shared<std::atomic<bool>>(true);
    const auto left = timeout() - (env_.clock.mono() - begun_);
    const auto timer = env_.executor.post_after(Lane::kPool, std::max(left, Duration::zero()),
                                                [self = shared_from_this(), open] {
                                                  if (!open->exchange(false)) return;
                                                  Outcome out;
                                                  out.error = "the TLS handshake took longer than the timeout";
                                                  self->finish(std::move(out));
                                                });
    net::TlsOptions options;
    options.verify = false;
    net::tls_connect(std::move(plain), host, options,
                     [self = shared_from_this(), open, timer](Result<std::unique_ptr<net::TlsConnection>> made) {
                       self->env_.executor.cancel(timer);
                       if (open->exchange(false)) self->finish(self->judge_certificate(std::move(made)));
                     });
  }

  Outcome judge_certificate(Result<std::unique_ptr<net::TlsConnection>> made) {
    Outcome out;
    if (!made) {
      out.error = made.error().message();
      return out;
    }
    const auto& certificate = (*made)->certificate();
    out.expires = certificate.not_after;
    const auto now = env_.clock.now();
    if (now > certificate.not_after) out.error = "the certificate expired at " + format_time(certificate.not_after);
    if (now < certificate.not_before) {
      out.error = "the certificate is not valid before " + format_time(certificate.not_before);
    }
    out.success = out.error.empty();
    // Destroying a connection inside its own callback is left to the pool.
    std::lock_guard lock(mutex_);
    if (!stopped_) connection_ = std::move(*made);
    return out;
  }

  void finish(Outcome outcome) {
    outcome.duration = env_.clock.mono() - begun_;
    env_.executor.post(Lane::kPool, [self = shared_from_this(), outcome = std::move(outcome)] { self->store(outcome); });
  }

  void store(const Outcome& outcome) {
    std::lock_guard lock(mutex_);
    connection_.reset();
    if (stopped_) return;
    writer_.begin(to_ms(at_));
    writer_.gauge("probe_success", "Displays whether or not the probe was a success", outcome.success);
    writer_.gauge("probe_duration_seconds", "Returns how long the probe took to complete in seconds",
                  to_seconds(outcome.duration));
    if (probe_.kind == "http") write_http(outcome, writer_);
    if (outcome.expires) {
      writer_.gauge("probe_ssl_earliest_cert_expiry", "Returns last SSL chain expiry in unixtime",
                    static_cast<double>(to_ms(*outcome.expires)) / 1000);
    }
    const auto stored = writer_.commit();
    std::lock_guard status_lock(status_mutex_);
    status_.done = true;
    status_.success = outcome.success;
    status_.last_error = stored ? outcome.error : stored.error().message();
    status_.last_run = at_;
    status_.last_duration = outcome.duration;
    busy_ = false;
  }

  void end_series(model::Timestamp now) {
    std::lock_guard lock(mutex_);
    if (stopped_) return;
    stopped_ = true;
    connection_.reset();
    if (const auto ended = writer_.end(now); !ended) {
      log_warn("series of a removed probe not ended", {{"probe", probe_.name}, {"error", ended.error().message()}});
    }
  }

  Env& env_;
  net::Client& client_;
  const Probe probe_;
  std::stop_source stop_;
  std::atomic<bool> busy_ = false;  // from the attempt to its stored outcome; hands at_ and begun_ over
  WallTime at_{};
  MonoTime begun_{};

  std::mutex mutex_;  // guards the three below
  bool stopped_ = false;
  SeriesWriter writer_;
  std::unique_ptr<net::TlsConnection> connection_;

  mutable std::mutex status_mutex_;  // taken alone or within mutex_
  ProbeStatus status_;

  std::unique_ptr<Ticker> ticker_;
};

}  // namespace

struct Prober::Impl {
  Impl(Env& e, metrics::Store& s) : env(e), store(s), client(e) {}
  Env& env;
  metrics::Store& store;
  net::Client client;
  mutable std::mutex mutex;  // guards the lists
  std::vector<std::shared_ptr<Loop>> loops;
  std::vector<std::weak_ptr<Loop>> retiring;
};

Prober::Prober(Env& env, metrics::Store& store) : impl_(std::make_unique<Impl>(env, store)) {}

Prober::~Prober() {
  for (const auto& loop : impl_->loops) loop->halt();
  for (const auto& weak : impl_->retiring) {
    if (const auto loop = weak.lock()) loop->halt();
  }
}

void Prober::set_probes(std::vector<Probe> probes) {
  std::lock_guard lock(impl_->mutex);
  std::vector<std::shared_ptr<Loop>> next;
  std::vector<std::shared_ptr<Loop>> fresh;
  for (auto& probe : probes) {
    const auto at = std::find_if(impl_->loops.begin(), impl_->loops.end(), [&](const auto& loop) {
      return loop != nullptr && same(loop->probe(), probe);
    });
    if (at != impl_->loops.end()) {
      next.push_back(std::move(*at));
      continue;
    }
    next.push_back(std::make_shared<Loop>(impl_->env, impl_->store, impl_->client, std::move(probe)));
    fresh.push_back(next.back());
  }
  std::erase_if(impl_->retiring, [](const auto& weak) { return weak.expired(); });
  for (auto& loop : impl_->loops) {
    if (loop == nullptr) continue;
    loop->retire();
    impl_->retiring.push_back(loop);
  }
  impl_->loops = std::move(next);
  for (const auto& loop : fresh) loop->start();
}

std::vector<ProbeStatus> Prober::status() const {
  std::lock_guard lock(impl_->mutex);
  std::vector<ProbeStatus> out;
  for (const auto& loop : impl_->loops) out.push_back(loop->status());
  return out;
}

}  // namespace holdfast::collect
