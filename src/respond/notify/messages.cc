// The words of notices, in English and Chinese. A message says what is wrong, since when, how bad by the service's own
// scheme, what Holdfast did, and where to look: enough to decide at three in the morning without opening anything.
#include <fmt/format.h>

#include <algorithm>

#include "respond/incident/timeline.h"
#include "respond/notify/notifier.h"

namespace holdfast::respond {
namespace {

struct Language {
  std::string_view drill, level, service, state, since, detected, ended, duration, scope, owner,
      cause, done, next, link;
  std::string_view opened, escalated, severity_changed, mitigated, resolved, other;
  std::string_view state_open, state_acknowledged, state_mitigated, state_resolved;
  std::string_view nobody, nothing_yet;
};

constexpr Language kEnglish = {"[DRILL] ",
                               "Severity",
                               "Service",
                               "State",
                               "Impact since",
                               "Detected",
                               "Ended",
                               "Duration",
                               "Affected",
                               "In charge",
                               "What was seen",
                               "What was done",
                               "Respond by",
                               "Details",
                               "Incident",
                               "A person is needed",
                               "Severity changed",
                               "Mitigated",
                               "Resolved",
                               "Update",
                               "open",
                               "acknowledged",
                               "mitigated",
                               "resolved",
                               "nobody yet",
                               "nothing yet"};

constexpr Language kChinese = {
    "[演练] ",  "事故级别",     "服务",     "状态",         "影响开始",   "发现时间", "结束时间",
    "持续时间", "影响范围",     "负责人",   "观测到的现象", "已采取措施", "响应期限", "详情",
    "事故",     "需要人工介入", "级别变更", "已缓解",       "已解决",     "更新",     "处理中",
    "已确认",   "已缓解",       "已解决",   "暂无",         "暂无"};

struct Heading {
  std::string_view event, english, chinese;
};
// What the rules of response say (incident/response.h).
constexpr Heading kHeadings[] = {
    {"role_assigned", "Roles", "角色指派"},
    {"response_overdue", "Response overdue", "响应超时"},
    {"recovery_overdue", "Recovery has not begun", "恢复超时未开始"},
    {"resolution_overdue", "Resolution overdue", "解决超时"},
    {"backup_told", "The backup is needed", "请备用联系人接手"},
    {"update_due", "A status update is due", "应发布状态更新"},
    {"status_update", "Status update", "状态更新"},
};

std::string_view heading(const Language& words, std::string_view event) {
  for (const auto& known : kHeadings) {
    if (known.event == event) return &words == &kChinese ? known.chinese : known.english;
  }
  if (event == "opened") return words.opened;
  if (event == "escalated") return words.escalated;
  if (event == "severity_changed") return words.severity_changed;
  if (event == "mitigated") return words.mitigated;
  if (event == "resolved") return words.resolved;
  return words.other;
}

std::string_view state_word(const Language& words, model::IncidentState state) {
  switch (state) {
    case model::IncidentState::kOpen:
      return words.state_open;
    case model::IncidentState::kAcknowledged:
      return words.state_acknowledged;
    case model::IncidentState::kMitigated:
      return words.state_mitigated;
    case model::IncidentState::kResolved:
      return words.state_resolved;
  }
  return words.other;
}

// "X 小时 Y 分钟", "1 h 5 min"; seconds below one minute.
std::string duration_text(Duration d, bool chinese) {
  const auto seconds = static_cast<long>(to_seconds(d));
  if (seconds < 60) return fmt::format("{} {}", seconds, chinese ? "秒" : "s");
  const auto hours = seconds / 3600, minutes = seconds / 60 % 60;
  if (hours == 0)
    return fmt::format("{} {} {} {}", minutes, chinese ? "分钟" : "min", seconds % 60,
                       chinese ? "秒" : "s");
  return fmt::format("{} {} {} {}", hours, chinese ? "小时" : "h", minutes,
                     chinese ? "分钟" : "min");
}

void line(std::string& body, std::string_view name, std::string_view value) {
  body += fmt::format("{}: {}\n", name, value);
}

void add_list(std::string& body, std::string_view name, const std::vector<std::string>& items,
              std::string_view none) {
  body += fmt::format("{}:\n", name);
  if (items.empty()) body += fmt::format("  - {}\n", none);
  for (const auto& item : items) body += fmt::format("  - {}\n", item);
}

std::vector<std::string> seen(const model::Incident& incident) {
  std::vector<std::string> items;
  for (const auto& entry : incident.timeline) {
    if (entry.kind != "alert_fired") continue;
    auto text = entry.text;
    if (entry.evidence && !entry.evidence->value.empty()) {
      text += fmt::format(" ({}; {})", entry.evidence->value, entry.evidence->threshold);
    }
    if (std::find(items.begin(), items.end(), text) == items.end())
      items.push_back(std::move(text));
  }
  return items;
}

std::vector<std::string> done(const model::Incident& incident) {
  std::vector<std::string> items;
  for (const auto& entry : incident.timeline) {
    if (entry.kind.starts_with("remedy_") || entry.kind == "escalated")
      items.push_back(fmt::format("{} {}", format_time(entry.at).substr(11, 8), entry.text));
  }
  if (items.size() > 10) items.erase(items.begin(), items.end() - 10);
  return items;
}

std::string scope_of(const model::Incident& incident) {
  std::string scope;
  for (const auto& alert : incident.alerts) {
    for (const char* label : {"instance_id", "resource", "instance", "version"}) {
      const auto value = alert.labels.get(label);
      if (value.empty()) continue;
      if (scope.find(value) == std::string::npos)
        scope += (scope.empty() ? "" : ", ") + std::string(value);
      break;
    }
  }
  return scope.empty() ? incident.service : scope;
}

}  // namespace

Message render_message(const model::Incident& incident, std::string_view event,
                       std::string_view language, const std::string& external_url, WallTime now) {
  const bool chinese = language == "zh";
  const auto& words = chinese ? kChinese : kEnglish;
  auto scheme = model::scheme_by_name(incident.scheme);
  const auto& level = (scheme ? *scheme : model::scheme_a()).level(incident.rank);
  // A configured scheme has names of its own, which the incident carries.
  const auto name = level_name(incident, incident.rank);
  const std::string title =
      incident.level_names.empty() ? (chinese ? level.title_zh : level.title_en) : std::string();
  Message message;
  message.subject =
      fmt::format("{}[{}] {}: {} {} ({})", incident.drill ? words.drill : "", name,
                  heading(words, event), incident.service, incident.title, incident.id.value);
  auto& body = message.body;
  line(body, words.level, title.empty() ? name : fmt::format("{} {}", name, title));
  line(body, words.service, incident.service);
  line(body, words.state, state_word(words, incident.state));
  line(body, words.scope, scope_of(incident));
  line(body, words.since, format_time(incident.started_at));
  line(body, words.detected, format_time(incident.opened_at));
  if (incident.resolved_at) line(body, words.ended, format_time(*incident.resolved_at));
  line(body, words.duration,
       duration_text(incident.resolved_at.value_or(now) - incident.started_at, chinese));
  line(body, words.owner,
       incident.acknowledged_by.empty() ? std::string(words.nobody) : incident.acknowledged_by);
  for (const auto& role : incident.roles)
    line(body, role.role,
         role.backup.empty() ? role.person : fmt::format("{} ({})", role.person, role.backup));
  if (incident.active() && !incident.acknowledged_at) {
    if (const auto* clock = incident.clock("response"); clock != nullptr) {
      line(body, words.next, format_time(clock->due_at));
    } else if (level.respond_within) {
      line(body, words.next,
           format_time(incident.opened_at + std::chrono::duration_cast<std::chrono::milliseconds>(
                                                *level.respond_within)));
    }
  }
  add_list(body, words.cause, seen(incident), words.nothing_yet);
  add_list(body, words.done, done(incident), words.nothing_yet);
  line(body, words.link, external_url + "/incidents/" + incident.id.value);
  return message;
}

}  // namespace holdfast::respond
