import { describe, expect, it } from "vitest";
import type { Shift } from "../api/oncall";
import { barsOf, colourOf, daysOf, everyoneOf, nextShift, placed, rangeOf } from "./shifts";

const kRange = { from: Date.parse("2026-11-22T00:00:00Z"), to: Date.parse("2026-11-26T00:00:00Z") };
const shift = (from: string, to: string, ...users: string[]): Shift => ({ id: from, from, to, users, source: "layer-1", level: 0, instead_of: [] });

describe("bars", () => {
  const shifts = [
    shift("2026-11-20T00:00:00Z", "2026-11-23T00:00:00Z", "ada"),
    shift("2026-11-24T00:00:00Z", "2026-11-30T00:00:00Z", "bo", "cy"),
    shift("2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z", "ada"),
  ];
  const bars = barsOf(shifts, [{ from: "2026-11-23T00:00:00Z", to: "2026-11-24T00:00:00Z" }], kRange);
  it("are cut to the range and say so in shares of it", () =>
    expect(bars.map((bar) => [bar.who, bar.left, bar.width])).toEqual([
      ["ada", 0, 0.25],
      ["", 0.25, 0.25],
      ["bo+cy", 0.5, 0.5],
    ]));
  it("keep the shift's own times", () => expect(new Date(bars[0]!.from).toISOString()).toBe("2026-11-20T00:00:00.000Z"));
  it("have the colour of their people", () => {
    const everyone = everyoneOf([shifts]);
    expect(everyone).toEqual(["ada", "bo+cy"]);
    expect([colourOf("ada", everyone), colourOf("bo+cy", everyone), colourOf("zed", everyone)]).toEqual([0, 1, 0]);
  });
  it("nothing is placed outside, nor without length", () => {
    expect(placed(kRange.to, kRange.to + 1, kRange)).toBeNull();
    expect(placed(kRange.from, kRange.from, kRange)).toBeNull();
  });
  it("the next shift begins when this one ends, or later", () => {
    expect(nextShift(shifts, Date.parse("2026-11-23T00:00:00Z"))?.users).toEqual(["bo", "cy"]);
    expect(nextShift(shifts, Date.parse("2027-01-01T00:00:00Z"))).toBeNull();
  });
});

describe("days", () => {
  const range = rangeOf(new Date(2026, 10, 22, 3, 30).getTime(), 2, 1);
  it("begin at midnight, moved by weeks", () => {
    expect(new Date(range.from)).toEqual(new Date(2026, 10, 29));
    expect(new Date(range.to)).toEqual(new Date(2026, 11, 13));
  });
  it("fill the range without a hole", () => {
    const days = daysOf(range);
    expect(days).toHaveLength(14);
    expect(days[0]).toMatchObject({ day: 29, month: 11, weekend: true });
    expect(days.reduce((sum, day) => sum + day.width, 0)).toBeCloseTo(1);
  });
});
