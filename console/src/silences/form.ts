// What a person fills in for a silence, what is wrong with it, and the body it becomes.
import type { Silence } from "../api/routing";
import { matches, regexOf } from "../matchers/matchers";
import type { Matcher } from "../matchers/matchers";
import { durationOf, isoOf } from "../ui/moments";

export type Repeat = "none" | "daily" | "weekly" | "monthly" | "custom";
export const kWeekdays = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"] as const;
const kHour = 3_600_000;

export interface SilenceForm {
  id: string; // of the one that is edited; empty: a new one
  matchers: Matcher[];
  startsAt: string; // RFC 3339; empty: now
  endsAt: string;
  comment: string;
  createdBy: string;
  repeat: Repeat;
  weekdays: string[];
  rrule: string;
  each: string; // how long each occurrence lasts
  zone: string;
}

export function emptyForm(now: number, createdBy: string, zone: string, matchers: Matcher[] = []): SilenceForm {
  return {
    id: "",
    matchers: matchers.length > 0 ? matchers : [{ name: "", value: "", isRegex: false, isEqual: true }],
    startsAt: "",
    endsAt: isoOf(now + 2 * kHour),
    comment: "",
    createdBy,
    repeat: "none",
    weekdays: [],
    rrule: "",
    each: "2h",
    zone,
  };
}

// `again`: a new one like it from now on, for as long as it lasted.
export function formOf(silence: Silence, now: number, again: boolean): SilenceForm {
  const starts = Date.parse(silence.startsAt);
  const ends = Date.parse(silence.endsAt);
  const repeat = repeatOf(silence.recurrence?.rrule);
  return {
    id: again ? "" : silence.id,
    matchers: silence.matchers.map((one) => ({ ...one, isEqual: one.isEqual ?? true })),
    startsAt: again ? "" : silence.startsAt,
    endsAt: again ? isoOf(now + Math.max(ends - starts, 60_000)) : silence.endsAt,
    comment: silence.comment,
    createdBy: silence.createdBy,
    repeat: repeat.repeat,
    weekdays: repeat.weekdays,
    rrule: silence.recurrence?.rrule ?? "",
    each: silence.recurrence?.duration ?? "2h",
    zone: silence.recurrence?.zone ?? "",
  };
}

function repeatOf(rrule: string | undefined): { repeat: Repeat; weekdays: string[] } {
  if (!rrule) return { repeat: "none", weekdays: [] };
  if (rrule === "FREQ=DAILY") return { repeat: "daily", weekdays: [] };
  if (rrule === "FREQ=MONTHLY") return { repeat: "monthly", weekdays: [] };
  const days = /^FREQ=WEEKLY;BYDAY=([A-Z,]+)$/.exec(rrule)?.[1]?.split(",");
  if (days?.every((day) => (kWeekdays as readonly string[]).includes(day))) return { repeat: "weekly", weekdays: days };
  return { repeat: "custom", weekdays: [] };
}

export function rruleOf(form: SilenceForm): string {
  switch (form.repeat) {
    case "none":
      return "";
    case "daily":
      return "FREQ=DAILY";
    case "weekly":
      return form.weekdays.length === 0 ? "" : `FREQ=WEEKLY;BYDAY=${kWeekdays.filter((day) => form.weekdays.includes(day)).join(",")}`;
    case "monthly":
      return "FREQ=MONTHLY";
    case "custom":
      return form.rrule.trim().replace(/^RRULE:/i, "");
  }
}

export type FormProblem = "matchers" | "matcher" | "regex" | "broad" | "times" | "past" | "comment" | "created_by" | "each" | "rrule";

// Of the conditions alone: with none of these the preview can be asked.
export function matcherProblem(form: SilenceForm): { what: FormProblem; text: string } | null {
  const given = form.matchers.filter((one) => one.name !== "" || one.value !== "");
  if (given.length === 0) return { what: "matchers", text: "" };
  if (given.some((one) => one.name.trim() === "")) return { what: "matcher", text: "" };
  const bad = given.find((one) => one.isRegex && regexOf(one.value) === null);
  if (bad) return { what: "regex", text: bad.value };
  // One that lets everything through hides everything: the server refuses it, and it says so here first.
  if (given.every((one) => matches({}, one))) return { what: "broad", text: "" };
  return null;
}

export function problemOf(form: SilenceForm, now: number): { what: FormProblem; text: string } | null {
  const matcher = matcherProblem(form);
  if (matcher) return matcher;
  const starts = form.startsAt === "" ? now : Date.parse(form.startsAt);
  const ends = Date.parse(form.endsAt);
  if (!(ends > starts)) return { what: "times", text: "" };
  if (ends <= now) return { what: "past", text: "" };
  if (form.repeat !== "none") {
    if (rruleOf(form) === "") return { what: "rrule", text: "" };
    if (durationOf(form.each) === null) return { what: "each", text: "" };
  }
  if (form.createdBy.trim() === "") return { what: "created_by", text: "" };
  if (form.comment.trim() === "") return { what: "comment", text: "" };
  return null;
}

export function bodyOf(form: SilenceForm, now: number): Record<string, unknown> {
  const each = durationOf(form.each);
  return {
    ...(form.id === "" ? {} : { id: form.id }),
    matchers: form.matchers.filter((one) => one.name.trim() !== "").map((one) => ({ ...one, name: one.name.trim() })),
    startsAt: form.startsAt === "" ? isoOf(Math.floor(now / 1000) * 1000) : form.startsAt, // whole seconds, as rules of recurrence count
    endsAt: form.endsAt,
    createdBy: form.createdBy.trim(),
    comment: form.comment.trim(),
    ...(form.repeat === "none" || each === null
      ? {}
      : { recurrence: { rrule: rruleOf(form), zone: form.zone.trim(), duration: `${Math.round(each / 1000)}s` } }),
  };
}
