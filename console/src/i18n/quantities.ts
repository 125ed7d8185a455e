// How numbers, times and spans of time are written for people, in both languages.
//
// Units       Spans are seconds, moments are RFC 3339 text or browser milliseconds. Unknown is an en dash.
import type { Language } from "./i18n";

export const kUnknown = "–";

const kUnits: Record<Language, { ms: string; s: string; min: string; h: string; d: string }> = {
  en: { ms: " ms", s: " s", min: " min", h: " h", d: " d" },
  zh: { ms: " 毫秒", s: " 秒", min: " 分", h: " 小时", d: " 天" },
};

// Measured spans keep what was measured: 0.42 s, 3.2 s, 42 s, 3 min 05 s, 2 h 10 min, 3 d 4 h.
export function formatSeconds(seconds: number | null | undefined, language: Language): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return kUnknown;
  const unit = kUnits[language];
  const sign = seconds < 0 ? "−" : "";
  const s = Math.abs(seconds);
  if (s < 9.995) return `${sign}${s.toFixed(s < 0.995 ? 2 : 1)}${unit.s}`;
  if (s < 59.95) return `${sign}${trimZero(s.toFixed(1))}${unit.s}`;
  const whole = Math.round(s);
  if (whole < 3600) return `${sign}${Math.floor(whole / 60)}${unit.min} ${two(whole % 60)}${unit.s}`;
  if (whole < 86_400) return `${sign}${Math.floor(whole / 3600)}${unit.h} ${two(Math.floor(whole / 60) % 60)}${unit.min}`;
  return `${sign}${Math.floor(whole / 86_400)}${unit.d} ${Math.floor(whole / 3600) % 24}${unit.h}`;
}

// Spans that are only told, not measured: 3 s, 5 min, 2 h, 4 d.
export function formatAge(seconds: number | null | undefined, language: Language): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return kUnknown;
  const unit = kUnits[language];
  const s = Math.max(0, seconds);
  if (s < 60) return `${Math.floor(s)}${unit.s}`;
  if (s < 3600) return `${Math.floor(s / 60)}${unit.min}`;
  if (s < 86_400) return `${Math.floor(s / 3600)}${unit.h}`;
  return `${Math.floor(s / 86_400)}${unit.d}`;
}

const two = (n: number) => String(n).padStart(2, "0");
const trimZero = (text: string) => text.replace(/\.0$/, "");

// The API's value: a number, the text of one JSON cannot write, or nothing.
export function numberOf(value: number | string | null | undefined): number | null {
  if (value === null || value === undefined || value === "") return null;
  const number = Number(value);
  return Number.isFinite(number) ? number : null;
}

// Three significant digits, thousands as k, M, G: 0.042, 1.5, 152, 15.2k.
export function formatNumber(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return kUnknown;
  if (!Number.isFinite(value)) return value > 0 ? "+∞" : "−∞";
  const size = Math.abs(value);
  const sign = value < 0 ? "−" : "";
  if (size === 0) return "0";
  if (size < 0.0005) return sign + size.toExponential(1).replace("-", "−");
  for (const [at, letter] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e4, "k"]] as const) {
    if (size >= at) return sign + significant(size / (letter === "k" ? 1e3 : at)) + letter;
  }
  return sign + significant(size);
}

function significant(size: number): string {
  if (size >= 100) return String(Math.round(size));
  return String(Number(size.toPrecision(3)));
}

export function formatCount(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return kUnknown;
  return String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, " ");
}

export function formatShare(share: number | null | undefined): string {
  if (share === null || share === undefined || !Number.isFinite(share)) return kUnknown;
  const percent = share * 100;
  if (percent === 0) return "0 %";
  if (Math.abs(percent) < 0.01) return "< 0.01 %";
  return `${Number(percent.toFixed(Math.abs(percent) < 1 ? 2 : 1))} %`;
}

export function formatLatency(seconds: number | null | undefined, language: Language): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return kUnknown;
  const unit = kUnits[language];
  if (seconds < 1) return `${Number((seconds * 1000).toPrecision(3))}${unit.ms}`;
  return `${Number(seconds.toPrecision(3))}${unit.s}`;
}

export function formatRate(perSecond: number | null | undefined, language: Language): string {
  if (perSecond === null || perSecond === undefined || !Number.isFinite(perSecond)) return kUnknown;
  return `${formatNumber(perSecond)}${language === "zh" ? " 次/秒" : " /s"}`;
}

// A moment with the model's zero (the epoch) or unreadable text is unknown.
export function momentOf(time: string | null | undefined): number | null {
  if (!time) return null;
  const at = Date.parse(time);
  return Number.isFinite(at) && at > 0 ? at : null;
}

export function secondsBetween(from: string | null | undefined, to: string | null | undefined): number | null {
  const a = momentOf(from);
  const b = momentOf(to);
  return a === null || b === null ? null : (b - a) / 1000;
}

// The reader's own clock: 03:04:05, with tenths where order within a second matters.
export function formatClock(at: number | null, tenths = false): string {
  if (at === null) return kUnknown;
  const date = new Date(at);
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return tenths ? `${clock}.${Math.floor(date.getMilliseconds() / 100)}` : clock;
}

export function formatDay(at: number | null): string {
  if (at === null) return kUnknown;
  const date = new Date(at);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

export function formatMoment(at: number | null): string {
  return at === null ? kUnknown : `${formatDay(at)} ${formatClock(at)}`;
}

// A configured duration: the text as it stands in the file, or seconds.
export function formatConfigured(duration: string | number, language: Language): string {
  return typeof duration === "number" ? formatAge(duration, language) : duration;
}
