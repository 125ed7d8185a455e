// Any bytes as the body of each call that changes something: an answer of JSON comes back, and never a 5xx.
// The first byte picks the call. Nothing here reaches a disk or a process: the control plane is the simulated one.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

#include "app/api/access_api.h"
#include "app/api/auth.h"
#include "app/api/holdfast_api.h"
#include "app/control_plane.h"
#include "base/sim.h"
#include "base/text.h"

namespace {

using namespace holdfast;

class NoProcesses final : public act::Processes {
 public:
  Result<act::ProcessRef> spawn(const act::ProcessSpec&, OnExit) override {
    return not_found("no processes here");
  }
  Result<void> adopt(const act::ProcessRef&, OnExit) override { return not_found("gone"); }
  Result<void> signal(const act::ProcessRef&, int) override { return not_found("gone"); }
  std::vector<act::ProcessRef> find(const std::string&) override { return {}; }
  void forget(const act::ProcessRef&) override {}
};

class Answer final : public net::Responder {
 public:
  void send(net::Response response) override { got = std::move(response); }
  std::shared_ptr<net::EventStream> start_events() override { return nullptr; }
  std::stop_token stop() const override { return {}; }
  std::optional<net::Response> got;
};

struct Host {
  Host() {
    app::Config config;
    model::Service shop;
    shop.name = "shop";
    shop.platform.kind = "process";
    shop.platform.versions = {{"1", {"shop"}, {}, 0, 0}};
    shop.platform.stable = "1";
    shop.platform.replicas = 0;
    config.services = {shop};
    auto opened = app::ControlPlane::open(env, config, {"/data"}, processes);
    if (!opened) std::abort();
    plane = std::move(*opened);
    auto guard = app::Auth::open(env, "/data", true);
    if (!guard) std::abort();
    auth = std::move(*guard);
    if (!auth->start(*plane->journal)) std::abort();
    auth->add_routes(router);
    app::add_access_routes(router, env, *auth);
    app::add_holdfast_routes(router, *plane, {[] { return std::vector<Finding>{}; }});
  }
  ~Host() {
    auth->stop();
    plane.reset();
    executor.clear();
  }
  void call(const char* path, std::string body) {
    net::Request request;
    request.method = "POST";
    request.path = request.target = std::string("/api/holdfast/v1") + path;
    request.body = std::move(body);
    net::Response refusal;
    const auto* route = router.match(request, refusal);
    if (route == nullptr) std::abort();
    auto answer = std::make_shared<Answer>();
    route->handler(request, answer);
    executor.run_until([&] { return answer->got.has_value(); }, 10s);
    if (!answer->got || answer->got->status >= 500 || !is_valid_utf8(answer->got->body))
      std::abort();
  }

  SeededRandom random{1};
  SimClock clock;
  SimExecutor executor{clock};
  SimFileSystem files{random, &clock};
  SimNetwork network{executor, random};
  Env env{clock, random, files, network.host("here"), executor};
  NoProcesses processes;
  std::unique_ptr<app::ControlPlane> plane;
  std::unique_ptr<app::Auth> auth;
  net::Router router;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr const char* kPaths[] = {"/session",
                                    "/services/shop/restart",
                                    "/services/shop/scale",
                                    "/services/shop/canary",
                                    "/services/shop/traffic",
                                    "/incidents/INC-1/ack",
                                    "/incidents/INC-1/resolve",
                                    "/incidents/INC-1/note",
                                    "/incidents/INC-1/severity",
                                    "/drills",
                                    "/automation"};
  if (size == 0) return 0;
  static Host host;  // opened once: thousands of bodies a second go through it
  host.call(kPaths[data[0] % std::size(kPaths)],
            std::string(reinterpret_cast<const char*>(data + 1), size - 1));
  return 0;
}
