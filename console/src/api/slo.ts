// Objectives as /slos answers them.
export interface Spent {
  total: number;
  bad: number;
  budget: number; // units that may be bad
  ratio: number | null; // of good ones
  remaining: number | null; // share of the budget, below 0 when overspent; null: no data
  met: boolean;
}

export interface BurnRate {
  window: string;
  seconds: number;
  rate: number | null;
}

export interface BurnPair {
  severity: string;
  page: boolean;
  long: string;
  short: string;
  factor: number;
  budget_share: number;
  burning: boolean;
}

export interface SloAlert {
  name: string;
  severity: string;
  state: "pending" | "firing";
  active_at: string;
  value: number;
  description: string;
}

export interface Slo {
  name: string;
  title: string;
  service: string;
  description: string;
  objective: number; // percent
  window: string;
  budgeting: "Occurrences" | "Timeslices" | "RatioTimeslices";
  slice_seconds: number;
  indicator: { kind: string; total?: string; good?: string; bad?: string; value?: string; limit?: string };
  source: string;
  burn_rates: BurnRate[];
  pairs: BurnPair[];
  alerts: SloAlert[];
  error: string;
  from: string;
  until: string;
  at: string;
  gross: Spent; // all there was
  net: Spent; // approved maintenance taken out
  maintenance_seconds: number;
}

export interface BurnDownPoint {
  at: string;
  remaining: number | null;
  remaining_net: number | null;
  total: number;
  bad: number;
}

export interface SloDetail extends Slo {
  burn_down: BurnDownPoint[];
  maintenance: { from: string; until: string; id: string; title: string }[];
  rules: string;
}
