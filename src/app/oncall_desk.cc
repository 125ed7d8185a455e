#include "app/oncall_desk.h"

namespace holdfast::app {

using namespace respond::oncall;

OnCallDesk::OnCallDesk(Env& env, state::Journal& journal, state::Outbox& outbox,
                       net::Client& client, const OnCallConfig& config, const Surroundings& around)
    : roster(env, journal),
      escalations(env, journal, outbox, roster, make_pager(env, client, config.pager),
                  options_of(config, around)),
      env_(env),
      client_(client),
      config_(config) {
  roster.configure(config.schedules, config.people);
}

EscalationOptions OnCallDesk::options_of(const OnCallConfig& config, const Surroundings& around) {
  EscalationOptions options;
  options.policies = config.policies;
  options.language = around.language;
  options.external_url = around.external_url;
  options.page_deadline = config.page_deadline;
  options.give_up_after = config.give_up_after;
  return options;
}

Result<void> OnCallDesk::start() {
  HF_TRY(roster.start());
  return escalations.start();
}

void OnCallDesk::configure(const OnCallConfig& config, const Surroundings& around) {
  config_ = config;
  roster.configure(config.schedules, config.people);
  escalations.configure(options_of(config, around), make_pager(env_, client_, config.pager));
}

std::vector<ReachFinding> OnCallDesk::reachability() const {
  return check_reachability(
      {roster.schedules(), roster.changes(), config_.policies, roster.people(),
       [this](const model::ContactMethod& method) { return missing_for(method, config_.pager); },
       [this](const std::string& person, const model::ContactMethod& method) {
         return escalations.proven_at(person, method);
       },
       env_.clock.now()});
}

}  // namespace holdfast::app
