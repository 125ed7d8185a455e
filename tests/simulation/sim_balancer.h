// tests/simulation/sim_balancer.h: HAProxy as Holdfast meets it: a runtime socket, server slots, traffic.
//
// Purpose     Speaks the commands that act/traffic/haproxy sends, on a unix socket of the simulated machine.
//             Holds 8 stable and 8 canary slots. World sends the users' requests by its weights.
// Faults      stop(): connections are refused; start() again has forgotten everything, as HAProxy does.
//             hang(): connections are taken and never answered: what a partition looks like from here.
// Source      HAProxy Management Guide, section 9.3.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "base/env.h"
#include "base/transport.h"

namespace holdfast::simulation {

class SimBalancer {
 public:
  struct Slot {
    std::string host = "127.0.0.1";
    int port = 9;
    int weight = 1;
    bool maint = true;
    bool drain = false;
    std::int64_t requests = 0;
    std::int64_t errors = 0;
  };
  // Whether a server behind this port answers its checks.
  using Answers = std::function<bool(int port)>;

  SimBalancer(Env env, std::string socket, std::string backend, Answers answers);
  ~SimBalancer();

  void start();
  void stop();
  void hang(bool hangs) { hangs_ = hangs; }
  bool runs() const { return listener_ != nullptr; }
  bool hangs() const { return hangs_; }

  std::map<std::string, Slot>& slots() { return slots_; }
  const std::map<std::string, Slot>& slots() const { return slots_; }
  bool serves(const Slot& slot) const;
  double canary_percent() const;  // of the weights of slots that serve

 private:
  struct Session;
  void accept(std::unique_ptr<Connection> connection);
  void read(const std::shared_ptr<Session>& session);
  void end(const std::shared_ptr<Session>& session);
  std::string answer(std::string_view line);
  std::string answer_one(std::string_view command);
  std::string set_server(std::string_view slot, std::string_view words);
  std::string show_state() const;
  std::string show_stat() const;

  Env env_;
  const std::string socket_;
  const std::string backend_;
  Answers answers_;
  std::map<std::string, Slot> slots_;
  std::unique_ptr<Listener> listener_;
  std::set<std::shared_ptr<Session>> sessions_;
  bool hangs_ = false;
};

}  // namespace holdfast::simulation
