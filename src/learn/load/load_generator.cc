#include "learn/load/load_generator.h"

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <future>
#include <mutex>

#include "base/text.h"
#include "collect/metric_sink.h"
#include "net/http.h"

namespace holdfast::learn {
namespace {

constexpr std::size_t kBurstMax = 1000;
constexpr double kSmallest = 10e-6;  // seconds, upper end of the first bucket
constexpr double kGrowth = 1.02;
constexpr std::array<double, 13> kMetricBounds = {0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10};

double upper_bound(std::size_t bucket) { return kSmallest * std::pow(kGrowth, static_cast<double>(bucket)); }

std::string ms(Duration d) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f ms", to_seconds(d) * 1000);
  return text;
}

}  // namespace

void LatencyBuckets::add(Duration latency) {
  const double seconds = std::max(to_seconds(latency), 0.0);
  const double exact = seconds <= kSmallest ? 0 : std::ceil(std::log(seconds / kSmallest) / std::log(kGrowth) - 1e-9);
  ++counts_[std::min(static_cast<std::size_t>(exact), kCount - 1)];
  ++count_;
  sum_seconds_ += seconds;
  max_ = std::max(max_, latency);
}

Duration LatencyBuckets::quantile(double q) const {
  if (count_ == 0) return Duration::zero();
  const auto rank = static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kCount; ++i) {
    seen += counts_[i];
    if (seen >= std::max<std::uint64_t>(rank, 1)) return std::min(from_seconds(upper_bound(i)), max_);
  }
  return max_;
}

std::uint64_t LatencyBuckets::count_up_to(Duration bound) const {
  std::uint64_t seen = 0;
  // A hair of tolerance: the bounds are products of many factors.
  for (std::size_t i = 0; i < kCount && upper_bound(i) <= to_seconds(bound) * (1 + 1e-9); ++i) seen += counts_[i];
  return seen;
}

std::string LoadReport::text() const {
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.1f", to_seconds(elapsed));
  std::string out = std::to_string(scheduled) + " requests in " + seconds + " s: " + std::to_string(ok) + " ok, " +
                    std::to_string(errors) + " errors, " + std::to_string(lost) + " lost";
  if (in_flight != 0) out += ", " + std::to_string(in_flight) + " under way";
  if (latency.count() != 0) {
    out += "; p50 " + ms(latency.quantile(0.5)) + ", p95 " + ms(latency.quantile(0.95)) + ", p99 " +
           ms(latency.quantile(0.99)) + ", max " + ms(latency.max());
  }
  if (!first_loss.empty()) out += "; first loss: " + first_loss;
  return out;
}

struct LoadGenerator::State : std::enable_shared_from_this<State> {
  State(Env& e, LoadOptions o) : env(e), options(std::move(o)), client(e) {}

  MonoTime due(std::uint64_t index) const {
    return begun + from_seconds(static_cast<double>(index) / options.rate);
  }

  // Sends what is due, then sleeps until the next.
  void pace() {
    for (std::size_t burst = 0; burst < kBurstMax; ++burst) {
      MonoTime at{};
      bool send_it = false;
      {
        std::lock_guard lock(mutex);
        if (stopping) return;
        at = due(report.scheduled);
        if (options.duration > Duration::zero() && at >= begun + options.duration) {
          stopping = true;
          return finish_if_idle();
        }
        if (at > env.clock.mono()) break;
        ++report.scheduled;
        send_it = report.in_flight < options.in_flight_max;
        if (send_it) ++report.in_flight;
        else lose("more than " + std::to_string(options.in_flight_max) + " requests are under way");
      }
      if (send_it) send(at);
    }
    std::lock_guard lock(mutex);
    if (stopping) return;
    const auto wait = std::max(due(report.scheduled) - env.clock.mono(), Duration::zero());
    timer = env.executor.post_after(Lane::kPool, wait, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->pace();
    });
  }

  void send(MonoTime scheduled) {
    net::ClientRequest request;
    request.method = options.method;
    request.url = options.url;
    request.body = options.body;
    request.timeout = options.timeout;
    request.headers.add("User-Agent", "Holdfast-load");
    client.send(std::move(request), [weak = weak_from_this(), scheduled](Result<net::ClientResponse> answer) {
      if (const auto self = weak.lock()) self->count(scheduled, answer);
    });
  }

  void count(MonoTime scheduled, const Result<net::ClientResponse>& answer) {
    std::lock_guard lock(mutex);
    --report.in_flight;
    if (!answer) {
      lose(answer.error().message());
    } else {
      ++(answer->status < 400 ? report.ok : report.errors);
      report.latency.add(env.clock.mono() - scheduled);
    }
    if (stopping) finish_if_idle();
  }

  // With mutex held, these two.
  void lose(std::string why) {
    ++report.lost;
    if (report.first_loss.empty()) report.first_loss = std::move(why);
  }
  void finish_if_idle() {
    if (report.in_flight != 0 || finished) return;
    finished = true;
    report.elapsed = env.clock.mono() - begun;
    if (done) env.executor.post(Lane::kPool, std::move(done));
  }

  Env& env;
  const LoadOptions options;
  net::Client client;
  MonoTime begun{};
  mutable std::mutex mutex;  // guards all below
  LoadReport report;
  TimerId timer = TimerId::kNone;
  bool stopping = false;
  bool finished = false;
  std::function<void()> done;
};

