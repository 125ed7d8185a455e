import { expect, it } from "vitest";
import type { HistoryItem } from "../api/routing";
import { endsOnly } from "../alerts/Told";
import { lastDeliveries } from "./deliveries";

const item = (seq: number, outcome: string, integration: string, more: Record<string, unknown> = {}): HistoryItem => ({
  seq,
  at: `2026-11-22T03:00:0${seq}Z`,
  topic: "route.notification",
  key: "{}:{}",
  what: { outcome, integration, transition: 1, ...more },
});

it("the newest outcome of each integration counts", () => {
  const last = lastDeliveries([item(4, "held", "a/webhook/0"), item(3, "failed", "a/webhook/0", { detail: "refused" }), item(2, "delivered", "a/webhook/0"), item(1, "delivered", "b/slack/0")]);
  expect(last.get("a/webhook/0")).toEqual({ outcome: "failed", at: "2026-11-22T03:00:03Z", detail: "refused" });
  expect(last.get("b/slack/0")?.outcome).toBe("delivered");
});

it("a telling that has ended is one line", () => {
  const items = [item(4, "decided", "a", { transition: 2 }), item(3, "delivered", "a"), item(2, "decided", "a"), item(1, "decided", "b")];
  expect(endsOnly(items).map((one) => one.seq)).toEqual([4, 3, 1]);
});
