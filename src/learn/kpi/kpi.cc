#include "learn/kpi/kpi.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>

#include "base/text.h"
#include "base/zones.h"

namespace holdfast::learn {

using model::Incident;
using nlohmann::json;

namespace {

double seconds(Duration d) { return to_seconds(d); }
double seconds_between(WallTime from, WallTime to) {
  return std::max(0.0, static_cast<double>(to_ms(to) - to_ms(from)) / 1000.0);
}

enum class Better { kSmaller, kLarger };

Statistic statistic(std::string measure, const std::vector<double>& samples,
                    std::optional<double> target, Better better = Better::kSmaller) {
  Statistic out;
  out.measure = std::move(measure);
  out.n = samples.size();
  out.target = target;
  if (samples.empty()) {
    if (target) out.verdict = "no_data";
    return out;
  }
  for (const double sample : samples) out.mean += sample / static_cast<double>(samples.size());
  out.p50 = percentile(samples, 0.50);
  out.p75 = percentile(samples, 0.75);
  out.p90 = percentile(samples, 0.90);
  out.p95 = percentile(samples, 0.95);
  if (!target) return out;
  const bool pass = better == Better::kSmaller ? out.mean < *target : out.mean > *target;
  out.verdict = pass ? "pass" : "fail";
  return out;
}

using List = std::vector<const Incident*>;

std::vector<double> samples_of(const List& list,
                               const std::function<std::optional<double>(const Incident&)>& one) {
  std::vector<double> samples;
  for (const auto* incident : list) {
    if (auto sample = one(*incident)) samples.push_back(*sample);
  }
  return samples;
}

std::optional<double> since_opened(const Incident& incident, const std::optional<WallTime>& at) {
  if (!at) return std::nullopt;
  return seconds_between(incident.opened_at, *at);
}

// From the end of each to the start of the next of the same service.
std::vector<double> between_failures(const List& list) {
  std::map<std::string, List> by_service;
  for (const auto* incident : list) by_service[incident->service].push_back(incident);
  std::vector<double> samples;
  for (auto& [service, ones] : by_service) {
    std::sort(ones.begin(), ones.end(),
              [](const auto* a, const auto* b) { return a->started_at < b->started_at; });
    std::optional<WallTime> end;
    for (const auto* one : ones) {
      if (end && one->started_at >= *end) samples.push_back(seconds_between(*end, one->started_at));
      if (!one->resolved_at) break;  // it has not ended: nothing after it is "between"
      end = end ? std::max(*end, *one->resolved_at) : *one->resolved_at;
    }
  }
  return samples;
}

std::vector<Statistic> statistics_of(const List& list, const KpiTargets& targets) {
  const auto mttr = [](const Incident& i) { return since_opened(i, i.resolved_at); };
  std::vector<Statistic> out;
  out.push_back(statistic("mttd",
                          samples_of(list,
                                     [](const Incident& i) -> std::optional<double> {
                                       return seconds_between(i.started_at, i.opened_at);
                                     }),
                          seconds(targets.mttd)));
  out.push_back(statistic(
      "mtta",
      samples_of(list, [](const Incident& i) { return since_opened(i, i.acknowledged_at); }),
      seconds(targets.mtta)));
  out.push_back(statistic("recovery_begins_rank1",
                          samples_of(list,
                                     [](const Incident& i) -> std::optional<double> {
                                       if (i.rank != model::Rank::kWorst) return std::nullopt;
                                       return since_opened(i, i.recovery_started_at);
                                     }),
                          seconds(targets.recovery_begins)));
  out.push_back(statistic("mttr", samples_of(list, mttr), std::nullopt));
  for (const auto& [rank, target] : targets.mttr) {
    out.push_back(
        statistic("mttr_rank" + std::to_string(rank),
                  samples_of(list,
                             [&, rank = rank](const Incident& i) -> std::optional<double> {
                               if (static_cast<int>(i.rank) != rank) return std::nullopt;
                               return mttr(i);
                             }),
                  seconds(target)));
  }
  out.push_back(statistic("mtbf", between_failures(list), seconds(targets.mtbf), Better::kLarger));
  return out;
}

std::vector<BreachRate> breaches_of(const List& list) {
  std::vector<BreachRate> out;
  for (const char* kind : {"response", "recovery_begins", "resolution"}) {
    BreachRate rate;
    rate.clock = kind;
    for (const auto* incident : list) {
      const auto* clock = incident->clock(kind);
      if (clock == nullptr || (!clock->met_at && !clock->breached_at)) continue;
      ++rate.n;
      if (clock->breached_at) ++rate.breached;
    }
    out.push_back(std::move(rate));
  }
  return out;
}

bool within(int hour, int begin, int end) {
  return begin <= end ? hour >= begin && hour < end : hour >= begin || hour < end;
}

Load load_of(const List& list, const std::vector<model::Notification>& notifications,
             const LoadHours& hours) {
  std::set<std::string> ids;
  for (const auto* incident : list) ids.insert(incident->id.value);
  auto found = find_zone(hours.zone);
  const auto zone = found ? *found : Zone();
  std::map<std::string, WallTime>
      pages;  // what one event was told, by its key without the receiver
  for (const auto& notification : notifications) {
    if (!ids.contains(notification.incident) || !notification.delivered_at) continue;
    if (notification.kind == "log") continue;  // disturbs nobody
    const auto key = notification.id.substr(0, notification.id.rfind('/'));
    const auto [place, fresh] = pages.emplace(key, *notification.delivered_at);
    if (!fresh) place->second = std::min(place->second, *notification.delivered_at);
  }
  Load load;
  std::set<std::int64_t> nights;
  for (const auto& [key, at] : pages) {
    const auto civil = zone.civil(at);
    const int day = weekday(civil);
    ++load.pages;
    if (within(civil.hour, hours.sleep_begin, hours.sleep_end)) {
      ++load.sleep;
      // A night belongs to the day on which it began.
      const auto date = days_of(civil.year, civil.month, civil.day);
      nights.insert(civil.hour < hours.sleep_end ? date - 1 : date);
    } else if (day >= 1 && day <= 5 &&
               within(civil.hour, hours.business_begin, hours.business_end)) {
      ++load.business;
    } else {
      ++load.off;
    }
  }
  load.nights = nights.size();
  return load;
}

double uptime_of(const List& list, const KpiQuery& query) {
  std::vector<std::pair<WallTime, WallTime>> down;
  for (const auto* incident : list) {
    if (incident->rank != model::Rank::kWorst) continue;
    const auto begin = std::max(incident->started_at, query.from);
    const auto end = std::min(incident->resolved_at.value_or(query.to), query.to);
    if (begin < end) down.emplace_back(begin, end);
  }
  std::sort(down.begin(), down.end());
  double sum = 0;
  WallTime covered = query.from;
  for (const auto& [begin, end] : down) {
    const auto from = std::max(begin, covered);
    if (from < end) sum += seconds_between(from, end);
    covered = std::max(covered, end);
  }
  const double whole = seconds_between(query.from, query.to);
  return whole > 0 ? 100.0 * (1.0 - sum / whole) : 100.0;
}

std::string group_name(const Incident& incident, const KpiQuery& query, const Zone& zone) {
  if (query.by == "service") return incident.service.empty() ? "(none)" : incident.service;
  if (query.by == "severity") return "rank" + std::to_string(static_cast<int>(incident.rank));
  const auto civil = zone.civil(incident.opened_at);
  if (query.by == "month") return fmt::format("{:04}-{:02}", civil.year, civil.month);
  if (query.by == "day")
    return fmt::format("{:04}-{:02}-{:02}", civil.year, civil.month, civil.day);
  // The Monday of its week.
  const auto monday = civil_utc(
      instant_utc(CivilTime{civil.year, civil.month, civil.day - (weekday(civil) + 6) % 7}));
  return fmt::format("{:04}-{:02}-{:02}", monday.year, monday.month, monday.day);
}

KpiGroup group_of(std::string name, const List& list,
                  const std::vector<model::Notification>& notifications, const KpiQuery& query,
                  const KpiTargets& targets, const LoadHours& hours) {
  KpiGroup group;
  group.name = std::move(name);
  group.counts["incidents"] = list.size();
  for (const auto* incident : list) {
    ++group.counts[std::string(model::word_of_rank(incident->rank))];
    ++group.counts[incident->source];
    if (incident->active()) ++group.counts["active"];
  }
  group.statistics = statistics_of(list, targets);
  group.breaches = breaches_of(list);
  group.load = load_of(list, notifications, hours);
  group.uptime_percent = uptime_of(list, query);
  return group;
}

// A statistic without samples has no numbers, not zeros.
json number(const Statistic& statistic, double value) {
  return statistic.n == 0 ? json(nullptr) : json(value);
}

}  // namespace

double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const double place = share * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(std::floor(place));
  const auto above = std::min(below + 1, values.size() - 1);
  return values[below] + (values[above] - values[below]) * (place - std::floor(place));
}

