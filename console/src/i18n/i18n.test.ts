import { describe, expect, it } from "vitest";
import { kEnglish } from "./en";
import { kTexts } from "./i18n";
import type { Key } from "./i18n";
import { kPairs } from "./words";
import { kChinese } from "./zh";

const placeholders = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();

describe("the two languages", () => {
  it("have the same keys", () => expect(Object.keys(kChinese).sort()).toEqual(Object.keys(kEnglish).sort()));
  it("say nothing in two places", () => expect(Object.keys(kPairs).filter((key) => key in kEnglish)).toEqual([]));
  it.each(Object.keys(kTexts.en) as Key[])("%s has words and the same placeholders in both", (key) => {
    expect(kTexts.en[key].trim()).not.toBe("");
    expect(kTexts.zh[key].trim()).not.toBe("");
    expect(placeholders(kTexts.zh[key])).toEqual(placeholders(kTexts.en[key]));
  });
});
