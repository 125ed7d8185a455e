import { describe, expect, it } from "vitest";
import { kEnglish } from "../i18n/en";
import { kKinds } from "./Timeline";

// The kinds of src/model/incident.h.
const kinds = ["impact_started", "alert_fired", "alert_resolved", "opened", "severity_changed", "acknowledged", "notified", "notify_failed",
  "instance", "remedy_planned", "remedy_started", "remedy_finished", "remedy_verified", "remedy_not_helped", "escalated", "mitigated",
  "resolved", "note", "drill"];

describe("every kind of timeline entry", () => {
  it.each(kinds)("%s has an icon, a tone and words", (kind) => {
    expect(kKinds[kind]).toBeDefined();
    expect(kEnglish[`kind.${kind}` as keyof typeof kEnglish]).toBeTruthy();
  });
});
