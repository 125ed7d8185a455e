#include "learn/kpi/review.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace holdfast::learn {

using nlohmann::json;

namespace {

struct Headings {
  std::string_view title, period, overview, measure, now, before, target, verdict, incidents,
      improvements, late, tools, none, generated, author, runs, helped, failed, count, owner, due,
      state, overdue, drills, merged;
};
constexpr Headings kEn = {"Incident review",
                          "Period",
                          "Key figures",
                          "Measure",
                          "This period",
                          "Period before",
                          "Target",
                          "Verdict",
                          "Incidents",
                          "Improvements",
                          "Postmortems overdue",
                          "Tools",
                          "none",
                          "Generated",
                          "Author",
                          "Runs",
                          "Helped",
                          "Failed",
                          "Incidents",
                          "Owner",
                          "Due",
                          "State",
                          "overdue",
                          "Drills left out",
                          "merged left out"};
constexpr Headings kZh = {"事故月度回顾", "周期",     "关键指标", "指标",         "本期",
                          "上期",         "目标",     "结论",     "事故",         "改进措施",
                          "逾期的复盘",   "工具使用", "无",       "报告生成时间", "报告生成人",
                          "次数",         "有效",     "失败",     "事故数",       "负责人",
                          "截止时间",     "状态",     "逾期",     "未计入的演练", "未计入的合并"};

std::string span(const Statistic& one, double value) {
  if (one.n == 0) return "-";
  return format_duration(from_seconds(std::floor(value)));
}

void add_improvements(Review& review, const ReviewInput& input) {
  for (const auto& postmortem : input.postmortems) {
    for (const auto& action : postmortem.actions) {
      const bool of_period =
          postmortem.created_at >= input.from && postmortem.created_at < input.to;
      // Old promises stay in sight until they are kept.
      if (!of_period && action.state != "open") continue;
      if (postmortem.created_at >= input.to) continue;
      Improvement one{postmortem.incident, action.id,    action.title, action.category,
                      action.owner,        action.state, action.due_at};
      one.overdue = action.state == "open" && action.due_at && *action.due_at < input.now;
      review.improvements.push_back(std::move(one));
    }
  }
}

void add_tools(Review& review, const ReviewInput& input) {
  std::map<std::string, ToolUse> tools;
  for (const auto& remedy : input.remedies) {
    if (remedy.planned_at < input.from || remedy.planned_at >= input.to) continue;
    auto& tool = tools[remedy.name];
    tool.tool = remedy.name;
    ++tool.runs;
    if (remedy.state == model::RemedyState::kVerified) ++tool.helped;
    if (remedy.state == model::RemedyState::kFailed ||
        remedy.state == model::RemedyState::kNotHelped)
      ++tool.failed;
  }
  for (auto& [name, tool] : tools) review.tools.push_back(std::move(tool));
}

const Statistic* same(const KpiGroup& group, const std::string& measure) {
  for (const auto& one : group.statistics) {
    if (one.measure == measure) return &one;
  }
  return nullptr;
}

std::string cell(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  std::replace(text.begin(), text.end(), '|', '/');
  return text;
}

std::string figures(const Review& review, const Headings& words) {
  std::string out =
      fmt::format("| {} | {} | {} | {} | {} |\n|---|---|---|---|---|\n", words.measure, words.now,
                  words.before, words.target, words.verdict);
  const auto& now = review.present.groups.front();
  const auto& before = review.before.groups.front();
  out += fmt::format("| {} | {} | {} |  |  |\n", words.count, now.counts.at("incidents"),
                     before.counts.at("incidents"));
  for (const auto& one : now.statistics) {
    const auto* past = same(before, one.measure);
    out += fmt::format("| {} | {} (n={}) | {} | {} | {} |\n", one.measure, span(one, one.mean),
                       one.n, past == nullptr ? "-" : span(*past, past->mean),
                       one.target ? format_duration(from_seconds(*one.target)) : "", one.verdict);
  }
  for (const auto& rate : now.breaches)
    out += fmt::format("| breach {} | {}/{} |  |  |  |\n", rate.clock, rate.breached, rate.n);
  return out;
}

}  // namespace

