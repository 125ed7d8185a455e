// app/oncall_desk.h: the parts of on-call that are wired together: roster, pager, escalations.
//
// Purpose     One member of the control plane instead of three, made and configured in one place.
// Threads     Control strand.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/config_oncall.h"
#include "base/env.h"
#include "net/http.h"
#include "respond/oncall/escalations.h"
#include "respond/oncall/reachability.h"
#include "respond/oncall/roster.h"
#include "state/journal.h"
#include "state/outbox.h"

namespace holdfast::app {

class OnCallDesk {
 public:
  // `config` stands in for what is not of on-call: the language of people who name none, the links' beginning.
  struct Surroundings {
    std::string language = "en";
    std::string external_url;
  };

  OnCallDesk(Env& env, state::Journal& journal, state::Outbox& outbox, net::Client& client,
             const OnCallConfig& config, const Surroundings& around);

  // Before the outbox starts.
  Result<void> start();
  void configure(const OnCallConfig& config, const Surroundings& around);
  std::vector<respond::oncall::ReachFinding> reachability() const;
  const OnCallConfig& config() const { return config_; }

  respond::oncall::Roster roster;
  respond::oncall::Escalations escalations;

 private:
  static respond::oncall::EscalationOptions options_of(const OnCallConfig& config,
                                                       const Surroundings& around);

  Env& env_;
  net::Client& client_;
  OnCallConfig config_;
};

}  // namespace holdfast::app
