// How figures are read: most are better when smaller, one when larger; a period as the API wants it.
import type { KpiGroup, Statistic } from "../api/learn";

export const kMeasures = ["mttd", "mtta", "recovery_begins_rank1", "mttr", "mttr_rank1", "mttr_rank2", "mtbf"] as const;

export const largerIsBetter = (measure: string) => measure === "mtbf";

// In the order people read them; what a newer server measures besides comes after.
export function statisticsOf(group: KpiGroup): [string, Statistic][] {
  const known = kMeasures.filter((measure) => measure in group.statistics);
  const others = Object.keys(group.statistics).filter((measure) => !(kMeasures as readonly string[]).includes(measure));
  return [...known, ...others.sort()].map((measure) => [measure, group.statistics[measure]!]);
}

export interface Period {
  days: number;
  by: string;
  service: string;
}

// From the midnight `days` ago (of the reader's own clock) to now: whole days, whoever asks at whatever hour.
export function queryOf(period: Period, now: number): string {
  const from = new Date(now);
  from.setHours(0, 0, 0, 0);
  from.setDate(from.getDate() - period.days + 1);
  const query = new URLSearchParams({ from: from.toISOString() });
  if (period.by !== "") query.set("by", period.by);
  if (period.service !== "") query.set("service", period.service);
  return query.toString();
}

// "2026-11", "2026-10", ...: the months one may look back at, the newest first.
export function monthsBefore(now: number, count: number): string[] {
  const at = new Date(now);
  return Array.from({ length: count }, (_, i) => {
    const month = new Date(at.getFullYear(), at.getMonth() - i, 1);
    return `${month.getFullYear()}-${String(month.getMonth() + 1).padStart(2, "0")}`;
  });
}
