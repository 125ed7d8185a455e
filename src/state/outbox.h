// state/outbox.h: carries out intents: each until it is done, with backoff, over crashes.
//
// Purpose     Rooms commit an Intent with the decision that caused it. After the commit is durable the
//             outbox hands it to the handler registered for its kind. The handler calls `finish` with the
//             batch that records the outcome; the outbox adds "this intent is finished" to that same batch,
//             so outcome and completion are one transaction. An error instead asks for another attempt.
// Order       Handlers of one kind may have several intents in hand at once, up to their limit; intents
//             with equal `lane` (Handler::lane_of) run one after another in commit order.
// Retries     After the n-th error the intent waits min(backoff_max, backoff_min * 2^(n-1)) with +-20 %
//             jitter, until `give_up` says so with the batch that records the failure. Attempts are counted
//             in memory: a restart begins again, which only means one more try. An intent that waits keeps
//             its place in its lane and gives back its slot. If the journal refuses the outcome (full disk),
//             only recording it is tried again, never the act.
// Crash       Between the act and the commit of its outcome a crash repeats the act under the same key;
//             receivers deduplicate by it.
// Threads     Control strand only. Handlers start their work elsewhere and post `finish` back to it;
//             `finish` may be called from any thread and at most once. A success that comes after its
//             attempt timed out still counts, until another outcome is recorded.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "state/journal.h"

namespace holdfast::state {

class Outbox {
 public:
  using Finish = std::function<void(Result<Batch>)>;

  struct Handler {
    std::function<void(const Intent&, int attempt, Finish)> run;  // attempt counts from 1
    // After a failed attempt: a batch ends the intent (its outcome is recorded), empty tries again.
    std::function<std::optional<Batch>(const Intent&, int attempts, const Error&)> give_up;
    std::function<std::string(const Intent&)> lane_of;  // empty function: no ordering
    int in_flight_max = 16;
    Duration backoff_min = 1s;
    Duration backoff_max = 5min;
    Duration attempt_timeout = 30s;  // then the attempt counts as failed with kTimeout
  };

  Outbox(Env& env, Journal& journal);
  ~Outbox();  // in-flight acts are left to themselves; their intents stay pending

  void handle(std::string kind, Handler handler);
  // Loads the pending intents and begins. Call once, after all handlers are registered. An intent of an
  // unknown kind stays pending and is reported in the log.
  Result<void> start();
  // Every commit with intents goes through here: journals the batch, then takes its intents up.
  void commit(Batch batch, Journal::Done done = {});
  std::size_t pending() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace holdfast::state
