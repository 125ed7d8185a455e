import { describe, expect, it } from "vitest";
import type { Incident, Overview } from "../api/types";
import { freshness, kFreshForMs, kInitialLive, reduce, type LiveState } from "./reduce";

const overview = {
  now: "2026-01-01T00:00:10.000Z",
  automation: { stopped: false, by: "", reason: "", at: "" },
  services: [{ name: "a", instances: [{ id: "a/1/0", service: "a", state: "ready" }] }],
  incidents: [],
} as unknown as Overview;
const incident = (id: string, state: string, opened_at: string) => ({ id, state, opened_at, service: "a", timeline: [] }) as unknown as Incident;
const open = (): LiveState => reduce(reduce(kInitialLive, { type: "stream_opened", at: 1000 }), { type: "overview", overview, at: 1000 });

describe("news", () => {
  it("an instance's change is shown at once", () => {
    const next = reduce(open(), { type: "event", topic: "instance.changed", seq: 5, body: { id: "a/1/0", service: "a", state: "exited" }, at: 2000 });
    expect(next.overview?.services[0]?.instances[0]?.state).toBe("exited");
    expect(next.revisions["instance.changed"]).toBe(1);
  });
  it("a repeated event is ignored, a new connection counts anew", () => {
    const event = { type: "event", topic: "automation.changed", seq: 7, body: { stopped: true }, at: 2000 } as const;
    const once = reduce(open(), event);
    expect(reduce(once, event)).toBe(once);
    expect(reduce(reduce(once, { type: "stream_opened", at: 3000 }), { ...event, seq: 1 }).revisions["automation.changed"]).toBe(2);
  });
  it("incidents come newest first and go when resolved", () => {
    let state = reduce(open(), { type: "event", topic: "incident.changed", seq: 1, body: incident("I1", "open", "2026-01-01T00:00:00Z"), at: 1 });
    state = reduce(state, { type: "event", topic: "incident.changed", seq: 2, body: incident("I2", "open", "2026-01-01T00:01:00Z"), at: 2 });
    expect(state.overview?.incidents.map((one) => one.id)).toEqual(["I2", "I1"]);
    state = reduce(state, { type: "event", topic: "incident.changed", seq: 3, body: incident("I2", "resolved", "2026-01-01T00:01:00Z"), at: 3 });
    expect(state.overview?.incidents.map((one) => one.id)).toEqual(["I1"]);
    expect(state.overview?.incidents[0]).not.toHaveProperty("timeline");
  });
});

describe("freshness", () => {
  it("is fresh only while the stream is open, answers come and the last word is young", () => {
    const state = open();
    expect(freshness(state.connection, 1000)).toBe("fresh");
    expect(freshness(state.connection, 1000 + kFreshForMs)).toBe("stale");
    expect(freshness(reduce(state, { type: "stream_lost" }).connection, 1000)).toBe("stale");
    expect(freshness(reduce(state, { type: "unreachable" }).connection, 1000)).toBe("stale");
  });
  it("is starting before anything was heard", () => expect(freshness(kInitialLive.connection, 0)).toBe("starting"));
});
