#include "respond/words/fields.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/zones.h"
#include "respond/incident/timeline.h"

namespace holdfast::respond::words {
namespace {

constexpr std::size_t kProgressLinesMax = 10;

struct Unknowns {
  std::string_view not_yet, nobody, open, resolved, nothing;
};
// The state has the mission's two words (M13-31).
constexpr Unknowns kZh = {"待定", "暂无", "处理中", "已解决", "暂无"};
constexpr Unknowns kEn = {"not known yet", "nobody yet", "in progress", "resolved", "nothing yet"};

std::string or_else(const std::string& text, std::string_view otherwise) {
  return text.empty() ? std::string(otherwise) : text;
}

std::string owner_of(const model::Incident& incident) {
  if (const auto* commander = incident.role("commander"); commander != nullptr)
    return commander->person;
  return incident.acknowledged_by;
}

std::string contact_of(const std::string& person, const Contacts& contacts) {
  const auto* known = contacts.find(person);
  if (known == nullptr) return contacts.hotline;
  if (known->phone.empty()) return known->email;
  return known->email.empty() ? known->phone : known->phone + " / " + known->email;
}

std::string lines(const std::vector<std::string>& items, std::string_view none) {
  if (items.empty()) return std::string(none);
  std::string text;
  for (const auto& item : items) text += (text.empty() ? "- " : "\n- ") + item;
  return text;
}

std::string description_of(const model::Incident& incident) {
  std::vector<std::string> items{incident.title};
  for (const auto& entry : incident.timeline) {
    if (entry.kind != "alert_fired" || entry.text == incident.title) continue;
    if (std::find(items.begin(), items.end(), entry.text) == items.end())
      items.push_back(entry.text);
  }
  if (items.size() == 1) return items[0];
  return lines(items, "");
}

bool is_progress(const std::string& kind) {
  return kind.starts_with("remedy_") || kind == "act" || kind == "status_update" ||
         kind == "mitigated" || kind == "acknowledged" || kind == "escalated";
}

std::string progress_of(const model::Incident& incident, const std::string& zone,
                        std::string_view none) {
  std::vector<std::string> items;
  for (const auto& entry : incident.timeline) {
    if (is_progress(entry.kind))
      items.push_back(local_time(entry.at, zone).substr(11) + " " + entry.text);
  }
  if (items.size() > kProgressLinesMax)
    items.erase(items.begin(), items.end() - static_cast<std::ptrdiff_t>(kProgressLinesMax));
  return lines(items, none);
}

std::string solution_of(const model::Incident& incident, std::string_view none) {
  const auto& handling = incident.handling;
  if (!handling.permanent_fix.empty()) return handling.permanent_fix;
  if (!handling.temporary_fix.empty()) return handling.temporary_fix;
  std::vector<std::string> items;
  for (const auto& act : handling.acts) items.push_back(act.text);
  return lines(items, none);
}

std::string improvements_of(const model::Incident& incident, std::string_view none) {
  std::vector<std::string> items;
  for (const auto& task : incident.tasks) {
    if (task.kind != "improvement" || task.state == "dropped") continue;
    items.push_back(task.title + (task.owner.empty() ? "" : " (" + task.owner + ")"));
  }
  return lines(items, none);
}

// The last thing said to people outside.
std::string last_update(const model::Incident& incident, std::string_view none) {
  for (auto entry = incident.timeline.rbegin(); entry != incident.timeline.rend(); ++entry) {
    if (entry->kind == "status_update") return entry->text;
  }
  return std::string(none);
}

}  // namespace

const Contact* Contacts::find(std::string_view person) const {
  if (person.empty()) return nullptr;
  const auto found = std::find_if(team.begin(), team.end(), [&](const auto& one) {
    return one.name == person || one.slack == person || one.email == person;
  });
  return found == team.end() ? nullptr : &*found;
}

std::string duration_text(Duration duration, std::string_view language) {
  const auto minutes = std::max<std::int64_t>(0, to_ms(duration) / 60'000);
  return language == "zh" ? fmt::format("{} 小时 {} 分钟", minutes / 60, minutes % 60)
                          : fmt::format("{} h {} min", minutes / 60, minutes % 60);
}

std::string local_time(WallTime at, const std::string& zone) {
  auto found = find_zone(zone);
  const auto civil = (found ? *found : Zone()).civil(at);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", civil.year, civil.month, civil.day,
                     civil.hour, civil.minute, civil.second);
}

Fields incident_fields(const model::Incident& incident, const model::SeverityLevel& level,
                       const WordsSettings& settings, std::string_view language, WallTime now) {
  const bool chinese = language == "zh";
  const auto& unknown = chinese ? kZh : kEn;
  const auto time = [&](const std::optional<WallTime>& at) {
    return at ? local_time(*at, settings.zone) : std::string(unknown.not_yet);
  };
  const auto owner = owner_of(incident);
  const auto* commander = incident.role("commander");
  const auto end = incident.resolved_at ? incident.resolved_at : incident.mitigated_at;
  Fields fields;
  fields["level"] = level_name(incident, incident.rank);
  fields["level_title"] = chinese ? level.title_zh : level.title_en;
  fields["service"] = incident.service;
  fields["title"] = (incident.drill ? (chinese ? "[演练] " : "[DRILL] ") : "") + incident.title;
  fields["incident_id"] = incident.id.value;
  fields["incident_url"] = settings.external_url + "/incidents/" + incident.id.value;
  fields["extent"] =
      or_else(incident.extent, incident.service.empty() ? unknown.not_yet : incident.service);
  fields["start_time"] = time(incident.started_at);
  fields["detected_time"] = time(incident.opened_at);
  fields["end_time"] = time(end);
  fields["duration"] = duration_text(end.value_or(now) - incident.started_at, language);
  fields["expected_recovery"] = time(incident.expected_recovery_at);
  fields["status"] = incident.active() ? unknown.open : unknown.resolved;
  fields["owner"] = or_else(owner, unknown.nobody);
  fields["contact"] = or_else(contact_of(owner, settings.contacts), unknown.nobody);
  fields["commander"] = commander == nullptr ? std::string(unknown.nobody) : commander->person;
  fields["war_room"] = or_else(incident.war_room.name, unknown.nothing);
  fields["hotline"] = or_else(settings.contacts.hotline, unknown.nothing);
  fields["emergency_mail"] = or_else(settings.contacts.emergency_mail, unknown.nothing);
  fields["support_mail"] = or_else(settings.contacts.support_mail, unknown.nothing);
  fields["description"] = description_of(incident);
  fields["progress"] = progress_of(incident, settings.zone, unknown.nothing);
  fields["user_impact"] = or_else(incident.user_impact, unknown.not_yet);
  fields["next_update"] = time(incident.next_update_at);
  fields["solution"] = solution_of(incident, unknown.not_yet);
  fields["root_cause"] = or_else(incident.handling.root_cause, unknown.not_yet);
  fields["improvements"] = improvements_of(incident, unknown.not_yet);
  fields["public_update"] = last_update(incident, unknown.nothing);
  fields["status_page_url"] = or_else(settings.status_page_url, settings.external_url + "/status");
  return fields;
}

}  // namespace holdfast::respond::words
