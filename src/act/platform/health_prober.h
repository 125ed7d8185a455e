// act/platform/health_prober.h: asks an instance how it is.
//
// Errors      kTimeout "timeout after 500ms"; kUnavailable "status 503" or the connection's error.
// Threads     From the control strand; the handler runs there, at most once (not after
//             destruction).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/env.h"
#include "base/result.h"

namespace holdfast::act {

class HealthProber {
 public:
  using Handler = std::function<void(Result<void>)>;
  virtual ~HealthProber() = default;
  virtual void probe(const std::string& address, const std::string& path, Duration timeout,
                     Handler handler) = 0;
};

// GET; any status from 200 to 399 is healthy. Each probe has a connection of its own: a kept one
// would still answer when the instance takes no new ones.
class HttpHealthProber final : public HealthProber {
 public:
  explicit HttpHealthProber(Env& env);
  ~HttpHealthProber() override;
  void probe(const std::string& address, const std::string& path, Duration timeout,
             Handler handler) override;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace holdfast::act
