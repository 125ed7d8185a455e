import { describe, expect, it } from "vitest";
import type { Silence } from "../api/routing";
import { matcherOf } from "../matchers/matchers";
import { bodyOf, emptyForm, formOf, problemOf } from "./form";
import type { SilenceForm } from "./form";

const kNow = Date.parse("2026-11-22T03:00:00Z");
const good: SilenceForm = { ...emptyForm(kNow, "ada", "Asia/Shanghai", [matcherOf("alertname", "=", "Down")]), comment: "moving a disk" };

describe("a silence that is filled in", () => {
  it("begins now, lasts two hours, and is right", () => {
    expect(problemOf(good, kNow)).toBeNull();
    expect(bodyOf(good, kNow)).toEqual({
      matchers: [{ name: "alertname", value: "Down", isRegex: false, isEqual: true }],
      startsAt: "2026-11-22T03:00:00.000Z",
      endsAt: "2026-11-22T05:00:00.000Z",
      createdBy: "ada",
      comment: "moving a disk",
    });
  });
  const changes: [Partial<SilenceForm>, string][] = [
    [{ matchers: [] }, "matchers"],
    [{ matchers: [matcherOf("", "=", "x")] }, "matcher"],
    [{ matchers: [matcherOf("a", "=~", "(")] }, "regex"],
    [{ matchers: [matcherOf("a", "=~", ".*")] }, "broad"],
    [{ matchers: [matcherOf("a", "!=", "x")] }, "broad"],
    [{ startsAt: "2026-11-22T06:00:00Z" }, "times"],
    [{ startsAt: "2026-11-22T01:00:00Z", endsAt: "2026-11-22T02:00:00Z" }, "past"],
    [{ endsAt: "" }, "times"],
    [{ comment: "  " }, "comment"],
    [{ createdBy: "" }, "created_by"],
    [{ repeat: "weekly" }, "rrule"],
    [{ repeat: "custom", rrule: " " }, "rrule"],
    [{ repeat: "daily", each: "long" }, "each"],
  ];
  it.each(changes)("with %j is refused for its %s", (change, what) => {
    expect(problemOf({ ...good, ...change }, kNow)?.what).toBe(what);
  });
  it("begins at a whole second, because rules of recurrence know no parts of it", () =>
    expect(bodyOf(good, kNow + 999)["startsAt"]).toBe("2026-11-22T03:00:00.000Z"));
  it("recurs on the days chosen, in the week's order", () => {
    const body = bodyOf({ ...good, repeat: "weekly", weekdays: ["SU", "MO"], each: "1h30m" }, kNow);
    expect(body["recurrence"]).toEqual({ rrule: "FREQ=WEEKLY;BYDAY=MO,SU", zone: "Asia/Shanghai", duration: "5400s" });
  });
});

describe("a silence that is there", () => {
  const silence: Silence = {
    id: "S1",
    status: { state: "expired" },
    updatedAt: "2026-11-20T00:00:00Z",
    comment: "c",
    createdBy: "bo",
    startsAt: "2026-11-20T00:00:00Z",
    endsAt: "2026-11-20T03:00:00Z",
    matchers: [matcherOf("a", "!~", "x")],
    recurrence: { rrule: "FREQ=WEEKLY;BYDAY=SU", zone: "UTC", duration: "2h" },
  };
  it("is edited under its id", () => expect(formOf(silence, kNow, false)).toMatchObject({ id: "S1", repeat: "weekly", weekdays: ["SU"] }));
  it("is made again from now on, as long as it was", () =>
    expect(formOf(silence, kNow, true)).toMatchObject({ id: "", startsAt: "", endsAt: "2026-11-22T06:00:00.000Z" }));
});
