// The four clocks of an incident, all counted from the moment its impact began.
import type { Incident } from "../api/types";
import { secondsBetween } from "../i18n/quantities";

export type ClockName = "detected" | "acknowledged" | "repaired" | "closed";

export interface ClockReading {
  name: ClockName;
  seconds: number | null; // null: not reached
  skipped: boolean; // not reached, and will not be: a later one has stopped
}

export function clocksOf(incident: Incident): ClockReading[] {
  const stops: [ClockName, string | undefined][] = [
    ["detected", incident.opened_at],
    ["acknowledged", incident.acknowledged_at],
    ["repaired", incident.mitigated_at],
    ["closed", incident.resolved_at],
  ];
  const readings = stops.map(([name, at]) => ({ name, seconds: secondsBetween(incident.started_at, at) }));
  return readings.map((reading, i) => ({
    ...reading,
    skipped: reading.seconds === null && readings.slice(i + 1).some((later) => later.seconds !== null),
  }));
}
