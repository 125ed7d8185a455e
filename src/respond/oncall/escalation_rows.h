// respond/oncall/escalation_rows.h: escalations as they stand in the journal.
//
// Kinds       escalation (by incident), page (by page id), escalation_cursor (round robin), contact_proof
//             (person/method), escalation_past (by incident: an ended escalation with all its pages).
// Errors      What is not readable is named with its kind and id.
// Threads     Control strand only.
#pragma once

#include <map>
#include <string>

#include "respond/oncall/escalations.h"

namespace holdfast::respond::oncall {

inline constexpr std::string_view kEscalationKind = "escalation";
inline constexpr std::string_view kPastKind = "escalation_past";
inline constexpr std::string_view kCursorKind = "escalation_cursor";

struct ContactProof {
  std::string target;
  WallTime at{};
};

// The incidents in them hold only their ids; catching up fills them.
Result<std::map<std::string, Case>> load_cases(state::Journal& journal);
Result<std::map<std::string, std::int64_t>> load_cursors(state::Journal& journal);
Result<std::map<std::string, ContactProof>> load_proofs(state::Journal& journal);

EscalationView view_of(const Case& c);
std::string past_body(const Case& c);
std::optional<EscalationView> load_past(state::Journal& journal, const std::string& incident);

}  // namespace holdfast::respond::oncall
