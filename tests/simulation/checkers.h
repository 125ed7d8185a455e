// tests/simulation/checkers.h: what must hold in every history, whatever was broken.
//
// Purpose     Watches the journal's news, the pages people see and the processes that run, and names each promise
//             that was broken:
//   durable     an entry that was told to anyone is in the journal after every crash, at its place and unchanged
//   gapless     the journal's sequence numbers count 1, 2, 3, ...
//   pages       one opened and one resolved page an incident, one escalated page an escalation; no page for
//               an incident that the journal does not know
//   remedies    one act for each fault and attempt; an ended act does not begin again
//   incidents   a service has one active incident at a time; a resolved one stays so
//   processes   an instance is never two processes
// Happenings  The same news as one list with moments, for expectations (world.h).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "model/incident.h"
#include "model/operations.h"
#include "simulation/sim_pager.h"
#include "state/journal.h"

namespace holdfast::simulation {

// Something a story may wait for.
struct Happening {
  Duration at{};     // since the story's beginning
  std::string kind;  // page, incident, remedy, fault, instance, alert, drill
  std::string what;  // page: the event; others: the new state; incident also "opened", once
  std::string
      subject;  // page: the incident; incident, alert: the service; remedy: its name; else the id
};

class Checkers {
 public:
  using Now = std::function<Duration()>;
  explicit Checkers(Now now) : now_(std::move(now)) {}

  // News as the journal tells it, each at least once.
  void told(const state::Entry& entry);
  void shown(const Page& page);
  void fail(std::string what);
  // After a start, and at the end: the whole journal against all that was told. Tells what was missed.
  void read_back(state::Journal& journal);

  const std::vector<std::string>& violations() const { return violations_; }
  const std::vector<Happening>& happenings() const { return happenings_; }
  // The history as one number: equal for equal histories.
  std::uint64_t digest() const { return digest_; }
  std::int64_t last_seq() const { return static_cast<std::int64_t>(hashes_.size()); }
  // Ids that are active, by service.
  const std::map<std::string, std::set<std::string>>& active_incidents() const { return active_; }
  std::set<std::string> acts_under_way() const;

 private:
  void note(std::string kind, std::string what, std::string subject);
  void check_incident(const model::Incident& incident);
  void check_remedy(const model::Remedy& remedy);

  Now now_;
  std::vector<std::uint64_t> hashes_;  // of entries 1, 2, 3, ...
  std::uint64_t digest_ = 1469598103934665603ull;
  std::vector<std::string> violations_;
  std::vector<Happening> happenings_;
  std::map<std::string, std::set<std::string>> active_;
  std::map<std::string, model::IncidentState> incidents_;  // by id
  std::map<std::string, model::Remedy> remedies_;          // by id
  std::map<std::string, std::set<std::string>> acts_;      // by fault and attempt: ids of acts
  std::map<std::string, std::set<std::string>> pages_;     // by incident and event: keys
  std::map<std::string, int> escalations_;                 // by service
  std::map<std::string, int> escalated_pages_;
};

}  // namespace holdfast::simulation