LoadGenerator::LoadGenerator(Env& env, LoadOptions options)
    : state_(std::make_shared<State>(env, std::move(options))) {}

LoadGenerator::~LoadGenerator() {
  std::lock_guard lock(state_->mutex);
  state_->stopping = state_->finished = true;
  state_->env.executor.cancel(state_->timer);
}

Result<void> LoadGenerator::start(std::function<void()> done) {
  HF_TRY(net::parse_url(state_->options.url));
  const auto rate = state_->options.rate;
  if (!(rate > 0 && rate <= 1e6)) {
    return invalid("rate " + format_double(rate) + " is not between 0 and 1000000 requests per second");
  }
  state_->done = std::move(done);
  state_->begun = state_->env.clock.mono();
  state_->pace();
  return {};
}

void LoadGenerator::stop() {
  std::lock_guard lock(state_->mutex);
  if (state_->stopping) return;
  state_->stopping = true;
  state_->env.executor.cancel(state_->timer);
  state_->finish_if_idle();
}

LoadReport LoadGenerator::report() const {
  std::lock_guard lock(state_->mutex);
  auto report = state_->report;
  if (!state_->finished) report.elapsed = state_->env.clock.mono() - state_->begun;
  return report;
}

std::string LoadGenerator::metrics_text() const {
  const auto now = report();
  collect::TextExposition text;
  text.counter("load_requests_scheduled_total", "Requests that were due.", static_cast<double>(now.scheduled));
  text.family("load_requests_total", "counter", "Requests whose fate is known, by outcome.");
  text.sample("load_requests_total", static_cast<double>(now.ok), {{"outcome", "ok"}});
  text.sample("load_requests_total", static_cast<double>(now.errors), {{"outcome", "error"}});
  text.sample("load_requests_total", static_cast<double>(now.lost), {{"outcome", "lost"}});
  text.gauge("load_requests_in_flight", "Requests under way.", static_cast<double>(now.in_flight));
  text.gauge("load_rate", "Requests per second wanted.", state_->options.rate);
  text.family("load_request_duration_seconds", "histogram", "From the moment a request was due to its answer.");
  for (const double bound : kMetricBounds) {
    text.sample("load_request_duration_seconds_bucket", static_cast<double>(now.latency.count_up_to(from_seconds(bound))),
                {{"le", format_double(bound)}});
  }
  text.sample("load_request_duration_seconds_bucket", static_cast<double>(now.latency.count()), {{"le", "+Inf"}});
  text.sample("load_request_duration_seconds_sum", now.latency.sum_seconds());
  text.sample("load_request_duration_seconds_count", static_cast<double>(now.latency.count()));
  return text.take();
}

int run_load(Env& env, const LoadOptions& options, std::stop_token stop) {
  const auto fail = [](const Error& error) {
    std::fprintf(stderr, "load: %s\n", error.message().c_str());
    return 1;
  };
  LoadGenerator generator(env, options);
  net::Router router;
  router.add("GET", "/metrics", [&](const net::Request&, net::ResponderPtr responder) {
    auto response = net::Response::text(200, generator.metrics_text());
    response.headers.set("Content-Type", std::string(collect::kExpositionType));
    responder->send(std::move(response));
  });
  for (const char* path : {"/health/live", "/health/ready", "/health/startup"}) {
    router.add("GET", path, [](const net::Request&, net::ResponderPtr r) { r->send(net::Response::text(200, "ok\n")); });
  }
  net::Server server(env, router);
  if (options.listen) {
    const auto at = server.listen(*options.listen);
    if (!at) return fail(at.error());
  }
  auto ended = std::make_shared<std::promise<void>>();
  auto waiting = ended->get_future();
  if (const auto begun = generator.start([ended] { ended->set_value(); }); !begun) return fail(begun.error());
  {
    std::stop_callback on_stop(stop, [&] { generator.stop(); });
    waiting.wait();
  }
  std::printf("load: %s\n", generator.report().text().c_str());
  std::fflush(stdout);
  // Handlers refer to this frame: none may run after it.
  auto closed = std::make_shared<std::promise<void>>();
  auto closing = closed->get_future();
  server.shutdown(1s, [closed] { closed->set_value(); });
  closing.wait();
  return 0;
}

}  // namespace holdfast::learn
