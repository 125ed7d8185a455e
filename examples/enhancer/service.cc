#include "enhancer/service.h"

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/log.h"

namespace enhancer {
namespace {

constexpr Duration kTick = 100ms;
constexpr std::size_t kHeldMax = 10'000;  // requests kept unanswered while hanging; more are dropped
constexpr std::string_view kTextType = "text/plain; version=0.0.4; charset=utf-8";

// A small network with fixed weights: real work, some microseconds of it, the same answer for the same text.
double score(std::string_view text) {
  constexpr std::size_t kWidth = 64;
  std::array<double, kWidth> layer{};
  std::uint64_t state = 0x9e3779b97f4a7c15ULL;
  for (std::size_t i = 0; i < text.size(); ++i) layer[i % kWidth] += static_cast<unsigned char>(text[i]) / 255.0;
  for (int depth = 0; depth < 3; ++depth) {
    std::array<double, kWidth> next{};
    for (auto& out : next) {
      double sum = 0;
      for (const double in : layer) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        sum += in * (static_cast<double>(state >> 11) * 0x1p-53 - 0.5);
      }
      out = std::tanh(sum);
    }
    layer = next;
  }
  double sum = 0;
  for (const double value : layer) sum += value;
  return 1 / (1 + std::exp(-sum));
}

}  // namespace

struct Service::Life {
  std::mutex mutex;  // held while a timer's work runs; guards ended
  bool ended = false;
};

Service::Service(Env& env, ServiceOptions options)
    : env_(env),
      options_(std::move(options)),
      begun_(env.clock.mono()),
      faults_(env.clock),
      workflows_(begun_),
      counts_(options_.version),
      life_(std::make_shared<Life>()) {
  add_health();
  add_metrics();
  for (const char* method : {"GET", "POST"}) {
    add(method, "/api/v1/inference", [this](const net::Request& q, net::ResponderPtr r) { infer(q, r); });
  }
  add_admin();
  env_.executor.post_after(Lane::kPool, kTick, [this, life = life_] {
    std::lock_guard lock(life->mutex);
    if (!life->ended) tick();
  });
}

Service::~Service() {
  std::lock_guard lock(life_->mutex);
  life_->ended = true;
}

void Service::drain() { draining_ = true; }

// Every route of the service port is silent while the process hangs.
void Service::add(const std::string& method, const std::string& path, net::RequestHandler handler) {
  routes_.add(method, path, [this, handler = std::move(handler)](const net::Request& request, net::ResponderPtr responder) {
    if (!faults_.active("hang")) return handler(request, std::move(responder));
    std::lock_guard lock(held_mutex_);
    if (held_.size() < kHeldMax) held_.push_back(std::move(responder));
  });
}

net::Response Service::health(bool good, std::string_view what) const {
  const nlohmann::json body = {{"status", good ? "ok" : "unavailable"},
                               {"check", what},
                               {"version", options_.version},
                               {"instance", options_.instance}};
  return net::Response::json(good ? 200 : 503, body.dump());
}

void Service::add_health() {
  const auto started = [this] { return env_.clock.mono() - begun_ >= options_.warm_up; };
  for (const char* path : {"/health/live", "/health"}) {
    add("GET", path, [this](const net::Request&, net::ResponderPtr r) { r->send(health(true, "live")); });
  }
  for (const char* path : {"/health/ready", "/ready", "/readyz"}) {
    add("GET", path, [this, started](const net::Request&, net::ResponderPtr r) {
      r->send(health(started() && !draining_, "ready"));
    });
  }
  add("GET", "/health/startup",
      [this, started](const net::Request&, net::ResponderPtr r) { r->send(health(started(), "startup")); });
}

void Service::add_metrics() {
  const auto serve = [this](const std::string& path, std::function<std::string()> text) {
    add("GET", path, [text = std::move(text)](const net::Request&, net::ResponderPtr responder) {
      auto response = net::Response::text(200, text());
      response.headers.set("Content-Type", std::string(kTextType));
      responder->send(std::move(response));
    });
  };
  serve("/metrics", [this] {
    Exposition info;
    info.family("enhancer_build_info", "gauge", "Constant 1, labelled with the version that runs.");
    info.sample("enhancer_build_info", "version=\"" + options_.version + "\"", 1);
    return info.take() + counts_.text() + process_text();
  });
  serve("/metrics/agents", [this] { return workflows_.agents_text(); });
  serve("/metrics/workflow", [this] { return workflows_.workflow_text(env_.clock.mono()); });
}

void Service::infer(const net::Request& request, const net::ResponderPtr& responder) {
  const auto begun = env_.clock.mono();
  const auto input = request.body.empty() ? std::string(request.param("input")) : request.body;
  const bool fails = faults_.hits("errors");
  const auto result = score(input);
  const auto service_time = 5ms + Duration(env_.random.below(static_cast<std::uint64_t>(Duration(15ms).count())));
  const auto answer = [this, life = life_, responder, begun, fails, result, method = request.method, size = input.size()] {
    std::lock_guard lock(life->mutex);
    if (life->ended) return;
    const auto took = env_.clock.mono() - begun;
    const int status = fails ? 500 : 200;
    counts_.count(method, status, took, size);
    nlohmann::json body = {{"version", options_.version}, {"instance", options_.instance}};
    if (fails) body["error"] = "the model failed";
    else body["score"] = result;
    auto response = net::Response::json(status, body.dump());
    response.headers.set("X-Version", options_.version);
    response.headers.set("X-Instance", options_.instance);
    responder->send(std::move(response));
  };
  env_.executor.post_after(Lane::kPool, service_time + faults_.extra_latency(), answer);
}

void Service::tick() {
  faults_.tick();
  const auto down = std::ceil(faults_.share("agents") * static_cast<double>(kAgentCount) - 1e-9);
  workflows_.tick(env_.clock.mono(), static_cast<std::size_t>(down), faults_.active("stuck_phase"));
  if (!faults_.active("hang")) {
    std::vector<net::ResponderPtr> dropped;  // each answers 500 as it goes
    std::lock_guard lock(held_mutex_);
    dropped.swap(held_);
  }
  env_.executor.post_after(Lane::kPool, kTick, [this, life = life_] {
    std::lock_guard lock(life->mutex);
    if (!life->ended) tick();
  });
}

void Service::add_admin() {
  const auto show = [this](int status, const net::ResponderPtr& r) { r->send(net::Response::json(status, faults_.json())); };
  admin_routes_.add("GET", "/fault", [show](const net::Request&, net::ResponderPtr r) { show(200, r); });
  admin_routes_.add("DELETE", "/fault", [this, show](const net::Request&, net::ResponderPtr r) {
    faults_.clear();
    log_info("faults ended by order");
    show(200, r);
  });
  admin_routes_.add("POST", "/fault", [this, show](const net::Request& request, net::ResponderPtr r) {
    const auto fault = parse_fault(request.body);
    if (!fault) {
      const nlohmann::json body = {{"error", {{"code", "invalid"}, {"message", fault.error().message()}}}};
      return r->send(net::Response::json(400, body.dump()));
    }
    log_warn("fault begins", {{"kind", fault->kind}, {"ttl_s", std::to_string(fault->ttl_s)}});
    faults_.set(*fault);
    show(202, r);
    // After the answer has had time to leave.
    if (fault->kind == "crash") env_.executor.post_after(Lane::kPool, 30ms, options_.crash);
  });
}

}  // namespace enhancer
