// tests/collect/sim_target.h: a simulated machine with a scraper's Env and a web server to ask.
#pragma once

#include <memory>
#include <string>

#include "base/sim.h"
#include "net/http.h"

namespace holdfast::collect {

struct SimWorld {
  SimClock clock;
  SimExecutor executor{clock};
  SeededRandom random{7};
  SimFileSystem files{random};
  SimNetwork network{executor, random};
  Env env{clock, random, files, network.host("holdfast"), executor};
  Env target_env{clock, random, files, network.host("target"), executor};
};

// Answers GET on any path with what its members say.
class SimTarget {
 public:
  explicit SimTarget(SimWorld& world) {
    router_.add("GET", "/{path...}", [this](const net::Request& request, net::ResponderPtr responder) {
      ++requests;
      last_accept = request.headers.get("Accept");
      if (silent) {
        held_.push_back(std::move(responder));
        return;
      }
      auto response = net::Response::text(status, body);
      response.headers.set("Content-Type", content_type);
      responder->send(std::move(response));
    });
    server_ = std::make_unique<net::Server>(world.target_env, router_);
    auto at = server_->listen({"target", 9100, ""});
    HF_CHECK(at.has_value(), at ? "" : at.error().message());
  }

  std::string address = "target:9100";
  int status = 200;
  std::string body;
  std::string content_type = "text/plain; version=0.0.4";
  bool silent = false;
  int requests = 0;
  std::string last_accept;

 private:
  net::Router router_;
  std::vector<net::ResponderPtr> held_;
  std::unique_ptr<net::Server> server_;
};

}  // namespace holdfast::collect
