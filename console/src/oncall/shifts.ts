// Shifts as bars on a line of time: where each begins, how wide it is, in which colour.
//
// Units       Positions and widths are shares of the range, 0 to 1. Days begin at midnight of the reader's own clock.
import type { Hole, Shift } from "../api/oncall";

export interface Bar {
  key: string;
  left: number;
  width: number;
  who: string; // ids with "+" between; empty: a hole
  shift: Shift | null;
  from: number;
  to: number;
}

export interface Range {
  from: number;
  to: number;
}

// What of [from, to) is in the range, as a share of it; null: nothing.
export function placed(from: number, to: number, range: Range): { left: number; width: number } | null {
  const begin = Math.max(from, range.from);
  const end = Math.min(to, range.to);
  if (!(end > begin)) return null;
  const whole = range.to - range.from;
  return { left: (begin - range.from) / whole, width: (end - begin) / whole };
}

export function barsOf(shifts: readonly Shift[], gaps: readonly Hole[], range: Range): Bar[] {
  const bars: Bar[] = [];
  const add = (from: number, to: number, who: string, shift: Shift | null, key: string) => {
    const place = placed(from, to, range);
    if (place) bars.push({ key, ...place, who, shift, from, to });
  };
  for (const shift of shifts) add(Date.parse(shift.from), Date.parse(shift.to), shift.users.join("+"), shift, `${shift.id}@${shift.from}`);
  for (const gap of gaps) add(Date.parse(gap.from), Date.parse(gap.to), "", null, `gap@${gap.from}`);
  return bars.sort((a, b) => a.from - b.from);
}

// The colour of each person is the same in all schedules: by the order of ids.
export function colourOf(who: string, everyone: readonly string[]): number {
  const at = everyone.indexOf(who);
  return at < 0 ? 0 : at % kColours;
}
export const kColours = 6;

export const everyoneOf = (schedules: readonly (readonly Shift[])[]) => [...new Set(schedules.flat().map((shift) => shift.users.join("+")))].sort();

export interface DayTick {
  at: number;
  left: number;
  width: number;
  weekend: boolean;
  day: number;
  month: number; // 1 to 12
}

// Each day of the range. A day of 23 or 25 hours is drawn as long as it is.
export function daysOf(range: Range): DayTick[] {
  const ticks: DayTick[] = [];
  const first = new Date(range.from);
  first.setHours(0, 0, 0, 0);
  for (let day = first; day.getTime() < range.to; ) {
    const next = new Date(day);
    next.setDate(next.getDate() + 1);
    const place = placed(day.getTime(), next.getTime(), range);
    if (place) {
      ticks.push({ at: day.getTime(), ...place, weekend: day.getDay() % 6 === 0, day: day.getDate(), month: day.getMonth() + 1 });
    }
    day = next;
  }
  return ticks;
}

// So many weeks from the midnight before `at`, moved by whole weeks.
export function rangeOf(at: number, weeks: number, moved: number): Range {
  const begin = new Date(at);
  begin.setHours(0, 0, 0, 0);
  begin.setDate(begin.getDate() + moved * 7);
  const end = new Date(begin);
  end.setDate(end.getDate() + weeks * 7);
  return { from: begin.getTime(), to: end.getTime() };
}

// The first shift that begins from then on.
export const nextShift = (shifts: readonly Shift[], after: number): Shift | null => shifts.find((shift) => Date.parse(shift.from) >= after) ?? null;
