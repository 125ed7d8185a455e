#include "learn/drill/restorer.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace holdfast::learn {
namespace {

constexpr Duration kLook = 250ms;
constexpr Duration kAgain = 1s;  // after something did not work
constexpr Duration kClearTimeout = 2s;

const act::WantedVersion* group_of(const std::vector<act::WantedVersion>& wanted,
                                   std::string_view group) {
  const auto at = std::ranges::find(wanted, group, &act::WantedVersion::group);
  return at == wanted.end() ? nullptr : &*at;
}

}  // namespace

Restorer::Restorer(Env& env, act::Operations& operations, net::Client& client,
                   const DrillRecord& record)
    : env_(env),
      operations_(operations),
      client_(client),
      id_(record.drill.id),
      service_(record.drill.service),
      undo_(record.undo),
      to_clear_(record.undo.admin.begin(), record.undo.admin.end()) {}

void Restorer::run(Done done) {
  done_ = std::move(done);
  began_ = env_.clock.mono();
  for (const auto& instance : operations_.instances(service_)) {
    if (!instance.admin_address.empty()) to_clear_.insert(instance.admin_address);
  }
  look();
}

void Restorer::look_later(Duration delay) {
  if (timer_ != TimerId::kNone) env_.executor.cancel(timer_);
  timer_ = env_.executor.post_after(Lane::kControl, delay, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->timer_ = TimerId::kNone;
    self->look();
  });
}

void Restorer::look() {
  if (!done_ || acting_ || clearing_ > 0) return;
  const auto missing = next_step();
  if (acting_ || clearing_ > 0) return;  // it is being done; its end looks again
  if (missing.empty()) {
    // Twice, because an act of somebody else may be about to begin.
    if (++seen_whole_ >= 2) return finish({});
    return look_later(kLook);
  }
  seen_whole_ = 0;
  if (env_.clock.mono() - began_ >= kPatience) {
    return finish(Error(Code::kTimeout, missing + (trouble_.empty() ? "" : ": " + trouble_)));
  }
  look_later(kLook);
}

std::string Restorer::next_step() {
  const auto wanted = operations_.wanted(service_);
  const auto now = env_.clock.mono();
  const bool is_late = now - began_ >= kPatience;
  // A port that does not answer is asked again, and holds up nothing else.
  if (!to_clear_.empty() && !is_late && now >= clear_again_) {
    clear_again_ = now + kAgain;
    clear_faults();
    return "faults are being cleared";
  }
  // Once in any case: a start that was interrupted may not have come to show yet.
  if (undo_.stop_canary && (!canary_stopped_ || group_of(wanted, "canary") != nullptr)) {
    if (!is_late) {
      act("stop_canary", [this](const std::string& key, act::Done done) {
        operations_.stop_canary(
            key, service_, [done = std::move(done), weak = weak_from_this()](act::Report report) {
              if (const auto self = weak.lock(); self && report.ok) self->canary_stopped_ = true;
              done(std::move(report));
            });
      });
    }
    return "the release is not stopped";
  }
  const auto* stable = group_of(wanted, "stable");
  // Somebody has released another version meanwhile: its replicas are not the drill's to set.
  const bool is_same = stable != nullptr && stable->version == undo_.version;
  if (is_same && stable->replicas != undo_.replicas) {
    if (!is_late) {
      act("scale", [this](const std::string& key, act::Done done) {
        operations_.scale(key, service_, undo_.version, undo_.replicas, std::move(done));
      });
    }
    return "there are not " + std::to_string(undo_.replicas) + " replicas again";
  }
  if (!to_clear_.empty()) return "the faults of " + *to_clear_.begin() + " are not cleared";
  return not_ready();
}

std::string Restorer::not_ready() const {
  const auto wanted = operations_.wanted(service_);
  const auto* stable = group_of(wanted, "stable");
  if (stable == nullptr) return "";  // the service is in the catalogue no more
  int ready = 0;
  for (const auto& instance : operations_.instances(service_)) {
    if (instance.version == stable->version && instance.state == model::InstanceState::kReady)
      ++ready;
  }
  if (ready == stable->replicas) return "";
  return std::to_string(ready) + " of " + std::to_string(stable->replicas) + " replicas are ready";
}

bool Restorer::serves_admin(const std::string& address) const {
  return std::ranges::any_of(operations_.instances(service_), [&](const model::Instance& instance) {
    return instance.admin_address == address && instance.pid != 0;
  });
}

void Restorer::clear_faults() {
  const auto addresses = to_clear_;
  clearing_ = addresses.size();
  for (const auto& address : addresses) {
    net::ClientRequest request;
    request.method = "DELETE";
    request.url = "http://" + address + "/fault";
    request.timeout = kClearTimeout;
    auto& executor = env_.executor;
    client_.send(std::move(request), [weak = weak_from_this(), &executor,
                                      address](Result<net::ClientResponse> answer) {
      const bool ok = answer && answer->status < 300;
      auto why = answer ? "status " + std::to_string(answer->status) : answer.error().message();
      executor.post(Lane::kControl, [weak, address, ok, why = std::move(why)] {
        const auto self = weak.lock();
        if (!self) return;
        if (!ok) self->trouble_ = why;
        self->cleared(address, ok);
      });
    });
  }
}

void Restorer::cleared(const std::string& address, bool ok) {
  // Where no process runs there is no fault either.
  if (ok || !serves_admin(address)) to_clear_.erase(address);
  if (--clearing_ == 0) look_later(Duration::zero());
}

void Restorer::act(const std::string& what,
                   const std::function<void(const std::string& key, act::Done done)>& begin) {
  acting_ = true;
  // A key of its own each time: a known one would be answered from the record and do nothing.
  const auto key = id_ + "/restore/" + what + "/" + std::to_string(to_ms(env_.clock.now()));
  begin(key, [weak = weak_from_this(), what](act::Report report) {
    const auto self = weak.lock();
    if (!self) return;
    self->acting_ = false;
    self->trouble_ = report.ok ? "" : what + ": " + report.error;
    if (!report.ok)
      log_warn("a drill's restoring act failed",
               {{"drill", self->id_}, {"act", what}, {"error", report.error}});
    self->look_later(report.ok ? Duration(kLook) : Duration(kAgain));
  });
}

void Restorer::finish(Result<void> result) {
  if (auto done = std::exchange(done_, {})) done(std::move(result));
}

}  // namespace holdfast::learn