KpiReport compute_kpis(const std::vector<Incident>& incidents,
                       const std::vector<model::Notification>& notifications, const KpiQuery& query,
                       const KpiTargets& targets, const LoadHours& hours) {
  KpiReport report;
  report.query = query;
  List all;
  for (const auto& incident : incidents) {
    if (incident.opened_at < query.from || incident.opened_at >= query.to) continue;
    if (!query.service.empty() && incident.service != query.service) continue;
    if (query.rank && incident.rank != *query.rank) continue;
    if (incident.drill) {
      ++report.excluded_drills;
    } else if (!incident.merged_into.empty()) {
      ++report.excluded_merged;
    } else {
      all.push_back(&incident);
    }
  }
  report.groups.push_back(group_of("total", all, notifications, query, targets, hours));
  if (query.by.empty()) return report;
  auto found = find_zone(hours.zone);
  const auto zone = found ? *found : Zone();
  std::map<std::string, List> groups;
  for (const auto* incident : all) groups[group_name(*incident, query, zone)].push_back(incident);
  for (const auto& [name, list] : groups)
    report.groups.push_back(group_of(name, list, notifications, query, targets, hours));
  return report;
}

void to_json(json& j, const KpiReport& v) {
  json groups = json::array();
  for (const auto& group : v.groups) {
    json statistics = json::object();
    for (const auto& one : group.statistics) {
      json value = {{"n", one.n},
                    {"mean", number(one, one.mean)},
                    {"p50", number(one, one.p50)},
                    {"p75", number(one, one.p75)},
                    {"p90", number(one, one.p90)},
                    {"p95", number(one, one.p95)}};
      if (one.target) value["target"] = *one.target;
      if (!one.verdict.empty()) value["verdict"] = one.verdict;
      statistics[one.measure] = std::move(value);
    }
    json breaches = json::object();
    for (const auto& rate : group.breaches) {
      breaches[rate.clock] = {{"n", rate.n},
                              {"breached", rate.breached},
                              {"rate", rate.n == 0 ? json(nullptr)
                                                   : json(static_cast<double>(rate.breached) /
                                                          static_cast<double>(rate.n))}};
    }
    groups.push_back({{"name", group.name},
                      {"counts", group.counts},
                      {"statistics", std::move(statistics)},
                      {"breaches", std::move(breaches)},
                      {"load",
                       {{"pages", group.load.pages},
                        {"business", group.load.business},
                        {"off", group.load.off},
                        {"sleep", group.load.sleep},
                        {"nights", group.load.nights}}},
                      {"uptime_percent", group.uptime_percent}});
  }
  j = {{"from", format_time(v.query.from)},
       {"to", format_time(v.query.to)},
       {"service", v.query.service},
       {"by", v.query.by},
       {"excluded", {{"drills", v.excluded_drills}, {"merged", v.excluded_merged}}},
       {"groups", std::move(groups)}};
}

