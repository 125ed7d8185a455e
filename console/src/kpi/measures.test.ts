import { describe, expect, it } from "vitest";
import type { KpiGroup, Statistic } from "../api/learn";
import { monthsBefore, queryOf, statisticsOf } from "./measures";

const none: Statistic = { n: 0, mean: null, p50: null, p75: null, p90: null, p95: null };
const group = (...names: string[]): KpiGroup => ({
  name: "total",
  counts: {},
  statistics: Object.fromEntries(names.map((name) => [name, none])),
  breaches: {},
  load: { pages: 0, business: 0, off: 0, sleep: 0, nights: 0 },
  uptime_percent: 100,
});

it("measures stand in the order people read them, unknown ones last", () =>
  expect(statisticsOf(group("mtbf", "zeal", "mtta", "mttd")).map(([name]) => name)).toEqual(["mttd", "mtta", "mtbf", "zeal"]));

describe("a period", () => {
  const now = new Date(2026, 10, 22, 3, 30).getTime();
  it("is whole days that end today", () => {
    const query = new URLSearchParams(queryOf({ days: 7, by: "service", service: "pay" }, now));
    expect(new Date(query.get("from")!)).toEqual(new Date(2026, 10, 16));
    expect([query.get("by"), query.get("service")]).toEqual(["service", "pay"]);
  });
  it("asks for nothing it need not", () => expect(queryOf({ days: 1, by: "", service: "" }, now)).not.toContain("by"));
});

it("months go back over the turn of the year", () => expect(monthsBefore(new Date(2026, 1, 10).getTime(), 3)).toEqual(["2026-02", "2026-01", "2025-12"]));