Review make_review(const ReviewInput& input) {
  Review review;
  review.from = input.from;
  review.to = input.to;
  review.generated_at = input.now;
  review.author = input.author;
  KpiQuery query;
  query.from = input.from;
  query.to = input.to;
  query.by = "severity";
  review.present =
      compute_kpis(input.incidents, input.notifications, query, input.targets, input.hours);
  query.to = input.from;
  query.from = input.from - (input.to - input.from);
  review.before =
      compute_kpis(input.incidents, input.notifications, query, input.targets, input.hours);
  for (const auto& incident : input.incidents) {
    if (incident.opened_at >= input.from && incident.opened_at < input.to && !incident.drill)
      review.incidents.push_back(incident);
  }
  std::sort(review.incidents.begin(), review.incidents.end(),
            [](const auto& a, const auto& b) { return a.opened_at < b.opened_at; });
  for (const auto& postmortem : input.postmortems) {
    if (postmortem.overdue(input.now) && postmortem.created_at < input.to)
      review.late_postmortems.push_back(postmortem.incident);
  }
  add_improvements(review, input);
  add_tools(review, input);
  return review;
}

std::string review_markdown(const Review& review, const std::string& language) {
  const auto& words = language == "zh" ? kZh : kEn;
  std::string out = fmt::format("# {}\n\n{}: {} - {}\n\n## {}\n\n", words.title, words.period,
                                format_time(review.from), format_time(review.to), words.overview);
  out += figures(review, words);
  out += fmt::format("\n{}: {}, {}: {}\n\n## {}\n\n", words.drills, review.present.excluded_drills,
                     words.merged, review.present.excluded_merged, words.incidents);
  if (review.incidents.empty()) out += fmt::format("{}\n", words.none);
  for (const auto& incident : review.incidents)
    out += fmt::format("- {} {} {}: {}\n", incident.id.value, format_time(incident.opened_at),
                       incident.service, cell(incident.title));
  out += fmt::format("\n## {}\n\n", words.late);
  if (review.late_postmortems.empty()) out += fmt::format("{}\n", words.none);
  for (const auto& id : review.late_postmortems) out += fmt::format("- {}\n", id);
  out += fmt::format("\n## {}\n\n", words.improvements);
  if (review.improvements.empty()) out += fmt::format("{}\n", words.none);
  for (const auto& one : review.improvements) {
    out += fmt::format("- {} {} [{}] {}: {}, {}: {}{}\n", one.incident, cell(one.title),
                       one.category, words.owner, one.owner.empty() ? "-" : one.owner, words.state,
                       one.state, one.overdue ? fmt::format(" ({})", words.overdue) : "");
  }
  out += fmt::format("\n## {}\n\n", words.tools);
  if (review.tools.empty()) out += fmt::format("{}\n", words.none);
  for (const auto& tool : review.tools)
    out += fmt::format("- {}: {} {}, {} {}, {} {}\n", tool.tool, words.runs, tool.runs,
                       words.helped, tool.helped, words.failed, tool.failed);
  out += fmt::format("\n---\n\n{}: {}\n{}: {}\n", words.generated, format_time(review.generated_at),
                     words.author, review.author);
  return out;
}

void to_json(json& j, const Review& v) {
  json incidents = json::array(), improvements = json::array(), tools = json::array();
  for (const auto& incident : v.incidents) {
    json one = incident;
    one.erase("timeline");
    incidents.push_back(std::move(one));
  }
  for (const auto& one : v.improvements) {
    json item = {{"incident", one.incident}, {"id", one.id},       {"title", one.title},
                 {"category", one.category}, {"owner", one.owner}, {"state", one.state},
                 {"overdue", one.overdue}};
    if (one.due_at) item["due_at"] = format_time(*one.due_at);
    improvements.push_back(std::move(item));
  }
  for (const auto& tool : v.tools)
    tools.push_back({{"tool", tool.tool},
                     {"runs", tool.runs},
                     {"helped", tool.helped},
                     {"failed", tool.failed}});
  j = {{"from", format_time(v.from)},
       {"to", format_time(v.to)},
       {"generated_at", format_time(v.generated_at)},
       {"author", v.author},
       {"kpi", v.present},
       {"kpi_before", v.before},
       {"incidents", std::move(incidents)},
       {"late_postmortems", v.late_postmortems},
       {"improvements", std::move(improvements)},
       {"tools", std::move(tools)}};
}

}  // namespace holdfast::learn
