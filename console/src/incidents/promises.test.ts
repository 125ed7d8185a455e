import { describe, expect, it } from "vitest";
import type { Incident } from "../api/types";
import { promisesOf } from "./promises";

const at = (minute: number) => new Date(Date.parse("2026-11-22T03:00:00Z") + minute * 60_000).toISOString();
const incident = (change: Partial<Incident>): Incident => ({
  id: "INC-1",
  title: "",
  service: "",
  group: {},
  rank: "critical",
  scheme: "A",
  state: "open",
  drill: false,
  started_at: at(-2),
  opened_at: at(0),
  acknowledged_by: "",
  resolved_by: "",
  alerts: [],
  previous: "",
  ...change,
});
const reading = (clock: { due_at: string; met_at?: string }, minute: number, change: Partial<Incident> = {}) =>
  promisesOf(incident({ clocks: [{ kind: "response", ...clock }], ...change }), Date.parse(at(minute)))[0]!;

describe("a promise", () => {
  it("runs, and says what is left", () => expect(reading({ due_at: at(15) }, 5)).toMatchObject({ state: "running", left: 600, soon: false }));
  it("is soon due in its last fifth", () => expect(reading({ due_at: at(15) }, 13)).toMatchObject({ state: "running", soon: true }));
  it("is over when its time has passed", () => expect(reading({ due_at: at(15) }, 16)).toMatchObject({ state: "over", left: -60 }));
  it("is met when it was met in time, whatever time it is now", () =>
    expect(reading({ due_at: at(15), met_at: at(3) }, 500)).toMatchObject({ state: "met", took: 180 }));
  it("to the second counts as met", () => expect(reading({ due_at: at(15), met_at: at(15) }, 20).state).toBe("met"));
  it("is late when it was met after its time", () => expect(reading({ due_at: at(15), met_at: at(16) }, 500)).toMatchObject({ state: "met_late", left: -60 }));
  it("stops with its incident", () => expect(reading({ due_at: at(15) }, 500, { state: "resolved" }).state).toBe("stopped"));
});

describe("promises", () => {
  it("stand in the order of an incident's life, updates after", () => {
    const clocks = ["resolution", "response", "recovery_begins"].map((kind) => ({ kind, due_at: at(60) }));
    const kinds = promisesOf(incident({ clocks, next_update_at: at(30), expected_recovery_at: at(45) }), Date.parse(at(1))).map((one) => one.kind);
    expect(kinds).toEqual(["response", "recovery_begins", "resolution", "update", "recovery"]);
  });
  it("are none where none are given, or the time cannot be read", () => {
    expect(promisesOf(incident({}), 0)).toEqual([]);
    expect(promisesOf(incident({ clocks: [{ kind: "response", due_at: "soon" }] }), 0)).toEqual([]);
  });
  it("of updates end with the incident", () => expect(promisesOf(incident({ state: "resolved", next_update_at: at(5) }), 0)).toEqual([]));
});
