// The newest outcome of each integration, out of the router's history (which is newest first).
import type { HistoryItem } from "../api/routing";

export interface Delivery {
  outcome: string;
  at: string;
  detail: string;
}

const text = (value: unknown) => (typeof value === "string" ? value : "");

export function lastDeliveries(items: readonly HistoryItem[]): Map<string, Delivery> {
  const last = new Map<string, Delivery>();
  for (const item of items) {
    const key = text(item.what["integration"]);
    const outcome = text(item.what["outcome"]);
    if (item.topic !== "route.notification" || key === "" || last.has(key) || !["decided", "delivered", "failed"].includes(outcome)) continue;
    last.set(key, { outcome, at: item.at, detail: text(item.what["detail"]) || text(item.what["reason"]) });
  }
  return last;
}
