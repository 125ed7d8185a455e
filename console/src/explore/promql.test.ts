import { describe, expect, it } from "vitest";
import { looksLikePromql, splitComparison, suggestionsAt } from "./promql";

describe("evidence queries", () => {
  it("a comparison at the top is split off, so that the chart shows value and limit", () => {
    expect(splitComparison("rate(a[5m]) > 0.05")).toEqual({ query: "rate(a[5m])", threshold: 0.05 });
  });
  it("a query without one stays whole", () => expect(splitComparison("sum(rate(a[5m]))")).toEqual({ query: "sum(rate(a[5m]))", threshold: null }));
  it("words that are no query are told apart", () => {
    expect(looksLikePromql("rate(a[5m])")).toBe(true);
    expect(looksLikePromql("exit by signal 9 seen")).toBe(false);
  });
});

describe("suggestions", () => {
  it("offer metrics and functions that begin like the word at the cursor", () => {
    const texts = suggestionsAt("ra", 2, ["rabbit_total", "up"]).map((one) => one.text);
    expect(texts.some((text) => text.startsWith("rate"))).toBe(true);
    expect(texts).toContain("rabbit_total");
    expect(texts).not.toContain("up");
  });
});
