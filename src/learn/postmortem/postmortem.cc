#include "learn/postmortem/postmortem.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "model/json_members.h"

namespace holdfast::learn {

using model::json_members::put;
using model::json_members::take;
using nlohmann::json;

namespace {

constexpr std::size_t kTextSizeMax = 100'000;
constexpr std::size_t kActionsMax = 200;

struct Headings {
  std::string_view overview, timeline, root_cause, impact, fix, improvements, lessons, actions;
  std::string_view incident, service, severity, state, owner, due, started, ended, duration, none;
  std::string_view detected, acknowledged, category, action, author;
};
constexpr Headings kEn = {
    "Overview",       "Timeline",     "Root cause", "Impact",  "Solution", "Improvements",
    "Lessons learnt", "Action items", "Incident",   "Service", "Severity", "State",
    "Owner",          "Due",          "Start",      "End",     "Duration", "not written yet",
    "Detected",       "Acknowledged", "Kind",       "Action",  "Generated"};
constexpr Headings kZh = {"事故概述", "时间线",   "根因分析", "影响评估", "解决方案",    "改进措施",
                          "经验教训", "改进项",   "事故",     "服务",     "级别",        "状态",
                          "负责人",   "截止时间", "开始时间", "结束时间", "持续时间",    "尚未填写",
                          "发现时间", "确认时间", "类别",     "措施",     "报告生成时间"};

std::string duration_text(Duration duration, bool chinese) {
  const auto minutes = std::max<std::int64_t>(0, to_ms(duration) / 60'000);
  return chinese ? fmt::format("{} 小时 {} 分钟", minutes / 60, minutes % 60)
                 : fmt::format("{} h {} min", minutes / 60, minutes % 60);
}

std::string level_of(const model::Incident& incident) {
  const auto index = static_cast<std::size_t>(incident.rank) - 1;
  if (index < incident.level_names.size()) return incident.level_names[index];
  auto scheme = model::scheme_by_name(incident.scheme);
  return (scheme ? *scheme : model::scheme_a()).level(incident.rank).name;
}

// What tells the story: pinned lines always, and the turns of the incident; not every notice and probe.
bool tells_the_story(const model::TimelineEntry& entry) {
  if (entry.pinned) return true;
  for (const char* kind : {"notified", "instance", "task", "linked", "update_due", "handling"}) {
    if (entry.kind == kind) return false;
  }
  return true;
}

std::string overview_of(const model::Incident& incident, const Headings& words, bool chinese) {
  const auto end =
      incident.resolved_at.value_or(incident.mitigated_at.value_or(incident.opened_at));
  std::string text = fmt::format("{}\n\n", incident.title);
  const auto line = [&](std::string_view name, const std::string& value) {
    text += fmt::format("- {}: {}\n", name, value);
  };
  line(words.service, incident.service);
  line(words.severity, level_of(incident));
  line(words.started, format_time(incident.started_at));
  line(words.detected, format_time(incident.opened_at));
  if (incident.acknowledged_at) line(words.acknowledged, format_time(*incident.acknowledged_at));
  line(words.ended, format_time(end));
  line(words.duration, duration_text(end - incident.started_at, chinese));
  return text;
}

std::string fix_of(const model::Incident& incident) {
  std::string text;
  const auto& handling = incident.handling;
  if (!handling.temporary_fix.empty()) text += handling.temporary_fix + "\n";
  if (!handling.permanent_fix.empty()) text += handling.permanent_fix + "\n";
  for (const auto& act : handling.acts)
    text += fmt::format("- {} {}: {}\n", format_time(act.at), act.by, act.text);
  return text;
}

std::string impact_of(const model::Incident& incident) {
  std::string text;
  if (!incident.extent.empty()) text += incident.extent + "\n";
  if (!incident.user_impact.empty()) text += incident.user_impact + "\n";
  return text;
}

Result<void> one_of(std::string_view name, const std::string& value,
                    const std::vector<std::string>& allowed) {
  if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return {};
  return invalid("'" + std::string(name) + "' is '" + printable(value) +
                 "'; allowed: " + join(allowed, ", "));
}

Error conflict(const Postmortem& postmortem, std::string_view what) {
  return {Code::kConflict, "the postmortem of " + postmortem.incident + " is " + postmortem.state +
                               ": it cannot be " + std::string(what)};
}

std::string* text_of(Postmortem& postmortem, const std::string& name) {
  if (name == "overview") return &postmortem.overview;
  if (name == "root_cause") return &postmortem.root_cause;
  if (name == "impact") return &postmortem.impact;
  if (name == "fix") return &postmortem.fix;
  if (name == "lessons") return &postmortem.lessons;
  if (name == "owner") return &postmortem.owner;
  if (name == "title") return &postmortem.title;
  return nullptr;
}

std::string cell(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  std::string out;
  for (const char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

}  // namespace

Postmortem draft_postmortem(const model::Incident& incident, const std::string& language,
                            Duration due_within, WallTime now) {
  const bool chinese = language == "zh";
  const auto& words = chinese ? kZh : kEn;
  Postmortem postmortem;
  postmortem.incident = incident.id.value;
  postmortem.title = incident.title;
  postmortem.service = incident.service;
  postmortem.level = level_of(incident);
  postmortem.language = chinese ? "zh" : "en";
  if (const auto* commander = incident.role("commander"); commander != nullptr)
    postmortem.owner = commander->person;
  else if (incident.acknowledged_by != "holdfast")
    postmortem.owner = incident.acknowledged_by;
  postmortem.created_at = now;
  postmortem.due_at = incident.resolved_at.value_or(now) +
                      std::chrono::duration_cast<std::chrono::milliseconds>(due_within);
  postmortem.overview = overview_of(incident, words, chinese);
  postmortem.root_cause = incident.handling.root_cause;
  postmortem.impact = impact_of(incident);
  postmortem.fix = fix_of(incident);
  for (const auto& entry : incident.timeline) {
    if (tells_the_story(entry)) postmortem.timeline.push_back({entry.at, entry.text, entry.id});
  }
  for (const auto& task : incident.tasks) {
    if (task.kind != "improvement" || task.state == "dropped") continue;
    PostmortemAction action;
    action.id = "a" + std::to_string(++postmortem.actions_made);
    action.title = task.title;
    if (!task.category.empty()) action.category = task.category;
    action.owner = task.owner;
    action.due_at = task.due_at;
    action.state = task.state;
    postmortem.actions.push_back(std::move(action));
  }
  return postmortem;
}

Result<Postmortem> with_texts(Postmortem postmortem,
                              const std::map<std::string, std::string>& texts,
                              const std::string& by, WallTime now) {
  if (postmortem.state == "closed") return conflict(postmortem, "changed");
  for (const auto& [name, value] : texts) {
    auto* member = text_of(postmortem, name);
    if (member == nullptr)
      return invalid("no part '" + printable(name) +
                     "'; allowed: overview, root_cause, impact, fix, lessons, owner, title");
    if (value.size() > kTextSizeMax)
      return Error(Code::kTooLarge, "'" + name + "' has more than 100000 bytes");
    *member = value;
  }
  postmortem.changed_by = by;
  postmortem.changed_at = now;
  return postmortem;
}

Result<Postmortem> with_action(Postmortem postmortem, const ActionEdit& edit, const std::string& by,
                               WallTime now) {
  PostmortemAction fresh;
  auto found = postmortem.actions.end();
  if (edit.id.empty()) {
    // The work goes on after the paper is closed; new promises belong to a new one.
    if (postmortem.state == "closed") return conflict(postmortem, "given new actions");
    if (postmortem.actions.size() >= kActionsMax)
      return Error(Code::kExhausted, "a postmortem has at most 200 actions");
  } else {
    found = std::find_if(postmortem.actions.begin(), postmortem.actions.end(),
                         [&](const auto& action) { return action.id == edit.id; });
    if (found == postmortem.actions.end())
      return not_found("no action '" + printable(edit.id) + "'");
    fresh = *found;
  }
  if (edit.title) fresh.title = *edit.title;
  if (edit.category) fresh.category = *edit.category;
  if (edit.owner) fresh.owner = *edit.owner;
  if (edit.state) fresh.state = *edit.state;
  if (edit.ticket) fresh.ticket = *edit.ticket;
  if (edit.due_at) fresh.due_at = edit.due_at;
  if (trim(fresh.title).empty()) return invalid("'title' is missing");
  HF_TRY(one_of("category", fresh.category, {"technical", "process", "monitoring", "training"}));
  HF_TRY(one_of("state", fresh.state, {"open", "done", "dropped"}));
  if (edit.id.empty()) {
    fresh.id = "a" + std::to_string(++postmortem.actions_made);
    postmortem.actions.push_back(fresh);
  } else {
    *found = fresh;
  }
  postmortem.changed_by = by;
  postmortem.changed_at = now;
  return postmortem;
}

Result<Postmortem> in_state(Postmortem postmortem, const std::string& state, const std::string& by,
                            WallTime now) {
  HF_TRY(one_of("state", state, {"draft", "in_review", "reviewed", "closed"}));
  const auto& from = postmortem.state;
  const bool allowed = (from == "draft" && state == "in_review") ||
                       (from == "in_review" && (state == "draft" || state == "reviewed")) ||
                       (from == "reviewed" && (state == "closed" || state == "in_review"));
  if (!allowed) return conflict(postmortem, "made " + state);
  if (state == "in_review") {
    for (const char* part : {"root_cause", "impact"}) {
      if (trim(*text_of(postmortem, part)).empty())
        return invalid("a review needs '" + std::string(part) + "'");
    }
    postmortem.reviewed_at.reset();
    postmortem.reviewed_by.clear();
  }
  if (state == "reviewed") {
    postmortem.reviewed_by = by;
    postmortem.reviewed_at = now;
  }
  if (state == "closed") {
    for (const auto& action : postmortem.actions) {
      if (action.state == "open" && (action.owner.empty() || !action.due_at))
        return invalid("action " + action.id + " needs owner and due date before closing");
    }
    postmortem.closed_at = now;
  }
  postmortem.state = state;
  postmortem.changed_by = by;
  postmortem.changed_at = now;
  return postmortem;
}

std::string postmortem_markdown(const Postmortem& postmortem, WallTime now) {
  const auto& words = postmortem.language == "zh" ? kZh : kEn;
  const auto or_none = [&](const std::string& text) {
    return trim(text).empty() ? std::string(words.none) : text;
  };
  std::string out = fmt::format("# [{}] {}\n\n", postmortem.level, postmortem.title);
  out += fmt::format("- {}: {}\n- {}: {}\n- {}: {}\n- {}: {}\n- {}: {}\n\n", words.incident,
                     postmortem.incident, words.service, postmortem.service, words.owner,
                     or_none(postmortem.owner), words.state, postmortem.state, words.due,
                     format_time(postmortem.due_at));
  const auto part = [&](std::string_view heading, const std::string& text) {
    out += fmt::format("## {}\n\n{}\n\n", heading, trim(or_none(text)));
  };
  part(words.overview, postmortem.overview);
  out += fmt::format("## {}\n\n", words.timeline);
  for (const auto& line : postmortem.timeline)
    out += fmt::format("- {} {}\n", format_time(line.at), cell(line.text));
  out += "\n";
  part(words.root_cause, postmortem.root_cause);
  part(words.impact, postmortem.impact);
  part(words.fix, postmortem.fix);
  out += fmt::format("## {}\n\n", words.improvements);
  if (postmortem.actions.empty()) out += fmt::format("{}\n", words.none);
  if (!postmortem.actions.empty()) {
    out += fmt::format("| {} | {} | {} | {} | {} |\n|---|---|---|---|---|\n", words.action,
                       words.category, words.owner, words.due, words.state);
  }
  for (const auto& action : postmortem.actions) {
    out += fmt::format("| {} | {} | {} | {} | {} |\n", cell(action.title), action.category,
                       cell(action.owner), action.due_at ? format_time(*action.due_at) : "",
                       action.state);
  }
  out += "\n";
  if (!trim(postmortem.lessons).empty()) part(words.lessons, postmortem.lessons);
  out += fmt::format("---\n\n{}: {}\n", words.author, format_time(now));
  return out;
}

void to_json(json& j, const PostmortemAction& v) {
  j = json::object();
  put(j, "id", v.id);
  put(j, "title", v.title);
  put(j, "category", v.category);
  put(j, "owner", v.owner);
  put(j, "due_at", v.due_at);
  put(j, "state", v.state);
  put(j, "ticket", v.ticket);
}

void from_json(const json& j, PostmortemAction& v) {
  model::json_members::must_be_object(j);
  take(j, "id", v.id);
  take(j, "title", v.title);
  take(j, "category", v.category);
  take(j, "owner", v.owner);
  take(j, "due_at", v.due_at);
  take(j, "state", v.state);
  take(j, "ticket", v.ticket);
}

void to_json(json& j, const PostmortemLine& v) {
  j = json::object();
  put(j, "at", v.at);
  put(j, "text", v.text);
  put(j, "entry", v.entry);
}

void from_json(const json& j, PostmortemLine& v) {
  model::json_members::must_be_object(j);
  take(j, "at", v.at);
  take(j, "text", v.text);
  take(j, "entry", v.entry);
}

void to_json(json& j, const Postmortem& v) {
  j = json::object();
  put(j, "incident", v.incident);
  put(j, "title", v.title);
  put(j, "service", v.service);
  put(j, "level", v.level);
  put(j, "language", v.language);
  put(j, "state", v.state);
  put(j, "owner", v.owner);
  put(j, "created_at", v.created_at);
  put(j, "due_at", v.due_at);
  put(j, "overview", v.overview);
  put(j, "root_cause", v.root_cause);
  put(j, "impact", v.impact);
  put(j, "fix", v.fix);
  put(j, "lessons", v.lessons);
  put(j, "timeline", v.timeline);
  put(j, "actions", v.actions);
  put(j, "actions_made", v.actions_made);
  put(j, "changed_by", v.changed_by);
  put(j, "changed_at", v.changed_at);
  put(j, "reviewed_by", v.reviewed_by);
  put(j, "reviewed_at", v.reviewed_at);
  put(j, "closed_at", v.closed_at);
  put(j, "overdue_told_at", v.overdue_told_at);
}

void from_json(const json& j, Postmortem& v) {
  model::json_members::must_be_object(j);
  take(j, "incident", v.incident);
  take(j, "title", v.title);
  take(j, "service", v.service);
  take(j, "level", v.level);
  take(j, "language", v.language);
  take(j, "state", v.state);
  take(j, "owner", v.owner);
  take(j, "created_at", v.created_at);
  take(j, "due_at", v.due_at);
  take(j, "overview", v.overview);
  take(j, "root_cause", v.root_cause);
  take(j, "impact", v.impact);
  take(j, "fix", v.fix);
  take(j, "lessons", v.lessons);
  take(j, "timeline", v.timeline);
  take(j, "actions", v.actions);
  take(j, "actions_made", v.actions_made);
  take(j, "changed_by", v.changed_by);
  take(j, "changed_at", v.changed_at);
  take(j, "reviewed_by", v.reviewed_by);
  take(j, "reviewed_at", v.reviewed_at);
  take(j, "closed_at", v.closed_at);
  take(j, "overdue_told_at", v.overdue_told_at);
}

}  // namespace holdfast::learn

HF_MODEL_JSON(holdfast::learn::Postmortem);
