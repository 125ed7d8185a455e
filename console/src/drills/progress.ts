// How far a drill has come, in seconds since the break.
import type { Drill } from "../api/types";
import { secondsBetween } from "../i18n/quantities";

export type Stage = "injected" | "detected" | "acknowledged" | "repaired" | "closed" | "restored";

export interface StageReading {
  stage: Stage;
  reached: boolean;
  current: boolean; // the one being waited for
  seconds: number | null; // after the injection; null before it, and for the injection itself
}

export const isOver = (drill: Drill) => drill.state === "passed" || drill.state === "failed" || drill.state === "aborted";

export function stagesOf(drill: Drill): StageReading[] {
  const stops: [Stage, string | undefined][] = [
    ["injected", drill.injected_at],
    ["detected", drill.detected_at],
    ["acknowledged", drill.acknowledged_at],
    ["repaired", drill.repaired_at],
    ["closed", drill.closed_at],
    ["restored", drill.restored_at],
  ];
  const waiting = isOver(drill) ? -1 : stops.findIndex(([, at]) => at === undefined);
  return stops.map(([stage, at], i) => ({
    stage,
    reached: at !== undefined,
    current: i === waiting,
    seconds: stage === "injected" ? null : secondsBetween(drill.injected_at, at),
  }));
}
