// act/traffic/haproxy_exchange.h: one command line and its answer over HAProxy's runtime socket.
//
// Purpose     Connects, sends the line, reads until HAProxy closes (it does after one line).
// Errors      Each begins "haproxy unix:/path:". Too slow is kTimeout, too long an answer
//             kTooLarge.
// Threads     From the control strand; the handler runs there, always later and exactly once.
#pragma once

#include <functional>
#include <string>

#include "base/env.h"
#include "base/result.h"

namespace holdfast::act {

struct HaproxyExchangeLimits {
  Duration timeout = 2s;
  std::size_t answer_size_max = 4 * 1024 * 1024;
};

using HaproxyAnswered = std::function<void(Result<std::string>)>;

void haproxy_exchange(Env& env, const std::string& socket, std::string command,
                      HaproxyExchangeLimits limits, HaproxyAnswered answered);

}  // namespace holdfast::act
