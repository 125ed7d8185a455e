import { describe, expect, it } from "vitest";
import { formatBytes, heaviest, ranked } from "./top";

describe("shares", () => {
  it("are of the whole, or of the largest", () => {
    const entries = [{ name: "a", count: 30 }, { name: "b", count: 10 }];
    expect(ranked(entries, 100).map((one) => one.share)).toEqual([0.3, 0.1]);
    expect(ranked(entries).map((one) => one.share)).toEqual([1, 1 / 3]);
    expect(ranked([{ name: "a", count: 0 }], 0)[0]!.share).toBe(0);
    expect(ranked([])).toEqual([]);
  });
  it("name a metric only when it weighs", () => {
    expect(heaviest([{ name: "a", count: 9_000 }], 20_000)?.name).toBe("a");
    expect(heaviest([{ name: "a", count: 900 }], 2_000)).toBeNull();
    expect(heaviest([{ name: "a", count: 900 }], 20_000)).toBeNull();
    expect(heaviest([], 20_000)).toBeNull();
  });
});

describe("bytes", () => {
  it.each([
    [0, "0 B"], [1023, "1023 B"], [1024, "1.0 KiB"], [1536, "1.5 KiB"], [150 * 1024 * 1024, "150 MiB"], [3 * 1024 ** 4, "3.0 TiB"],
  ])("%d read %s", (bytes, text) => expect(formatBytes(bytes)).toBe(text));
});
