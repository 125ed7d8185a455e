// learn/postmortem/postmortem.h: what was learnt from an incident: drafted from its timeline, reviewed by people.
//
// Purpose     The draft has the six parts of the mission: overview, timeline, root cause, impact, fix, improvements. People
//             change the words, name actions with owners and due dates, and take it through its states.
// States      draft -> in_review -> reviewed -> closed; a review may send it back to draft. Reviewing needs a root cause and
//             an impact; closing needs every action to have owner and due date.
// Due         `due_within` (48 h) after the incident ended, until it is reviewed; then it is overdue, which is told once.
// Errors      kInvalid names the member; kConflict names the present state; kNotFound for an action.
// Threads     Pure.
// Source      Mission M13-51, M13-52, M13-54; reference 2.18 (states).
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/incident.h"

namespace holdfast::learn {

struct PostmortemAction {
  std::string id{};  // "a1"
  std::string title{};
  std::string category = "technical";  // technical, process, monitoring, training
  std::string owner{};
  std::optional<WallTime> due_at{};
  std::string state = "open";  // open, done, dropped
  std::string ticket{};
};

struct PostmortemLine {
  WallTime at{};
  std::string text{};
  std::string entry{};  // of the incident's timeline
};

struct Postmortem {
  std::string incident;  // its id, too
  std::string title;
  std::string service;
  std::string level;     // "P1"
  std::string language = "en";
  std::string state = "draft";
  std::string owner;
  WallTime created_at{};
  WallTime due_at{};
  std::string overview, root_cause, impact, fix, lessons;  // Markdown
  std::vector<PostmortemLine> timeline;
  std::vector<PostmortemAction> actions;
  std::int64_t actions_made = 0;
  std::string changed_by;
  std::optional<WallTime> changed_at;
  std::string reviewed_by;
  std::optional<WallTime> reviewed_at;
  std::optional<WallTime> closed_at;
  std::optional<WallTime> overdue_told_at;

  bool overdue(WallTime now) const { return !reviewed_at && now > due_at; }
};

Postmortem draft_postmortem(const model::Incident& incident, const std::string& language, Duration due_within,
                            WallTime now);

// Members by name: overview, root_cause, impact, fix, lessons, owner, title.
Result<Postmortem> with_texts(Postmortem postmortem, const std::map<std::string, std::string>& texts,
                              const std::string& by, WallTime now);
struct ActionEdit {
  std::string id;  // empty: a new one
  std::optional<std::string> title, category, owner, state, ticket;
  std::optional<WallTime> due_at;
};
Result<Postmortem> with_action(Postmortem postmortem, const ActionEdit& edit, const std::string& by, WallTime now);
Result<Postmortem> in_state(Postmortem postmortem, const std::string& state, const std::string& by, WallTime now);

// The report, in the postmortem's language.
std::string postmortem_markdown(const Postmortem& postmortem, WallTime now);

void to_json(nlohmann::json& j, const PostmortemAction& v);
void from_json(const nlohmann::json& j, PostmortemAction& v);
void to_json(nlohmann::json& j, const PostmortemLine& v);
void from_json(const nlohmann::json& j, PostmortemLine& v);
void to_json(nlohmann::json& j, const Postmortem& v);
void from_json(const nlohmann::json& j, Postmortem& v);

}  // namespace holdfast::learn
