import { describe, expect, it } from "vitest";
import type { Slo, SloDetail, Spent } from "../api/slo";
import { byUrgency, drawingOf, formatLeft, formatRatio, toneOf } from "./budgets";

const spent = (remaining: number | null): Spent => ({ total: 100, bad: 1, budget: 2, ratio: 0.99, remaining, met: (remaining ?? 0) >= 0 });
const slo = (name: string, remaining: number | null, firing = false): Slo => ({
  name,
  title: "",
  service: "s",
  description: "",
  objective: 99,
  window: "30d rolling",
  budgeting: "Occurrences",
  slice_seconds: 60,
  indicator: { kind: "ratio" },
  source: "f:1:1",
  burn_rates: [],
  pairs: [],
  alerts: firing ? [{ name: "a", severity: "critical", state: "firing", active_at: "", value: 15, description: "" }] : [],
  error: "",
  from: "2026-01-01T00:00:00Z",
  until: "2026-01-31T00:00:00Z",
  at: "2026-01-31T00:00:00Z",
  gross: spent(remaining),
  net: spent(remaining),
  maintenance_seconds: 0,
});

it.each([
  [1, "good"],
  [0.25, "good"],
  [0.2, "warn"],
  [0, "warn"],
  [-0.1, "bad"],
  [null, "quiet"],
] as const)("%s of the budget left is %s", (left, tone) => expect(toneOf(spent(left))).toBe(tone));

it("what pages comes first, then what is overspent, and what has no data last", () =>
  expect(byUrgency([slo("none", null), slo("fine", 0.9), slo("over", -2), slo("pages", 0.5, true), slo("low", 0.1)]).map((one) => one.name)).toEqual([
    "pages",
    "over",
    "low",
    "fine",
    "none",
  ]));

describe("figures", () => {
  it("keep the digits that tell 99.95 from 99.9", () => {
    expect(formatRatio(0.9995)).toBe("99.95 %");
    expect(formatRatio(0.95)).toBe("95 %");
    expect(formatRatio(null)).toBe("–");
  });
  it("tell an overspent budget by its sign", () => {
    expect(formatLeft(0.873)).toBe("87 %");
    expect(formatLeft(0.0312)).toBe("3.1 %");
    expect(formatLeft(-1.5)).toBe("−150 %");
  });
});

describe("the burn-down", () => {
  const detail = (left: (number | null)[]): SloDetail => ({
    ...slo("a", 0.5),
    burn_down: left.map((remaining, i) => ({
      at: new Date(Date.UTC(2026, 0, 1 + (30 * (i + 1)) / left.length)).toISOString(),
      remaining,
      remaining_net: remaining,
      total: 1,
      bad: 0,
    })),
    maintenance: [{ from: "2026-01-16T00:00:00Z", until: "2026-01-17T00:00:00Z", id: "m", title: "disks" }],
    rules: "",
  });
  it("begins with the whole budget and goes down", () => expect(drawingOf(detail([1, 0.5]), 300, 100).gross).toBe("0,0 150,0 300,50"));
  it("shows what lies below zero, down to −100 %", () => {
    const drawing = drawingOf(detail([1, -3]), 300, 100);
    expect([drawing.low, drawing.zero, drawing.gross]).toEqual([-1, 50, "0,0 150,0 300,100"]);
  });
  it("draws nothing without data", () => expect(drawingOf(detail([null, null]), 300, 100).gross).toBe(""));
  it("marks maintenance where it was", () => expect(drawingOf(detail([1]), 300, 100).bands).toEqual([{ x: 150, width: 10, title: "disks" }]));
});
