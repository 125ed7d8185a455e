// learn/kpi/kpi.h: what the time stamps of incidents say about how well we respond.
//
// Purpose     MTTD, MTTA, time until recovery begins, MTTR, MTBF, breaches of promises, and the load on people, by service,
//             severity and period. Time stamps are kept, means never: everything is computed anew from the incidents.
// Measures    mttd = detected - impact start; mtta = first acknowledgement - opened; recovery_begins = first act that could
//             repair - opened; mttr = resolved - opened; mtbf = start of the next - end of the one before, by service.
// Excluded    Drills and incidents merged into others; how many is shown. Those that are not that far yet count in no
//             sample of that measure.
// Statistics  n, mean, and percentiles by linear interpolation between closest ranks. The verdict compares the mean with
//             the target: that is what the names (mean time to ...) promise. No sample: "no_data".
// Period      An incident belongs to the moment it was opened; [from, to).
// Units       Seconds in JSON and CSV.
// Threads     Pure.
// Source      Mission M14-01..M14-04, M14-08; C03; reference 2.18 (KPIs).
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "model/incident.h"

namespace holdfast::learn {

struct KpiTargets {
  Duration mttd = 5min;
  Duration mtta = 10min;
  Duration recovery_begins = 15min;  // of the worst rank
  std::map<int, Duration> mttr = {{1, 1h}, {2, 4h}};  // by rank
  Duration mtbf = 720h;              // at least
};

// When pages disturb: hours of the zone.
struct LoadHours {
  std::string zone;
  int business_begin = 9, business_end = 18;  // on weekdays
  int sleep_begin = 22, sleep_end = 8;        // every day
};

struct KpiQuery {
  WallTime from{}, to{};
  std::string service;           // empty: all
  std::optional<model::Rank> rank;
  std::string by;                // "", service, severity, day, week, month: groups beside the total
};

struct Statistic {
  std::string measure;  // mttd, mtta, recovery_begins_rank1, mttr, mttr_rank1, mttr_rank2, mtbf
  std::size_t n = 0;
  double mean = 0, p50 = 0, p75 = 0, p90 = 0, p95 = 0;  // seconds
  std::optional<double> target;
  std::string verdict;  // pass, fail, no_data; empty: it has no target
};

struct BreachRate {
  std::string clock;  // response, recovery_begins, resolution
  std::size_t n = 0;  // promises that were kept or broken
  std::size_t breached = 0;
};

struct Load {
  std::size_t pages = 0, business = 0, off = 0, sleep = 0;
  std::size_t nights = 0;  // different nights with a page in hours of sleep
};

struct KpiGroup {
  std::string name;  // "total", a service, "rank1", "2026-11"
  std::map<std::string, std::size_t> counts;  // incidents, and by rank word and by source
  std::vector<Statistic> statistics;
  std::vector<BreachRate> breaches;
  Load load;
  double uptime_percent = 100;  // share of the period without an incident of the worst rank
};

struct KpiReport {
  KpiQuery query;
  std::size_t excluded_drills = 0, excluded_merged = 0;
  std::vector<KpiGroup> groups;  // the total first
};

// Beside the incidents their notifications, for the load; one page is what one incident's event was told, however many
// receivers it had.
KpiReport compute_kpis(const std::vector<model::Incident>& incidents,
                       const std::vector<model::Notification>& notifications, const KpiQuery& query,
                       const KpiTargets& targets, const LoadHours& hours);

double percentile(std::vector<double> values, double share);  // of values in any order; 0 when there are none

void to_json(nlohmann::json& j, const KpiReport& v);
std::string kpi_csv(const KpiReport& report);

}  // namespace holdfast::learn
