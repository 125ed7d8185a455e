// An intent's life here:
//
//               lane busy           not due           slot taken
//   take up ──▶ kBlocked ──head──▶ kWaiting ──time──▶ kReady ──▶ kRunning ──batch──▶ kRecording ──▶ gone
//                                     ▲                             │ error              │ refused: again
//                                     └────────── backoff ──────────┘                    ▼ after a while
//
// An act that ended well while its attempt was already counted as timed out is still taken: doing it once
// more would be worse than believing a late answer. Errors of past attempts are ignored.
#include "state/outbox.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "base/log.h"

namespace holdfast::state {
namespace {

// Timers are armed for at most this long and then look again: the wall clock may have been set.
constexpr Duration kLookAgain = 1h;
constexpr double kJitter = 0.2;

enum class Phase { kBlocked, kWaiting, kReady, kRunning, kRecording };

struct Item {
  Intent intent;
  std::string lane;  // empty: none
  Phase phase = Phase::kBlocked;
  int attempts = 0;
  TimerId timer = TimerId::kNone;  // of kWaiting, kRunning (the attempt's limit) or kRecording
};

struct Kind {
  Outbox::Handler handler;
  int in_flight = 0;                                     // kRunning and kRecording
  std::deque<std::string> ready;                         // keys, oldest first
  std::map<std::string, std::deque<std::string>> lanes;  // keys in commit order; the head may run
};

}  // namespace

struct Outbox::Impl : std::enable_shared_from_this<Outbox::Impl> {
  Impl(Env& e, Journal& j) : env(e), journal(j) {}

  void commit(Batch batch, Journal::Done done);
  void take_up(Intent intent);
  void advance(const std::string& key);
  void wait(Item& item, Duration delay);
  void pump(Kind& kind);
  void start_attempt(Kind& kind, Item& item);
  Finish finisher(const std::string& key, int attempt);
  void finished(const std::string& key, int attempt, Result<Batch> result);
  void failed(Item& item, const Error& error);
  void record(const std::string& key, Batch batch);
  void recorded(const std::string& key, const Batch& batch, const Result<void>& result);
  Duration backoff(const Handler& handler, int attempts);
  void cancel_timer(Item& item);

  Item* find(const std::string& key) {
    const auto it = items.find(key);
    return it == items.end() ? nullptr : &it->second;
  }
  Kind& kind_of(const Item& item) { return kinds.at(item.intent.kind); }

  // Calls `method` on this later, on the control strand, if the outbox still lives.
  template <typename F>
  auto later(F&& f) {
    return [weak = weak_from_this(), f = std::forward<F>(f)]() mutable {
      if (auto self = weak.lock()) f(*self);
    };
  }

