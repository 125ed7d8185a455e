// What an objective's figures mean: how bad it is, where lines of a drawing go.
import type { Slo, SloDetail, Spent } from "../api/slo";

export type BudgetTone = "good" | "warn" | "bad" | "quiet";

// Under a quarter is time to be careful.
export function toneOf(spent: Spent): BudgetTone {
  if (spent.remaining === null) return "quiet";
  if (spent.remaining < 0) return "bad";
  return spent.remaining < 0.25 ? "warn" : "good";
}

// What needs somebody first: what pages, what is overspent, what has least left; without data last.
export function urgency(slo: Slo): number {
  const left = slo.net.remaining ?? 1;
  const alerting = slo.alerts.some((alert) => alert.state === "firing") ? -1000 : 0;
  return alerting + (slo.net.remaining === null ? 100 : Math.max(-99, left));
}

export function byUrgency(slos: Slo[]): Slo[] {
  return [...slos].sort((a, b) => urgency(a) - urgency(b) || a.name.localeCompare(b.name));
}

// "99.95 %", with as many digits as tell good from bad.
export function formatRatio(ratio: number | null): string {
  if (ratio === null) return "–";
  const percent = ratio * 100;
  return `${Number(percent.toFixed(percent > 99 ? 4 : 2))} %`;
}

export function formatLeft(remaining: number | null): string {
  if (remaining === null) return "–";
  const percent = remaining * 100;
  return `${percent < 0 ? "−" : ""}${Number(Math.abs(percent).toFixed(Math.abs(percent) < 10 ? 1 : 0))} %`;
}

export interface Drawing {
  gross: string; // points of a polyline, 0..width by 0..height
  net: string;
  zero: number; // where the budget is used up
  bands: { x: number; width: number; title: string }[]; // maintenance
  low: number; // the lowest share that is shown
}

// The burn-down begins at 100 % when the period does. What is far below zero is cut at −100 %.
export function drawingOf(slo: SloDetail, width: number, height: number): Drawing {
  const begin = Date.parse(slo.from);
  const end = Math.max(Date.parse(slo.until), begin + 1);
  const x = (time: number) => (Math.min(Math.max((time - begin) / (end - begin), 0), 1) * width);
  const shares = slo.burn_down.flatMap((point) => [point.remaining, point.remaining_net]).filter((share) => share !== null);
  const low = Math.max(-1, Math.min(0, ...shares));
  const y = (share: number) => ((1 - Math.max(share, low)) / (1 - low)) * height;
  const points = (share: "remaining" | "remaining_net") => {
    const known = slo.burn_down.filter((point) => point[share] !== null);
    if (known.length === 0) return "";
    return [`0,${round(y(1))}`, ...known.map((point) => `${round(x(Date.parse(point.at)))},${round(y(point[share]!))}`)].join(" ");
  };
  return {
    gross: points("remaining"),
    net: points("remaining_net"),
    zero: round(y(0)),
    low,
    bands: slo.maintenance.map((one) => ({
      x: round(x(Date.parse(one.from))),
      width: round(Math.max(1, x(Date.parse(one.until)) - x(Date.parse(one.from)))),
      title: one.title,
    })),
  };
}

const round = (value: number) => Math.round(value * 10) / 10;
