// The words on the screen, in the reader's language.
//
// Purpose     t("key", {name: value}) gives a text; word("state", "open") gives the translation of a stable
//             word of the API, and the word itself, readable, when it is one we do not know yet.
// Choice      Remembered in the browser; until chosen, the browser's own language.
import { createContext, useCallback, useContext, useEffect, useMemo, useState } from "react";
import type { ReactNode } from "react";
import { kEnglish } from "./en";
import { kPairs } from "./words";
import { kChinese } from "./zh";
import { recall, remember } from "../ui/remembered";

export type Language = "en" | "zh";
export type Key = keyof typeof kEnglish | keyof typeof kPairs;
export type Values = Record<string, string | number>;

const pairs = (side: 0 | 1) =>
  Object.fromEntries(Object.entries(kPairs).map(([key, pair]) => [key, pair[side]])) as Record<keyof typeof kPairs, string>;

export const kTexts: Record<Language, Record<Key, string>> = {
  en: { ...kEnglish, ...pairs(0) },
  zh: { ...kChinese, ...pairs(1) },
};

export function translate(language: Language, key: Key, values: Values = {}): string {
  return kTexts[language][key].replace(/\{(\w+)\}/g, (whole, name: string) =>
    name in values ? String(values[name]) : whole,
  );
}

export function translateWord(language: Language, subject: string, word: string): string {
  const key = `${subject}.${word}`;
  return key in kTexts[language] ? kTexts[language][key as Key] : word.replaceAll("_", " ");
}

export function languageOf(remembered: string | null, preferred: readonly string[]): Language {
  if (remembered === "en" || remembered === "zh") return remembered;
  const first = preferred.find((one) => /^(zh|en)\b/i.test(one));
  return first?.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export interface Words {
  language: Language;
  setLanguage: (language: Language) => void;
  t: (key: Key, values?: Values) => string;
  word: (subject: string, word: string) => string;
}

const WordsContext = createContext<Words | null>(null);

export function WordsProvider({ children, initial }: { children: ReactNode; initial?: Language }) {
  const [language, choose] = useState<Language>(
    () => initial ?? languageOf(recall("language"), navigator.languages ?? [navigator.language]),
  );
  const setLanguage = useCallback((chosen: Language) => {
    remember("language", chosen);
    choose(chosen);
  }, []);
  useEffect(() => {
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  }, [language]);
  const words = useMemo<Words>(
    () => ({
      language,
      setLanguage,
      t: (key, values) => translate(language, key, values),
      word: (subject, word) => translateWord(language, subject, word),
    }),
    [language, setLanguage],
  );
  return <WordsContext.Provider value={words}>{children}</WordsContext.Provider>;
}

export function useWords(): Words {
  const words = useContext(WordsContext);
  if (!words) throw new Error("used outside WordsProvider");
  return words;
}
