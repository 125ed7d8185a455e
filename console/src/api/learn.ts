// Postmortems and figures: src/learn/{postmortem,kpi} in TypeScript.
import type { Time } from "./types";

export interface PostmortemAction {
  id: string;
  title: string;
  category: string;
  owner: string;
  due_at?: Time;
  state: string; // open, done, dropped
  ticket: string;
}

export interface Postmortem {
  incident: string;
  title: string;
  service: string;
  level: string;
  language: string;
  state: string; // draft, in_review, reviewed, closed
  owner: string;
  created_at: Time;
  due_at: Time;
  overview: string;
  root_cause: string;
  impact: string;
  fix: string;
  lessons: string;
  timeline?: { at: Time; text: string; entry: string }[]; // absent in lists
  actions: PostmortemAction[];
  changed_by: string;
  changed_at?: Time;
  reviewed_by: string;
  reviewed_at?: Time;
  closed_at?: Time;
  overdue: boolean;
}

export interface Statistic {
  n: number;
  mean: number | null;
  p50: number | null;
  p75: number | null;
  p90: number | null;
  p95: number | null;
  target?: number;
  verdict?: "pass" | "fail" | "no_data";
}

export interface KpiGroup {
  name: string;
  counts: Record<string, number>;
  statistics: Record<string, Statistic>;
  breaches: Record<string, { n: number; breached: number; rate: number | null }>;
  load: { pages: number; business: number; off: number; sleep: number; nights: number };
  uptime_percent: number;
}

export interface KpiReport {
  from: Time;
  to: Time;
  service: string;
  by: string;
  excluded: { drills: number; merged: number };
  groups: KpiGroup[];
}
