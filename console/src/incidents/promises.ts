// The promises of a severity against the clock: what is left, what was kept, what is broken.
//
// Source      src/model/incident_record.h (IncidentClock). All are counted from when the incident was opened.
import type { Incident } from "../api/types";
import { momentOf, secondsBetween } from "../i18n/quantities";

export type PromiseState = "running" | "over" | "met" | "met_late" | "stopped";

export interface PromiseReading {
  kind: string; // response, recovery_begins, resolution, update, recovery
  state: PromiseState;
  dueAt: string;
  left: number; // seconds until it is due; below zero: so late, now or when it was met
  took: number | null; // seconds from opening until it was met
  soon: boolean; // running, and less than a fifth of its time is left
}

const kOrder = ["response", "recovery_begins", "resolution"];

function readingOf(incident: Incident, kind: string, dueAt: string, metAt: string | undefined, now: number): PromiseReading | null {
  const due = momentOf(dueAt);
  if (due === null) return null;
  const met = momentOf(metAt);
  const ended = incident.state === "resolved";
  const left = (due - (met ?? now)) / 1000;
  const whole = secondsBetween(incident.opened_at, dueAt) ?? 0;
  const state: PromiseState = met !== null ? (met <= due ? "met" : "met_late") : ended ? "stopped" : left < 0 ? "over" : "running";
  return { kind, state, dueAt, left, took: secondsBetween(incident.opened_at, metAt), soon: state === "running" && left < whole / 5 };
}

// The promises in the order they fall due in an incident's life; then the update and the recovery people were promised.
export function promisesOf(incident: Incident, now: number): PromiseReading[] {
  const readings: (PromiseReading | null)[] = [...(incident.clocks ?? [])]
    .sort((a, b) => kOrder.indexOf(a.kind) - kOrder.indexOf(b.kind))
    .map((clock) => readingOf(incident, clock.kind, clock.due_at, clock.met_at, now));
  if (incident.state !== "resolved") {
    if (incident.next_update_at) readings.push(readingOf(incident, "update", incident.next_update_at, undefined, now));
    if (incident.expected_recovery_at) readings.push(readingOf(incident, "recovery", incident.expected_recovery_at, undefined, now));
  }
  return readings.filter((one): one is PromiseReading => one !== null);
}
