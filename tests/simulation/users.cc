// The users of World: requests by the balancer's weights, and the counts of them as a scrape would bring them.

#include <cmath>

#include "base/check.h"
#include "base/text.h"
#include "simulation/world.h"

namespace holdfast::simulation {
namespace {

constexpr double kUsualSeconds = 0.02;  // a request takes
constexpr std::string_view kStable = "5.0";

double seconds_of(Duration d) { return std::chrono::duration<double>(d).count(); }

// One more answer of a process; whether it was a good one.
bool answer_user(SimProcess& process, const Behaviour& as) {
  process.seconds_sum += kUsualSeconds + seconds_of(as.latency);
  process.error_credit += as.error_share;
  if (process.error_credit < 1) {
    ++process.answers_good;
    return true;
  }
  process.error_credit -= 1;
  ++process.answers_bad;
  return false;
}

}  // namespace

void World::users_come() {
  executor.post_after(Lane::kControl, scene_.sample_every, [this] {
    serve_users(scene_.users_per_second * seconds_of(scene_.sample_every));
    if (boot_ != nullptr) scrape();
    users_come();
  });
}

void World::serve_users(double count) {
  // Without a balancer the users know the instances themselves.
  std::map<std::string, SimBalancer::Slot> direct;
  if (!balancer) {
    for (const auto& [pid, process] : processes.living()) {
      auto& slot = direct[process->id];
      slot.port = process->port;
      slot.maint = false;
    }
  }
  auto& slots = balancer ? balancer->slots() : direct;
  const auto takes = [&](const SimBalancer::Slot& slot) {
    return balancer ? balancer->runs() && balancer->serves(slot) : processes.answers(slot.port);
  };
  double weights = 0;
  for (const auto& [name, slot] : slots) weights += takes(slot) ? slot.weight : 0;
  requests += std::llround(count);
  if (weights == 0) {
    requests_lost += std::llround(count);
    return;
  }
  for (auto& [name, slot] : slots) {
    if (!takes(slot)) continue;
    auto& credit = slot_credit_[name];
    auto& process = *processes.by_port(slot.port);
    const auto behaviour = process.behaviour();
    for (credit += count * slot.weight / weights; credit >= 1; credit -= 1) {
      ++slot.requests;
      if (answer_user(process, behaviour)) continue;
      ++slot.errors;
      ++requests_lost;
      if (!first_bad_answer) first_bad_answer = now();
    }
  }
}

void World::scrape() {
  auto& plane = *boot_->plane;
  Samples load;
  load.emplace_back(model::Labels{{"__name__", "load_requests_total"}, {"outcome", "ok"}},
                    static_cast<double>(requests - requests_lost));
  load.emplace_back(model::Labels{{"__name__", "load_requests_total"}, {"outcome", "lost"}},
                    static_cast<double>(requests_lost));
  append(*plane.store, load);
  for (const auto& instance : plane.conductor->instances(kService)) {
    const auto port = instance.address.substr(instance.address.rfind(':') + 1);
    auto* process = processes.by_port(static_cast<int>(parse_int(port).value_or(0)));
    append(
        *plane.store,
        samples_of(instance, process != nullptr && process->behaviour().hangs ? nullptr : process));
  }
}

World::Samples World::samples_of(const model::Instance& instance, const SimProcess* process) {
  const model::Labels common{{"job", kService},
                             {"service", instance.service},
                             {"instance", instance.address},
                             {"instance_id", instance.id},
                             {"version", instance.version},
                             {"group", instance.version == kStable ? "stable" : "canary"}};
  Samples values;
  const auto add = [&](const char* name, double value) {
    values.emplace_back(common.with("__name__", name), value);
  };
  add("up", process == nullptr ? 0 : 1);
  if (process != nullptr) {
    const auto requests_of = common.with("__name__", "http_requests_total");
    values.emplace_back(requests_of.with("status", "200"), process->answers_good);
    values.emplace_back(requests_of.with("status", "500"), process->answers_bad);
    add("http_request_duration_seconds_sum", process->seconds_sum);
    add("http_request_duration_seconds_count",
        static_cast<double>(process->answers_good + process->answers_bad));
  }
  return values;
}

void World::append(metrics::Store& store, const Samples& values) {
  std::vector<metrics::SampleIn> batch;
  for (const auto& [labels, value] : values) {
    metrics::SampleIn in;
    in.labels = &labels;
    in.sample.t = to_ms(clock.now());
    in.sample.value = value;
    batch.push_back(in);
  }
  // Telemetry may be refused, by a full disk for one; what follows from that is the story's matter.
  if (!store.append(batch)) HF_PROBE("world: samples were refused");
}

}  // namespace holdfast::simulation
