// The pages: one column, readable without script and on a phone, dark when the reader's system is.
#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "base/zones.h"
#include "respond/status/history.h"
#include "respond/status/view.h"

namespace holdfast::respond::status {
namespace {

constexpr int kDays = 90;
constexpr std::size_t kRecentMax = 10;

// English, Chinese.
using Words = std::pair<std::string_view, std::string_view>;
std::string_view in(std::string_view language, const Words& words) {
  return language == "zh" ? words.second : words.first;
}

constexpr Words kSubscribe = {"Subscribe to updates", "订阅更新"};
constexpr Words kEmail = {"Email address", "邮箱地址"};
constexpr Words kActive = {"Current incidents", "当前事故"};
constexpr Words kMaintenance = {"Maintenance", "计划维护"};
constexpr Words kPast = {"Past incidents", "历史事故"};
constexpr Words kNone = {"No incidents reported.", "没有事故。"};
constexpr Words kHistory = {"All incidents", "全部事故"};
constexpr Words kBack = {"Current status", "当前状态"};
constexpr Words kDaysAgo = {"90 days ago", "90 天前"};
constexpr Words kToday = {"Today", "今天"};
constexpr Words kUptime = {"uptime", "可用率"};
constexpr Words kUpdated = {"Updated", "更新于"};
constexpr Words kSupport = {"Questions?", "有疑问？"};
constexpr Words kComponents = {"Components", "组件"};

std::string_view status_words(std::string_view status, std::string_view language) {
  static const std::map<std::string_view, Words> kAll = {
      {"operational", {"Operational", "正常"}},
      {"under_maintenance", {"Maintenance", "维护中"}},
      {"degraded_performance", {"Degraded performance", "性能下降"}},
      {"partial_outage", {"Partial outage", "部分中断"}},
      {"major_outage", {"Major outage", "严重中断"}},
      {"investigating", {"Investigating", "调查中"}},
      {"identified", {"Identified", "已定位"}},
      {"monitoring", {"Monitoring", "观察中"}},
      {"resolved", {"Resolved", "已解决"}},
      {"postmortem", {"Postmortem", "事后复盘"}},
      {"scheduled", {"Scheduled", "已计划"}},
      {"in_progress", {"In progress", "进行中"}},
      {"verifying", {"Verifying", "验证中"}},
      {"completed", {"Completed", "已完成"}}};
  const auto it = kAll.find(status);
  return it == kAll.end() ? status : in(language, it->second);
}

constexpr std::string_view kStyle = R"(
:root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--soft:#57606a;--line:#d0d7de;--card:#f6f8fa;
--ok:#1a7f37;--minor:#9a6700;--major:#bc4c00;--critical:#cf222e;--maint:#0969da}
@media(prefers-color-scheme:dark){:root{--bg:#0d1117;--fg:#e6edf3;--soft:#8b949e;--line:#30363d;--card:#161b22;
--ok:#3fb950;--minor:#d29922;--major:#f0883e;--critical:#f85149;--maint:#58a6ff}}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--fg);font:16px/1.5 system-ui,sans-serif}
main,header,footer{max-width:52rem;margin:0 auto;padding:0 1rem}header{display:flex;align-items:center;gap:1rem;padding-top:2rem}
h1{font-size:1.5rem;margin:0;flex:1}h2{font-size:1.1rem;margin:2rem 0 .5rem}h3{font-size:1rem;margin:0}
a{color:var(--maint)}small,.soft{color:var(--soft)}
.banner{margin:1.5rem 0;padding:1rem 1.25rem;border-radius:.5rem;color:#fff;font-weight:600}
.none{background:var(--ok)}.minor{background:var(--minor)}.major{background:var(--major)}.critical{background:var(--critical)}
.maintenance{background:var(--maint)}
@media(prefers-color-scheme:dark){.banner{color:#0d1117}}
.list{border:1px solid var(--line);border-radius:.5rem;overflow:hidden}.row{padding:.75rem 1rem;border-top:1px solid var(--line)}
.row:first-child{border-top:0}
.line{display:flex;gap:1rem;justify-content:space-between;align-items:baseline}.group{background:var(--card);font-weight:600}
.bars{display:flex;gap:1px;margin-top:.5rem;height:1.75rem}.bars i{flex:1;background:var(--ok);border-radius:1px}
.bars .empty{background:var(--line)}.bars .d{background:var(--minor)}.bars .p{background:var(--major)}
.bars .m{background:var(--critical)}.bars .w{background:var(--maint)}
.s-operational,.s-resolved,.s-completed{color:var(--ok)}.s-under_maintenance,.s-scheduled,.s-in_progress,.s-verifying{color:var(--maint)}
.s-degraded_performance,.s-monitoring{color:var(--minor)}.s-partial_outage,.s-identified{color:var(--major)}
.s-major_outage,.s-investigating{color:var(--critical)}
.post{border:1px solid var(--line);border-radius:.5rem;padding:1rem;margin:.75rem 0}
.post p{margin:.5rem 0 0;white-space:pre-wrap;overflow-wrap:anywhere}
form{display:flex;gap:.5rem;flex-wrap:wrap}
input,button{font:inherit;padding:.4rem .7rem;border:1px solid var(--line);border-radius:.4rem;background:var(--bg);color:var(--fg)}
input{flex:1;min-width:12rem}button{background:var(--maint);color:#fff;border-color:transparent;cursor:pointer}
footer{padding-top:2rem;padding-bottom:3rem}
)";

struct Page {
  const PageSettings& settings;
  const PageState& state;
  std::string_view language;
  std::string up;  // "" at the root, "../" below it
  Zone zone;

  Page(const PageSettings& settings, const PageState& state, std::string_view language, std::string up)
      : settings(settings), state(state), language(language), up(std::move(up)) {
    if (auto found = find_zone(settings.zone)) zone = *found;
  }

  std::string_view say(const Words& words) const { return in(language, words); }

  std::string time(WallTime at) const {
    const auto civil = zone.civil(at);
    const auto two = [](int n) { return (n < 10 ? "0" : "") + std::to_string(n); };
    return "<time datetime=\"" + format_time(at) + "\">" + std::to_string(civil.year) + "-" + two(civil.month) + "-" +
           two(civil.day) + " " + two(civil.hour) + ":" + two(civil.minute) + " " +
           view::escape_html(zone.span(at).abbreviation) + "</time>";
  }
  std::string href(const std::string& base) const {
    return up + base + (language == settings.language ? "" : "." + std::string(language)) + ".html";
  }
  // The same page in the other language.
  std::string other(const std::string& base) const {
    const bool zh = language == "zh";
    return "<a hreflang=\"" + std::string(zh ? "en" : "zh") + "\" href=\"" + up + base +
           (zh ? ".en.html\">English</a>" : ".zh.html\">中文</a>");
  }
  std::string status(std::string_view name) const {
    return "<span class=\"s-" + std::string(name) + "\">" + std::string(status_words(name, language)) + "</span>";
  }
};

std::string whole(const Page& page, const std::string& base, const std::string& title, const std::string& body) {
  std::string html = "<!doctype html><html lang=\"";
  html += page.language == "zh" ? "zh-CN" : "en";
  html += "\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
          "<title>" + view::escape_html(title) + "</title><link rel=\"alternate\" type=\"application/atom+xml\" href=\"" +
          page.up + "history.atom\"><link rel=\"alternate\" type=\"application/rss+xml\" href=\"" + page.up +
          "history.rss\"><style>" + std::string(kStyle) + "</style></head><body><header><h1>" +
          view::escape_html(page.settings.title) + "</h1>" + page.other(base) + "</header><main>" + body + "</main><footer class=\"soft\">";
  html += std::string(page.say(kUpdated)) + " " + page.time(page.state.now) + " · <a href=\"" + page.up +
          "history.rss\">RSS</a> · <a href=\"" +
          page.up + "history.atom\">Atom</a> · <a href=\"" + page.up + "api/v2/summary.json\">JSON</a>";
  if (!page.settings.support.empty()) {
    const auto& support = page.settings.support;
    const bool link = support.starts_with("https://") || support.starts_with("http://");
    html += " · " + std::string(page.say(kSupport)) + " <a href=\"" + (link ? "" : "mailto:") +
            view::escape_html(support) + "\">" + view::escape_html(support) + "</a>";
  }
  return html + "</footer></body></html>\n";
}

std::string percent(double value) {
  // Never rounded up to a hundred that it was not.
  const double cut = std::floor(value * 100) / 100;
  char text[32];
  std::snprintf(text, sizeof text, cut >= 100 ? "%.0f" : "%.2f", cut);
  return text;
}

std::string bars(const Page& page, const std::vector<ComponentDay>& days) {
  std::string html = "<div class=\"bars\">";
  for (const auto& day : days) {
    static constexpr const char* kClasses[] = {"", " class=\"w\"", " class=\"d\"", " class=\"p\"", " class=\"m\""};
    const auto civil = civil_utc(day.day);
    html += "<i" + std::string(kClasses[static_cast<std::size_t>(day.worst)]) + " title=\"" +
            std::to_string(civil.year) + "-" + std::to_string(civil.month) + "-" + std::to_string(civil.day) + ": " +
            std::string(status_words(component_status_name(day.worst), page.language));
    const auto down = day.partial_seconds + day.major_seconds;
    if (down > 0) html += ", " + format_duration(std::chrono::seconds(down));
    html += "\"></i>";
  }
  return html + "</div>";
}

std::string component_rows(const Page& page) {
  std::string html = "<div class=\"list\">", group;
  for (const auto& component : page.state.components) {
    if (component.group != group && !component.group.empty())
      html += "<div class=\"row group\">" + view::escape_html(component.group) + "</div>";
    group = component.group;
    const auto days = component_days(component.id, page.state.posts, page.state.now, kDays);
    html += "<div class=\"row\"><div class=\"line\"><h3>" + view::escape_html(component.name) + "</h3>" +
            page.status(component_status_name(component_status(component.id, page.state.posts))) + "</div>";
    if (!component.description.empty()) html += "<small>" + view::escape_html(component.description) + "</small>";
    html += bars(page, days) + "<div class=\"line\"><small>" + std::string(page.say(kDaysAgo)) + "</small><small>" +
            percent(uptime_percent(days, page.state.now)) + " % " + std::string(page.say(kUptime)) + "</small><small>" +
            std::string(page.say(kToday)) + "</small></div></div>";
  }
  return html + "</div>";
}

std::string post_card(const Page& page, const Post& post, std::size_t updates_max) {
  std::string html = "<article class=\"post\"><div class=\"line\"><h3><a href=\"" + page.href("incidents/" + post.id) +
                     "\">" + view::escape_html(post.name) + "</a></h3>" + page.status(post.status()) + "</div>";
  if (post.scheduled_for) {
    html += "<small>" + page.time(*post.scheduled_for);
    if (post.scheduled_until) html += " – " + page.time(*post.scheduled_until);
    html += "</small>";
  }
  std::size_t shown = 0;
  for (auto it = post.updates.rbegin(); it != post.updates.rend() && shown < updates_max; ++it) {
    if (it->draft) continue;
    ++shown;
    html += "<p><b>" + std::string(status_words(it->status, page.language)) + "</b> – " + view::escape_html(it->body) +
            "<br><small>" + page.time(it->at) + "</small></p>";
  }
  return html + "</article>";
}

template <typename Wanted>
std::string cards(const Page& page, const Words& title, Wanted wanted, std::size_t count_max, std::size_t updates_max,
                  bool say_none) {
  std::string html;
  std::size_t count = 0;
  for (const auto& post : page.state.posts) {
    if (count == count_max || !wanted(post)) continue;
    ++count;
    html += post_card(page, post, updates_max);
  }
  if (html.empty() && !say_none) return {};
  if (html.empty()) html = "<p class=\"soft\">" + std::string(page.say(kNone)) + "</p>";
  return "<h2>" + std::string(page.say(title)) + "</h2>" + html;
}

std::string banner(const Page& page) {
  return "<div class=\"banner " + std::string(page_indicator(page.state)) + "\" role=\"status\">" +
         page_description(page.state, page.language) + "</div>";
}

std::string subscribe_form(const Page& page) {
  return "<h2>" + std::string(page.say(kSubscribe)) + "</h2><form method=\"post\" action=\"" + page.up +
         "subscribe\"><input type=\"email\" name=\"email\" required maxlength=\"254\" aria-label=\"" + std::string(page.say(kEmail)) +
         "\" placeholder=\"" + std::string(page.say(kEmail)) + "\"><input type=\"hidden\" name=\"language\" value=\"" +
         std::string(page.language) + "\"><button>" + std::string(page.say(kSubscribe)) + "</button></form>";
}

}  // namespace

std::string view::escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default:
        // What XML does not allow would make a feed unreadable.
        if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t') out += c;
    }
  }
  return out;
}

std::string view::index_html(const PageSettings& settings, const PageState& state, std::string_view language) {
  const Page page(settings, state, language, "");
  const auto incident = [](const Post& post) { return post.kind == "incident"; };
  std::string body = banner(page);
  body += cards(page, kActive, [&](const Post& post) { return incident(post) && !post.over(); }, 100, 100, false);
  body += cards(page, kMaintenance, [&](const Post& post) { return !incident(post) && !post.over(); }, 100, 1, false);
  body += "<h2>" + std::string(page.say(kComponents)) + "</h2>" + component_rows(page);
  body += cards(page, kPast, [&](const Post& post) { return post.over(); }, kRecentMax, 1, true);
  body += "<p><a href=\"" + page.href("history") + "\">" + std::string(page.say(kHistory)) + "</a></p>";
  return whole(page, "index", settings.title, body + subscribe_form(page));
}

std::string view::history_html(const PageSettings& settings, const PageState& state, std::string_view language) {
  const Page page(settings, state, language, "");
  const auto all = [](const Post&) { return true; };
  return whole(page, "history", settings.title,
               "<p><a href=\"" + page.href("index") + "\">" + std::string(page.say(kBack)) + "</a></p>" +
                   cards(page, kHistory, all, state.posts.size(), 1, true));
}

std::string view::post_html(const PageSettings& settings, const PageState& state, const Post& post,
                            std::string_view language) {
  const Page page(settings, state, language, "../");
  return whole(page, "incidents/" + post.id, post.name + " - " + settings.title,
               "<p><a href=\"" + page.href("index") + "\">" + std::string(page.say(kBack)) + "</a></p>" +
                   post_card(page, post, post.updates.size()));
}

}  // namespace holdfast::respond::status
