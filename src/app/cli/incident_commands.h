// app/cli/incident_commands.h: what `holdfast incident|postmortem|kpi|review|contacts|words` do, beside list, show and ack.
//
// Purpose     Each is one call of the API; main's parser (incident_cli.h) turns words into these.
// Threads     One.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "app/cli/remote.h"

namespace holdfast::app {

// POST below /api/holdfast/v1; prints the incident, the postmortem, the draft or the text of the answer in a line.
int run_incident_post(Remote& remote, const std::string& path, const nlohmann::json& body, bool as_json);
int run_incident_timeline(Remote& remote, const std::string& id, bool pinned_only, bool as_json);
int run_postmortem_list(Remote& remote, bool as_json);
// format: json, markdown, pdf. Into `file` when it is named, else to standard output.
int run_report(Remote& remote, const std::string& path, const std::string& format, const std::string& file);
int run_kpi(Remote& remote, const std::string& query, const std::string& format, bool as_json);
int run_contacts(Remote& remote, bool as_json);
int run_words_list(Remote& remote, bool drafts, const std::string& incident, bool as_json);

}  // namespace holdfast::app
