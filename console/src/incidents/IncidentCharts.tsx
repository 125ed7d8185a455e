// The numbers around the incident: what the alert measured, with its threshold, and the service's own
// signals, from a little before the impact to a little after the end.
import { useMemo } from "react";
import type { Incident } from "../api/types";
import { looksLikePromql, splitComparison } from "../explore/promql";
import { useWords } from "../i18n/i18n";
import { formatNumber, momentOf } from "../i18n/quantities";
import { useLive, useNow } from "../live/live";
import type { Mark } from "../ui/Chart";
import { Card } from "../ui/pieces";
import { QueryChart } from "../ui/QueryChart";
import { formatSignal, signalFloor, signalRoles, signalTone } from "../ui/signals";

const kBeforeS = 60;
const kAfterS = 60;
const kEveryS = 5; // an incident that lasts moves its right edge this often

function spanAround(incident: Incident, now: number): { from: number; to: number } {
  const from = (momentOf(incident.started_at) ?? now) / 1000 - kBeforeS;
  const end = momentOf(incident.resolved_at);
  const to = Math.min(end === null ? now / 1000 : end / 1000 + kAfterS, now / 1000);
  return { from: Math.floor(from), to: Math.max(Math.floor(to / kEveryS) * kEveryS, Math.floor(from) + 2 * kBeforeS) };
}

// The first firing alert's question, without its comparison: the value is drawn even where it was fine.
export function evidenceQuery(incident: Incident): { query: string; threshold: number | null } | null {
  const fired = (incident.timeline ?? []).find((entry) => entry.kind === "alert_fired" && looksLikePromql(entry.evidence?.query ?? ""));
  return fired?.evidence ? splitComparison(fired.evidence.query) : null;
}

export function IncidentCharts({ incident }: { incident: Incident }) {
  const { t, word, language } = useWords();
  const { overview } = useLive();
  const now = useNow();
  const { from, to } = spanAround(incident, now);
  const evidence = useMemo(() => evidenceQuery(incident), [incident]);
  const signals = overview?.services.find((service) => service.name === incident.service)?.signals ?? {};
  const roles = signalRoles(Object.keys(signals)).filter((role) => signals[role]!.query);
  const marks = useMarks(incident);
  if (!evidence && roles.length === 0) return null;
  return (
    <Card title={t("incident.charts")} testId="incident-charts">
      <div className="chart-grid chart-grid-plain">
        {evidence && (
          <figure>
            <figcaption>
              {t("incident.chart_evidence")} <code>{evidence.query}</code>
            </figcaption>
            <QueryChart query={evidence.query} label={t("incident.chart_evidence")} format={formatNumber} from={from} to={to} threshold={evidence.threshold} marks={marks} height={200} />
          </figure>
        )}
        {roles.map((role) => (
          <figure key={role}>
            <figcaption>{word("signal", role)}</figcaption>
            <QueryChart
              query={signals[role]!.query}
              label={word("signal", role)}
              name={word("signal", role)}
              format={(value) => formatSignal(role, value, language)}
              from={from}
              to={to}
              marks={marks}
              height={200}
              floorMax={signalFloor(role)}
              tone={signalTone(role)}
            />
          </figure>
        ))}
      </div>
    </Card>
  );
}

function useMarks(incident: Incident): Mark[] {
  const { t } = useWords();
  return useMemo(() => {
    const moments: [string | undefined, string, Mark["tone"]][] = [
      [incident.started_at, t("mark.started"), "bad"],
      [incident.opened_at, t("mark.opened"), "warn"],
      [incident.acknowledged_at, t("mark.acknowledged"), "info"],
      [incident.mitigated_at, t("mark.mitigated"), "good"],
      [incident.resolved_at, t("mark.resolved"), "good"],
    ];
    return moments.flatMap(([time, text, tone]) => {
      const at = momentOf(time);
      return at === null ? [] : [{ at: at / 1000, text, tone }];
    });
  }, [incident.started_at, incident.opened_at, incident.acknowledged_at, incident.mitigated_at, incident.resolved_at, t]);
}
