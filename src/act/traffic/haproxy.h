// act/traffic/haproxy.h: HAProxy as a TrafficRouter, through its runtime socket.
//
// Purpose     Fills the server slots of one backend (`server-template stable 1-8 ...`): address,
//             weight and state of each. The configuration file stays as it is, and no reload is
//             needed.
// Apply       look ──▶ difference ──▶ commands, in batches ──▶ look again ──▶ compare
//             Servers that come in are set before those that go out, so that capacity never dips.
//             Only differences are sent: a repeat of the same apply() sends none.
// Limits      A command line must fit HAProxy's buffer of 16 KiB: batches hold kBatchSizeMax bytes.
//             Answers hold at most kAnswerSizeMax bytes; each exchange takes at most the timeout.
// Errors      kUnavailable "haproxy unix:/path: ..." when it cannot be reached. After a refused
//             command: kConflict with HAProxy's own words. A slot that the backend does not have is
//             kNotFound.
// Threads     Control strand; handlers run there. Callers let one apply() end before the next.
// Source      HAProxy Management Guide, section 9.3.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "act/traffic/haproxy_csv.h"
#include "act/traffic/router.h"
#include "base/env.h"

namespace holdfast::act {

struct HaproxyOptions {
  std::string socket;  // path of the runtime socket
  std::string backend;
  Duration timeout = 2s;  // of one exchange
};

class HaproxyRouter final : public TrafficRouter {
 public:
  static constexpr std::size_t kBatchSizeMax = 8 * 1024;
  static constexpr std::size_t kAnswerSizeMax = 4 * 1024 * 1024;

  HaproxyRouter(Env& env, HaproxyOptions options);
  ~HaproxyRouter() override;  // pending handlers are dropped

  void apply(std::vector<WantedServer> servers, Applied applied) override;
  void observe(Observed observed) override;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

namespace haproxy_detail {

// What must be sent so that `now` becomes `wanted`; empty when it is so. For tests as well.
Result<std::vector<std::string>> commands_for(const std::string& backend,
                                              const std::vector<HaproxyServerState>& now,
                                              const std::vector<WantedServer>& wanted);
// Joined with ';' into lines of at most `size_max` bytes.
std::vector<std::string> batches_of(const std::vector<std::string>& commands, std::size_t size_max);
// The complaints in an answer to a batch; empty when HAProxy had none.
std::string complaints_in(std::string_view answer);
Result<std::vector<ServerView>> views_of(const std::string& backend, std::string_view answer);

}  // namespace haproxy_detail

}  // namespace holdfast::act
