#include "enhancer/faults.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace enhancer {
namespace {

constexpr std::size_t kMib = 1024 * 1024;
const std::vector<std::string> kKinds = {"errors", "latency", "leak", "crash", "hang", "agents", "stuck_phase"};

Result<double> number(const nlohmann::json& body, const char* name, double fallback, double min, double max) {
  const auto at = body.find(name);
  if (at == body.end()) return fallback;
  const double value = at->is_number() ? at->get<double>() : min - 1;
  if (!(value >= min && value <= max)) {
    return invalid(std::string(name) + " must be a number from " + format_double(min) + " to " + format_double(max));
  }
  return value;
}

}  // namespace

Result<Fault> parse_fault(std::string_view text) {
  const auto body = nlohmann::json::parse(text, nullptr, false);
  if (!body.is_object()) return invalid("the body is not a JSON object");
  const auto kind = body.find("kind");
  if (kind == body.end() || !kind->is_string()) return invalid("kind is missing: one of " + join(kKinds, ", "));
  Fault fault;
  fault.kind = kind->get<std::string>();
  if (std::find(kKinds.begin(), kKinds.end(), fault.kind) == kKinds.end()) {
    return invalid("kind \"" + printable(fault.kind) + "\" is none of " + join(kKinds, ", "));
  }
  fault.share = HF_TRY(number(body, "share", fault.share, 0.001, 1));
  fault.latency_ms = static_cast<std::int64_t>(HF_TRY(number(body, "latency_ms", 1000, 1, 60'000)));
  fault.rate_mib = HF_TRY(number(body, "rate_mib", fault.rate_mib, 0.1, kLeakSizeMax));
  fault.ttl_s = static_cast<std::int64_t>(HF_TRY(number(body, "ttl_s", 60, 1, 3600)));
  return fault;
}

void LeakedMemory::grow_to(std::size_t mib) {
  while (blocks_.size() < std::min(mib, kLeakSizeMax)) {
    void* block = ::mmap(nullptr, kMib, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) return;
    std::memset(block, 0x5a, kMib);
    blocks_.push_back(block);
  }
}

void LeakedMemory::release() {
  for (void* block : blocks_) ::munmap(block, kMib);
  blocks_.clear();
}

void Faults::set(const Fault& fault) {
  std::lock_guard lock(mutex_);
  const auto now = clock_.mono();
  active_[fault.kind] = {fault, now, now + std::chrono::seconds(fault.ttl_s), 0};
}

void Faults::clear() {
  std::lock_guard lock(mutex_);
  active_.clear();
  leaked_.release();
}

const Faults::Active* Faults::find(const std::string& kind) const {
  const auto at = active_.find(kind);
  return at == active_.end() || at->second.ends <= clock_.mono() ? nullptr : &at->second;
}

bool Faults::active(const std::string& kind) const {
  std::lock_guard lock(mutex_);
  return find(kind) != nullptr;
}

double Faults::share(const std::string& kind) const {
  std::lock_guard lock(mutex_);
  const auto* found = find(kind);
  return found != nullptr ? found->fault.share : 0;
}

bool Faults::hits(const std::string& kind) {
  std::lock_guard lock(mutex_);
  auto* found = const_cast<Active*>(find(kind));
  if (found == nullptr) return false;
  found->credit += found->fault.share;
  if (found->credit < 1 - 1e-9) return false;
  found->credit -= 1;
  return true;
}

Duration Faults::extra_latency() {
  if (!hits("latency")) return Duration::zero();
  std::lock_guard lock(mutex_);
  const auto* found = find("latency");
  return found != nullptr ? Duration(std::chrono::milliseconds(found->fault.latency_ms)) : Duration::zero();
}

void Faults::tick() {
  std::lock_guard lock(mutex_);
  const auto now = clock_.mono();
  std::erase_if(active_, [&](const auto& entry) { return entry.second.ends <= now; });
  if (const auto* leak = find("leak")) {
    leaked_.grow_to(static_cast<std::size_t>(leak->fault.rate_mib * to_seconds(now - leak->begun)));
  } else {
    leaked_.release();
  }
}

std::string Faults::json() const {
  std::lock_guard lock(mutex_);
  nlohmann::json faults = nlohmann::json::array();
  for (const auto& [kind, active] : active_) {
    if (find(kind) == nullptr) continue;
    nlohmann::json fault = {{"kind", kind}, {"share", active.fault.share}, {"ttl_s", active.fault.ttl_s}};
    fault["seconds_left"] = to_seconds(active.ends - clock_.mono());
    if (kind == "latency") fault["latency_ms"] = active.fault.latency_ms;
    if (kind == "leak") {
      fault["rate_mib"] = active.fault.rate_mib;
      fault["leaked_mib"] = leaked_.mib();
    }
    faults.push_back(std::move(fault));
  }
  return nlohmann::json{{"faults", std::move(faults)}}.dump();
}

}  // namespace enhancer
