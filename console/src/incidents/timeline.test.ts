import { describe, expect, it } from "vitest";
import { kTexts } from "../i18n/i18n";
import { kKinds } from "./Timeline";

// The kinds of src/model/incident.h.
const kinds = ["impact_started", "alert_fired", "alert_resolved", "opened", "severity_changed", "acknowledged", "notified", "notify_failed",
  "instance", "remedy_planned", "remedy_started", "remedy_finished", "remedy_verified", "remedy_not_helped", "escalated", "mitigated",
  "resolved", "note", "drill", "page", "escalation", "confirmed", "impact_moved", "role_assigned", "role_handed_over", "backup_told", "task",
  "handling", "act", "check", "status_update", "war_room", "merged", "split", "linked", "chat", "change", "words_sent", "closed",
  "response_overdue", "recovery_overdue", "resolution_overdue", "update_due"];

describe("every kind of timeline entry", () => {
  it.each(kinds)("%s has an icon, a tone and words", (kind) => {
    expect(kKinds[kind]).toBeDefined();
    expect(kTexts.en[`kind.${kind}` as keyof typeof kTexts.en]).toBeTruthy();
  });
});