std::string kpi_csv(const KpiReport& report) {
  std::string out = "from,to,group,measure,n,mean,p50,p75,p90,p95,target,verdict\n";
  const auto field = [](std::string text) {
    if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
    std::string quoted = "\"";
    for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    return quoted + "\"";
  };
  const auto head = [&](const KpiGroup& group) {
    return fmt::format("{},{},{},", format_time(report.query.from), format_time(report.query.to),
                       field(group.name));
  };
  for (const auto& group : report.groups) {
    for (const auto& one : group.statistics) {
      out += head(group) + fmt::format("{},{},", one.measure, one.n);
      if (one.n == 0)
        out += ",,,,,";
      else
        out += fmt::format("{:.3f},{:.3f},{:.3f},{:.3f},{:.3f},", one.mean, one.p50, one.p75,
                           one.p90, one.p95);
      out += (one.target ? fmt::format("{:.3f}", *one.target) : "") + "," + one.verdict + "\n";
    }
    for (const auto& rate : group.breaches) {
      out += head(group) + fmt::format("breach_{},{},", rate.clock, rate.n);
      out += (rate.n == 0 ? std::string()
                          : fmt::format("{:.4f}", static_cast<double>(rate.breached) /
                                                      static_cast<double>(rate.n))) +
             ",,,,,,\n";
    }
  }
  return out;
}

}  // namespace holdfast::learn
