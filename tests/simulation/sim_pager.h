// tests/simulation/sim_pager.h: whoever is paged: a web server on a machine of its own that shows pages to people.
//
// Purpose     POST /page with an Idempotency-Key. A key that was shown already is accepted and shown no more,
//             which is what real pagers do, and what "shown at most once" rests on.
// Faults      fail(status): answers that, shows nothing. lose_answers(share): shows the page, and the answer
//             never comes. Partitions are the network's.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/env.h"
#include "net/http.h"

namespace holdfast::simulation {

struct Page {
  MonoTime at{};
  std::string key;
  std::string event;     // opened, mitigated, resolved, escalated, ...
  std::string incident;  // id
  std::string service;
};

class SimPager {
 public:
  explicit SimPager(Env env);

  void fail(int status) { status_ = status; }
  void work() { status_ = 200; }
  void lose_answers(double share) { lose_answers_ = share; }

  const std::vector<Page>& shown() const { return shown_; }
  std::function<void(const Page&)> on_shown;
  int asked() const { return asked_; }
  int repeats() const { return repeats_; }

 private:
  void take(const net::Request& request, const net::ResponderPtr& responder);

  Env env_;
  net::Router routes_;
  int status_ = 200;
  int asked_ = 0, repeats_ = 0;
  static constexpr int kLostInARowMax = 4;
  double lose_answers_ = 0;
  int lost_in_a_row_ = 0;
  std::map<std::string, int> keys_;
  std::vector<Page> shown_;
  std::vector<net::ResponderPtr> never_answered_;
  std::unique_ptr<net::Server> server_;
};

}  // namespace holdfast::simulation
