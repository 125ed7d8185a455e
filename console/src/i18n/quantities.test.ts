import { describe, expect, it } from "vitest";
import { formatAge, formatCount, formatLatency, formatNumber, formatRate, formatSeconds, formatShare, kUnknown, momentOf, secondsBetween } from "./quantities";

describe("measured spans", () => {
  it.each([
    [0, "0.00 s"], [0.034, "0.03 s"], [0.4567, "0.46 s"], [3.21, "3.2 s"], [42.04, "42 s"], [59.96, "1 min 00 s"],
    [185, "3 min 05 s"], [7800, "2 h 10 min"], [277_200, "3 d 5 h"], [-2, "−2.0 s"],
  ])("%d seconds read %s", (seconds, text) => expect(formatSeconds(seconds, "en")).toBe(text));
  it("are told in Chinese units", () => expect(formatSeconds(185, "zh")).toBe("3 分 05 秒"));
  it.each([null, undefined, NaN, Infinity])("%s is unknown", (value) => expect(formatSeconds(value, "en")).toBe(kUnknown));
});

describe("numbers", () => {
  it.each([
    [0, "0"], [0.042, "0.042"], [1.5, "1.5"], [152.4, "152"], [9999, "9999"], [15_200, "15.2k"], [3.2e6, "3.2M"], [-7, "−7"],
    [Infinity, "+∞"], [NaN, kUnknown],
  ])("%d reads %s", (value, text) => expect(formatNumber(value)).toBe(text));
  it("shares keep small errors visible", () => {
    expect(formatShare(0)).toBe("0 %");
    expect(formatShare(0.00001)).toBe("< 0.01 %");
    expect(formatShare(0.0042)).toBe("0.42 %");
    expect(formatShare(0.5)).toBe("50 %");
  });
  it("counts are grouped, ages whole, rates and latencies carry units", () => {
    expect(formatCount(1234567)).toBe("1 234 567");
    expect(formatAge(119, "en")).toBe("1 min");
    expect(formatRate(50, "en")).toBe("50 /s");
    expect(formatLatency(0.0239, "en")).toBe("23.9 ms");
  });
});

describe("moments", () => {
  it("the model's zero is no moment", () => {
    expect(momentOf("1970-01-01T00:00:00.000Z")).toBeNull();
    expect(momentOf("nonsense")).toBeNull();
    expect(secondsBetween("2026-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z")).toBeNull();
  });
  it("spans between two moments are seconds", () => expect(secondsBetween("2026-01-01T00:00:00.000Z", "2026-01-01T00:00:01.500Z")).toBe(1.5));
});
