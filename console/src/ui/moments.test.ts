import { describe, expect, it } from "vitest";
import { durationOf, fromLocalInput, toLocalInput } from "./moments";

describe("moments in a form", () => {
  it("come back as they went in, to the minute", () => {
    const at = new Date(2026, 10, 22, 3, 7).getTime();
    expect(toLocalInput(at)).toBe("2026-11-22T03:07");
    expect(fromLocalInput(toLocalInput(at))).toBe(at);
  });
  it.each(["", "2026-11-22", "tomorrow", "2026-13-40T99:00"])("%j is none", (text) => expect(fromLocalInput(text)).toBeNull());
});

describe("durations as people write them", () => {
  it.each([
    ["2h", 7_200_000],
    ["1h30m", 5_400_000],
    ["2d 4h", 187_200_000],
    ["90", 5_400_000],
    ["1w", 604_800_000],
  ])("%s", (text, ms) => expect(durationOf(text)).toBe(ms));
  it.each(["", "0", "h", "2 hours", "-1h", "1h x"])("%j is none", (text) => expect(durationOf(text)).toBeNull());
});
