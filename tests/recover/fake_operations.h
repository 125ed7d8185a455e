// Operations whose acts the test ends by hand, over instances the test moves. It stands for the
// world: it lives on when Holdfast crashes, and answers known keys from its own record as the
// conductor does.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "act/operations.h"
#include "state/journal.h"

namespace holdfast::act {

class FakeOperations : public Operations {
 public:
  struct Asked {
    std::string key;
    std::string kind;  // restart, scale, start_canary, stop_canary, set_canary_percent
    std::string service;
    std::string target;  // or the version
    int replicas = 0;
    double percent = 0;
  };

  // Where changes of instances are told; null while nobody runs.
  void attach(state::Journal* journal) { journal_ = journal; }

  void set(const std::string& id, model::InstanceState state, std::string detail = "") {
    auto& i = instances_[id];
    i.id = id;
    i.service = id.substr(0, id.find('/'));
    i.version = id.substr(id.find('/') + 1, id.rfind('/') - id.find('/') - 1);
    i.index = std::stoi(id.substr(id.rfind('/') + 1));
    i.state = state;
    i.detail = std::move(detail);
    i.pid = state == model::InstanceState::kExited || state == model::InstanceState::kFailed
                ? 0
                : 100 + i.index;
    i.admin_address = admin_port ? admin_port(i) : "";
    if (journal_ == nullptr) return;
    state::Batch batch;
    batch.entry(model::kInstanceChanged, id, dump_json(i));
    journal_->commit(std::move(batch));
  }
  void remove(const std::string& id) { instances_.erase(id); }
  std::function<std::string(const model::Instance&)> admin_port;

  void want(const std::string& version, const std::string& group, int replicas) {
    std::erase_if(wanted_, [&](const auto& w) { return w.group == group; });
    if (replicas > 0) wanted_.push_back({version, group, replicas});
  }

  // Ends what was asked under this key, for everybody who asked.
  void end(const std::string& key, bool ok = true, std::string error = "") {
    Report report{ok, std::move(error), {{"done", ok, "", {}}}};
    ended_[key] = report;
    auto waiting = std::exchange(waiting_[key], {});
    for (const auto& done : waiting) done(report);
  }
  // What a crash of Holdfast does to callbacks; the acts themselves go on.
  void forget_callers() { waiting_.clear(); }

  // Each key once, in the order first asked.
  std::vector<std::string> keys() const {
    std::vector<std::string> out;
    for (const auto& asked : asked_) {
      if (std::ranges::find(out, asked.key) == out.end()) out.push_back(asked.key);
    }
    return out;
  }
  const std::vector<Asked>& asked() const { return asked_; }
  bool has_ended(const std::string& key) const { return ended_.contains(key); }
  // What the world does when it is asked; it may end the act.
  std::function<void(const Asked&)> on_ask;

  std::vector<model::Instance> instances(const std::string& service) const override {
    std::vector<model::Instance> out;
    for (const auto& [id, instance] : instances_) {
      if (instance.service == service) out.push_back(instance);
    }
    return out;
  }
  std::vector<WantedVersion> wanted(const std::string&) const override { return wanted_; }
  TrafficView traffic(const std::string&) const override { return {}; }

  void restart(const std::string& key, const std::string& service, const std::string& target,
               Done done) override {
    ask({key, "restart", service, target}, std::move(done));
  }
  void scale(const std::string& key, const std::string& service, const std::string& version,
             int replicas, Done done) override {
    ask({key, "scale", service, version, replicas}, std::move(done));
  }
  void start_canary(const std::string& key, const std::string& service, const std::string& version,
                    int replicas, double percent, Done done) override {
    ask({key, "start_canary", service, version, replicas, percent}, std::move(done));
  }
  void stop_canary(const std::string& key, const std::string& service, Done done) override {
    ask({key, "stop_canary", service, ""}, std::move(done));
  }
  void set_canary_percent(const std::string& key, const std::string& service, double percent,
                          Done done) override {
    ask({key, "set_canary_percent", service, "", 0, percent}, std::move(done));
  }

 private:
  void ask(Asked asked, Done done) {
    asked_.push_back(asked);
    if (const auto known = ended_.find(asked.key); known != ended_.end())
      return done(known->second);
    waiting_[asked.key].push_back(std::move(done));
    if (on_ask) on_ask(asked);
  }

  state::Journal* journal_ = nullptr;
  std::map<std::string, model::Instance> instances_;
  std::vector<WantedVersion> wanted_;
  std::vector<Asked> asked_;
  std::map<std::string, Report> ended_;
  std::map<std::string, std::vector<Done>> waiting_;
};

}  // namespace holdfast::act
