// detect/rules/publisher.h: brings changes of alerts into the journal, one batch after another.
//
// Order       One commit at a time: what comes meanwhile gathers and goes out together. A refused commit (full disk) is
//             kept and tried again every second, before anything newer, so no change is lost and none overtakes.
// Threads     Control strand only.
#pragma once

#include <memory>

#include "base/env.h"
#include "state/journal.h"

namespace holdfast::detect {

class Publisher : public std::enable_shared_from_this<Publisher> {
 public:
  Publisher(Env& env, state::Journal& journal) : env_(env), journal_(journal) {}

  void add(state::Batch batch);
  void close();  // nothing is committed any more; what is on its way may still arrive

 private:
  void send();
  void answered(const Result<state::Seq>& result);

  Env& env_;
  state::Journal& journal_;
  state::Batch waiting_;
  state::Batch in_flight_;
  bool sending_ = false;
  bool closed_ = false;
  TimerId retry_ = TimerId::kNone;
};

}  // namespace holdfast::detect
