import { describe, expect, it } from "vitest";
import { kEnglish } from "./en";
import { kChinese } from "./zh";

const placeholders = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();

describe("the two languages", () => {
  it("have the same keys", () => expect(Object.keys(kChinese).sort()).toEqual(Object.keys(kEnglish).sort()));
  it.each(Object.keys(kEnglish) as (keyof typeof kEnglish)[])("%s has words and the same placeholders in both", (key) => {
    expect(kEnglish[key].trim()).not.toBe("");
    expect(kChinese[key].trim()).not.toBe("");
    expect(placeholders(kChinese[key])).toEqual(placeholders(kEnglish[key]));
  });
});
