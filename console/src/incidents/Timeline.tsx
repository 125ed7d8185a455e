// The incident as it happened, oldest first (a very long one newest first): when, after how long, what, by whom, and on which evidence.
import type { Incident, TimelineEntry } from "../api/types";
import { useWords } from "../i18n/i18n";
import { formatSeconds, formatClock, formatDay, formatMoment, momentOf, secondsBetween } from "../i18n/quantities";
import { Icon } from "../ui/Icon";
import type { IconName } from "../ui/Icon";
import { useMay } from "../session/session";
import { Limited } from "../ui/lists";
import { EvidenceFold } from "./EvidenceView";
import { LineActs, Revisions } from "./LineActs";

export type KindTone = "bad" | "warn" | "good" | "info" | "quiet";

export const kKinds: Record<string, { icon: IconName; tone: KindTone }> = {
  impact_started: { icon: "impact", tone: "bad" },
  alert_fired: { icon: "bell", tone: "bad" },
  alert_resolved: { icon: "check", tone: "good" },
  opened: { icon: "incident", tone: "bad" },
  severity_changed: { icon: "up", tone: "warn" },
  acknowledged: { icon: "person", tone: "info" },
  notified: { icon: "bell", tone: "info" },
  notify_failed: { icon: "cross", tone: "bad" },
  instance: { icon: "box", tone: "quiet" },
  remedy_planned: { icon: "wrench", tone: "info" },
  remedy_started: { icon: "play", tone: "info" },
  remedy_finished: { icon: "wrench", tone: "info" },
  remedy_verified: { icon: "check", tone: "good" },
  remedy_not_helped: { icon: "cross", tone: "warn" },
  escalated: { icon: "up", tone: "bad" },
  mitigated: { icon: "check", tone: "good" },
  resolved: { icon: "check", tone: "good" },
  note: { icon: "note", tone: "quiet" },
  drill: { icon: "drill", tone: "info" },
  page: { icon: "bell", tone: "info" },
  escalation: { icon: "up", tone: "warn" },
  confirmed: { icon: "check", tone: "info" },
  impact_moved: { icon: "impact", tone: "warn" },
  role_assigned: { icon: "person", tone: "info" },
  role_handed_over: { icon: "person", tone: "info" },
  backup_told: { icon: "bell", tone: "warn" },
  task: { icon: "check", tone: "quiet" },
  handling: { icon: "note", tone: "quiet" },
  act: { icon: "wrench", tone: "info" },
  check: { icon: "check", tone: "good" },
  status_update: { icon: "page", tone: "info" },
  war_room: { icon: "chat", tone: "info" },
  merged: { icon: "route", tone: "quiet" },
  split: { icon: "route", tone: "quiet" },
  linked: { icon: "route", tone: "quiet" },
  chat: { icon: "chat", tone: "quiet" },
  change: { icon: "box", tone: "warn" },
  words_sent: { icon: "page", tone: "info" },
  closed: { icon: "check", tone: "good" },
  response_overdue: { icon: "clock", tone: "bad" },
  recovery_overdue: { icon: "clock", tone: "bad" },
  resolution_overdue: { icon: "clock", tone: "bad" },
  update_due: { icon: "clock", tone: "warn" },
};
const kUnknownKind = { icon: "clock", tone: "quiet" } as const;

// So many lines are drawn at first: the newest, because they are what is going on.
const kFirst = 120;

export function Timeline({ incident, changed }: { incident: Incident; changed: () => void }) {
  const { t } = useWords();
  const may = useMay("respond");
  const entries = incident.timeline ?? [];
  const pinned = entries.filter((entry) => entry.pinned);
  const draw = (some: readonly TimelineEntry[]) =>
    some.map((entry, i) => <Entry key={entry.id ?? `${entry.source_seq}/${i}`} entry={entry} incident={incident} changed={changed} may={may} />);
  const newest = entries.length > kFirst ? [...entries].reverse() : null;
  return (
    <>
      {pinned.length > 0 && (
        <section className="pinned" data-testid="timeline-pinned">
          <h3>{t("line.pinned_title")}</h3>
          <ol className="timeline">{draw(pinned)}</ol>
        </section>
      )}
      {newest ? (
        <Limited items={newest} first={kFirst}>
          {(some) => (
            <ol className="timeline" reversed aria-label={t("timeline.title")} data-testid="timeline">
              {draw(some)}
            </ol>
          )}
        </Limited>
      ) : (
        <ol className="timeline" aria-label={t("timeline.title")} data-testid="timeline">
          {draw(entries)}
        </ol>
      )}
    </>
  );
}

function Entry({ entry, incident, changed, may }: { entry: TimelineEntry; incident: Incident; changed: () => void; may: boolean }) {
  const { word, t, language } = useWords();
  const { icon, tone } = kKinds[entry.kind] ?? kUnknownKind;
  const at = momentOf(entry.at);
  const after = secondsBetween(incident.started_at, entry.at);
  const kind = word("kind", entry.kind);
  return (
    <li className={`entry entry-${tone}`} data-testid="timeline-entry" data-kind={entry.kind}>
      <span className="entry-icon">
        <Icon name={icon} size={18} />
      </span>
      <div className="entry-when">
        <time dateTime={entry.at} title={formatMoment(at)} className="clock">
          {formatClock(at, true)}
        </time>
        {after !== null && (
          <span className="muted" title={formatDay(at)}>
            {after < 0 ? "" : "+"}
            {formatSeconds(after, language)}
          </span>
        )}
      </div>
      <div className="entry-what">
        <div>
          <strong>{kind}</strong>
          {entry.actor && <span className="muted entry-actor"> {t("timeline.by", { who: entry.actor })}</span>}
          {may && <LineActs incident={incident.id} entry={entry} changed={changed} />}
        </div>
        {entry.text && <p className="entry-text">{entry.text}</p>}
        <Revisions entry={entry} />
        <EvidenceFold evidence={entry.evidence} />
      </div>
    </li>
  );
}
