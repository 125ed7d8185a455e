// respond/incident/handling.h: what people do with an incident beside its life: confirm, hand over, note, link, close.
//
// Purpose     Each function changes the incident it is given and writes the timeline, as the steps of step.h do.
// Provenance  A corrected line keeps what it said, who corrected it, when and why. Moving the start of the impact is a
//             correction of its line.
// Closing     Asks for what confirming and recovery need (M13-25, M13-28), naming all that is missing, and leaves the
//             three tasks of the summary behind (M13-29).
// Errors      kInvalid names what is wrong and what is allowed; kConflict when the life does not allow it; kNotFound for a
//             line, task or role that is not there.
// Threads     Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "respond/incident/step.h"

namespace holdfast::respond {

struct Who {
  std::string by;
  WallTime now{};
};

// Fields by name: title, extent, user_impact, ticket, source, root_cause, temporary_fix, permanent_fix,
// expected_recovery_at (RFC 3339; empty takes it back).
using Fields = std::map<std::string, std::string>;
Result<Notices> set_fields(model::Incident& incident, const Fields& fields, const Who& who);
// Extent, severity and ticket are there: what is given here is set first. An empty ticket is the incident's own id.
Result<Notices> confirm(model::Incident& incident, const Fields& fields, const Who& who);

Result<Notices> assign_role(model::Incident& incident, const std::string& role, const std::string& person,
                            const std::string& backup, const Who& who);
// From who holds it to another, with a word on how things stand.
Result<Notices> hand_over(model::Incident& incident, const std::string& role, const std::string& person,
                          const std::string& note, const Who& who);

struct TaskEdit {
  std::string id;  // empty: a new one
  std::optional<std::string> kind, title, category, owner, state, note;
  std::optional<WallTime> due_at;
};
Result<Notices> set_task(model::Incident& incident, const TaskEdit& edit, const Who& who);

Result<Notices> add_act(model::Incident& incident, const std::string& axis, const std::string& text, const Who& who);
Result<Notices> add_check(model::Incident& incident, const std::string& name, const std::string& note, const Who& who);
// What people outside are told next; starts the waiting for the one after. Notice: status_update.
Result<Notices> add_status_update(model::Incident& incident, const std::string& text,
                                  std::optional<WallTime> next_at, const Who& who);
Result<Notices> add_chat(model::Incident& incident, const std::string& text, std::optional<WallTime> at,
                         const std::string& where, const Who& who);

Result<Notices> move_impact_start(model::Incident& incident, WallTime at, const std::string& why, const Who& who);
Result<Notices> correct_entry(model::Incident& incident, const std::string& entry, std::optional<WallTime> at,
                              std::optional<std::string> text, const std::string& why, const Who& who);
Result<Notices> pin_entry(model::Incident& incident, const std::string& entry, bool pinned, const Who& who);

Result<Notices> link(model::Incident& incident, const std::string& kind, const std::string& other, const Who& who);
// `from` becomes a part of `into`: its causes, groups and timeline go over, and it ends.
Result<Notices> merge(model::Incident& into, model::Incident& from, const Who& who);
// The causes named leave `from` for a new incident, which has the same service and severity.
Result<model::Incident> split(model::Incident& from, const std::vector<std::string>& fingerprints,
                              model::IncidentId id, const std::string& title, const Who& who);

Result<Notices> close(model::Incident& incident, const Who& who);

}  // namespace holdfast::respond
