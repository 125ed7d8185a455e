// How the well-known signals of a service are read: rate, share, latency. Others are plain numbers.
import type { Language } from "../i18n/i18n";
import { formatLatency, formatNumber, formatRate, formatShare } from "../i18n/quantities";

export const kSignalOrder = ["requests", "errors", "latency_p95"] as const;

export function formatSignal(role: string, value: number | null, language: Language): string {
  if (role === "requests") return formatRate(value, language);
  if (role === "errors") return formatShare(value);
  if (role.startsWith("latency")) return formatLatency(value, language);
  return formatNumber(value);
}

// The smallest top of the value axis: 1 % of errors, 10 ms; so that a calm service looks calm.
export function signalFloor(role: string): number {
  if (role === "errors") return 0.01;
  if (role.startsWith("latency")) return 0.01;
  return 0;
}

export const signalTone = (role: string) =>
  role === "errors" ? "--line-3" : role.startsWith("latency") ? "--line-2" : "--line-1";

// The known ones first, in the order people ask; the rest by name.
export function signalRoles(roles: string[]): string[] {
  const known = kSignalOrder.filter((role) => roles.includes(role));
  return [...known, ...roles.filter((role) => !(kSignalOrder as readonly string[]).includes(role)).sort()];
}