  Env& env;
  Journal& journal;
  std::map<std::string, Kind> kinds;
  std::unordered_map<std::string, Item> items;
  std::set<std::string> unknown_kinds;  // reported already
};

void Outbox::Impl::commit(Batch batch, Journal::Done done) {
  auto told = [weak = weak_from_this(), done = std::move(done)](Result<Journal::Committed> result) {
    if (!result) {
      if (done) done(std::move(result).error());
      return;
    }
    auto intents = std::move(result->intents);
    if (done) done(result->seq);
    if (intents.empty()) return;
    auto self = weak.lock();
    if (!self) return;
    // After the subscribers of this commit have heard of it: they follow `done` in the same task.
    auto take_all = [intents = std::move(intents)](Impl& impl) mutable {
      for (auto& intent : intents) impl.take_up(std::move(intent));
    };
    self->env.executor.post(Lane::kControl, self->later(std::move(take_all)));
  };
  journal.commit_telling(std::move(batch), std::move(told));
}

void Outbox::Impl::take_up(Intent intent) {
  const std::string key = intent.key;
  const auto [it, added] = items.try_emplace(key);
  if (!added) return;  // start() read it from the journal before its commit was told
  auto& item = it->second;
  item.intent = std::move(intent);
  const auto kind = kinds.find(item.intent.kind);
  if (kind == kinds.end()) {
    if (unknown_kinds.insert(item.intent.kind).second) {
      HF_PROBE("outbox: intent of unknown kind");
      log_error("no handler for an intent; it stays pending",
                {{"kind", item.intent.kind}, {"key", key}});
    }
    return;
  }
  const auto& handler = kind->second.handler;
  if (handler.lane_of) item.lane = handler.lane_of(item.intent);
  if (!item.lane.empty()) {
    auto& lane = kind->second.lanes[item.lane];
    lane.push_back(key);
    if (lane.size() > 1) return;
  }
  advance(key);
}

// The item stands first in its lane: it waits for its time, or is ready.
void Outbox::Impl::advance(const std::string& key) {
  auto* item = find(key);
  if (item == nullptr) return;
  const auto until = item->intent.not_before - env.clock.now();
  if (until > until.zero()) {
    wait(*item, std::min<Duration>(kLookAgain, std::min<std::chrono::milliseconds>(until, 1h)));
    return;
  }
  item->phase = Phase::kReady;
  auto& kind = kind_of(*item);
  kind.ready.push_back(key);
  pump(kind);
}

void Outbox::Impl::wait(Item& item, Duration delay) {
  item.phase = Phase::kWaiting;
  item.timer =
      env.executor.post_after(Lane::kControl, delay, later([key = item.intent.key](Impl& impl) {
                                auto* waiting = impl.find(key);
                                if (waiting == nullptr || waiting->phase != Phase::kWaiting) return;
                                waiting->timer = TimerId::kNone;
                                impl.advance(key);
                              }));
}

void Outbox::Impl::pump(Kind& kind) {
  while (kind.in_flight < std::max(1, kind.handler.in_flight_max) && !kind.ready.empty()) {
    const auto key = std::move(kind.ready.front());
    kind.ready.pop_front();
    auto* item = find(key);
    // A late success may have recorded it while it stood here.
    if (item != nullptr && item->phase == Phase::kReady) start_attempt(kind, *item);
  }
}

void Outbox::Impl::start_attempt(Kind& kind, Item& item) {
  ++kind.in_flight;
  item.phase = Phase::kRunning;
  const int attempt = ++item.attempts;
  const auto limit = kind.handler.attempt_timeout;
  auto expire = [key = item.intent.key, attempt, limit](Impl& impl) {
    HF_PROBE("outbox: attempt timed out");
    impl.finished(key, attempt,
                  Error(Code::kTimeout, "no outcome within " + format_duration(limit)));
  };
  item.timer = env.executor.post_after(Lane::kControl, limit, later(std::move(expire)));
  // Copies: the handler may finish at once and let the item go while `run` still reads.
  const Intent intent = item.intent;
  kind.handler.run(intent, attempt, finisher(intent.key, attempt));
}

Outbox::Finish Outbox::Impl::finisher(const std::string& key, int attempt) {
  return [weak = weak_from_this(), key, attempt](Result<Batch> result) {
    auto self = weak.lock();
    if (!self) return;
    self->env.executor.post(
        Lane::kControl, self->later([key, attempt, result = std::move(result)](Impl& impl) mutable {
          impl.finished(key, attempt, std::move(result));
        }));
  };
}

void Outbox::Impl::finished(const std::string& key, int attempt, Result<Batch> result) {
  auto* item = find(key);
  if (item == nullptr || item->phase == Phase::kRecording) return;
  const bool current = item->phase == Phase::kRunning && item->attempts == attempt;
  if (!result && !current) return;
  if (!current) HF_PROBE("outbox: late success taken");
  cancel_timer(*item);
  if (result) {
    auto& kind = kind_of(*item);
    if (item->phase != Phase::kRunning) ++kind.in_flight;
    record(key, std::move(*result));
    return;
  }
  failed(*item, result.error());
}

void Outbox::Impl::failed(Item& item, const Error& error) {
  auto& kind = kind_of(item);
  std::optional<Batch> outcome;
  if (kind.handler.give_up) outcome = kind.handler.give_up(item.intent, item.attempts, error);
  if (outcome) {
    record(item.intent.key, std::move(*outcome));
    return;
  }
  HF_PROBE("outbox: attempt failed and waits");
  --kind.in_flight;
  wait(item, backoff(kind.handler, item.attempts));
  pump(kind);
}

void Outbox::Impl::record(const std::string& key, Batch batch) {
  auto& item = *find(key);
  item.phase = Phase::kRecording;
  if (std::find(batch.finished_intents.begin(), batch.finished_intents.end(), key) ==
      batch.finished_intents.end()) {
    batch.finished_intents.push_back(key);
  }
  auto told = [weak = weak_from_this(), key, batch](Result<Seq> result) {
    auto self = weak.lock();
    if (!self) return;
    self->recorded(key, batch, result ? Result<void>() : Result<void>(std::move(result).error()));
  };
  commit(std::move(batch), std::move(told));
}

void Outbox::Impl::recorded(const std::string& key, const Batch& batch,
                            const Result<void>& result) {
  auto* item = find(key);
  if (item == nullptr) return;
  auto& kind = kind_of(*item);
  if (!result) {
    // The act is done and must not be repeated; only its record is tried again.
    HF_PROBE("outbox: outcome refused by the journal");
    log_error("outcome of an intent could not be recorded yet",
              {{"key", key}, {"error", result.error().message()}});
    const auto delay = backoff(kind.handler, 1);
    item->timer = env.executor.post_after(
        Lane::kControl, delay, later([key, batch](Impl& impl) { impl.record(key, batch); }));
    return;
  }
  const auto lane_name = std::move(item->lane);
  items.erase(key);
  --kind.in_flight;
  if (!lane_name.empty()) {
    const auto lane = kind.lanes.find(lane_name);
    lane->second.pop_front();
    if (lane->second.empty()) {
      kind.lanes.erase(lane);
    } else {
      advance(std::string(lane->second.front()));
    }
  }
  pump(kind);
}

Duration Outbox::Impl::backoff(const Handler& handler, int attempts) {
  auto delay = std::max<Duration>(handler.backoff_min, 1ms);
  for (int i = 1; i < attempts && delay < handler.backoff_max; ++i) delay *= 2;
  delay = std::min(delay, handler.backoff_max);
  const double factor = 1 - kJitter + 2 * kJitter * env.random.unit();
  return from_seconds(to_seconds(delay) * factor);
}

void Outbox::Impl::cancel_timer(Item& item) {
  if (item.timer != TimerId::kNone) env.executor.cancel(item.timer);
  item.timer = TimerId::kNone;
}

Outbox::Outbox(Env& env, Journal& journal) : impl_(std::make_shared<Impl>(env, journal)) {}

Outbox::~Outbox() {
  for (auto& [key, item] : impl_->items) impl_->cancel_timer(item);
}

void Outbox::handle(std::string kind, Handler handler) {
  HF_CHECK(handler.run != nullptr, "an outbox handler without run()");
  impl_->kinds[std::move(kind)].handler = std::move(handler);
}

Result<void> Outbox::start() {
  for (auto& intent : HF_TRY(impl_->journal.pending_intents())) impl_->take_up(std::move(intent));
  return {};
}

void Outbox::commit(Batch batch, Journal::Done done) {
  impl_->commit(std::move(batch), std::move(done));
}

std::size_t Outbox::pending() const { return impl_->items.size(); }

}  // namespace holdfast::state
