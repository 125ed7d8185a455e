import { path } from "../api/client";
import type { Incident, IncidentDetail, Notification } from "../api/types";
import { useWords } from "../i18n/i18n";
import { formatSeconds } from "../i18n/quantities";
import { useResource } from "../live/live";
import { EscalationView, useEscalations } from "../oncall/Escalations";
import { SeverityChip, StateChip } from "../ui/Chip";
import { Limited } from "../ui/lists";
import { Card, Empty, Labels, Lasting, Moment, Page, Ready, Table } from "../ui/pieces";
import { Link } from "../ui/router";
import { clocksOf } from "./clocks";
import { IncidentActs } from "./IncidentActs";
import { IncidentCharts } from "./IncidentCharts";
import { Checklist, Tasks } from "./Tasks";
import { Drafts } from "./Drafts";
import { Duties } from "./Duties";
import { Drill } from "./IncidentRows";
import { Impact } from "./Impact";
import { Promises } from "./Promises";
import { Links, PostmortemCard, WarRoomLine } from "./Relations";
import { RemedyList } from "./Remedies";
import { Timeline } from "./Timeline";
import "./incident.css";

export function IncidentPage({ id }: { id: string }) {
  const { t } = useWords();
  const detail = useResource<IncidentDetail>(path`/incidents/${id}`, {
    topics: ["incident.changed", "remedy.changed", "notification.changed", "incident.war_room"],
    everyMs: 10_000,
  });
  const incident = detail.data?.incident;
  return (
    <Page
      title={incident ? `${incident.id} ${incident.title}` : id}
      heading={incident?.title ?? id}
      intro={incident && <Chips incident={incident} />}
      aside={incident && <IncidentActs incident={incident} changed={detail.reload} />}
      testId="incident-page"
    >
      <p className="back">
        <Link to="/incidents">← {t("nav.incidents")}</Link>
      </p>
      <Ready of={detail}>{(data) => <Body detail={data} changed={detail.reload} />}</Ready>
    </Page>
  );
}

function Chips({ incident }: { incident: Incident }) {
  const { t, word } = useWords();
  return (
    <span className="chips">
      <SeverityChip rank={incident.rank} scheme={incident.scheme} names={incident.level_names} large titled />
      <StateChip of="incident_state" state={incident.state} large testId="incident-state" />
      <Drill incident={incident} />
      {incident.phase && incident.phase !== incident.state && <span className="muted">{word("phase", incident.phase)}</span>}
      <span className="muted">
        {incident.id}
        {incident.service && (
          <>
            {" · "}
            <Link to={`/services/${encodeURIComponent(incident.service)}`}>{incident.service}</Link>
          </>
        )}
      </span>
      {incident.acknowledged_by && <span className="muted">{t("incident.acknowledged_by", { who: incident.acknowledged_by })}</span>}
      {incident.closed_by && <span className="muted">{t("close.closed_by", { who: incident.closed_by })}</span>}
      {incident.merged_into && (
        <span className="muted">
          {t("links.merged_into")} <Link to={`/incidents/${encodeURIComponent(incident.merged_into)}`}>{incident.merged_into}</Link>
        </span>
      )}
      <WarRoomLine incident={incident} />
      {incident.previous && (
        <span className="muted">
          {t("incident.relapse_of")} <Link to={`/incidents/${encodeURIComponent(incident.previous)}`}>{incident.previous}</Link>
        </span>
      )}
    </span>
  );
}

function Body({ detail, changed }: { detail: IncidentDetail; changed: () => void }) {
  const { t } = useWords();
  const { incident, remedies, notifications } = detail;
  return (
    <>
      <Clocks incident={incident} />
      <Promises incident={incident} />
      <div className="grid-2 incident-now">
        <Calls incident={incident} />
        <Checklist incident={incident} changed={changed} />
      </div>
      <div className="incident-columns">
        <div className="incident-side">
          <PostmortemCard incident={incident} />
          <Card title={t("timeline.title")} aside={<span className="muted">{t("timeline.count", { count: incident.timeline?.length ?? 0 })}</span>}>
            {incident.timeline?.length ? <Timeline incident={incident} changed={changed} /> : <Empty icon="clock" title={t("timeline.empty")} />}
          </Card>
        </div>
        <div className="incident-side">
          <Duties incident={incident} changed={changed} />
          <Impact incident={incident} changed={changed} />
          <Card title={t("incident.remedies")} testId="incident-remedies">
            {remedies.length === 0 ? <Empty icon="wrench" title={t("incident.no_remedies")} /> : <RemedyList remedies={remedies} />}
          </Card>
          <Card title={t("incident.alerts")}>
            <Alerts incident={incident} />
          </Card>
          <Drafts incident={incident} />
          <Tasks incident={incident} changed={changed} />
          <Links incident={incident} />
          <Card title={t("incident.notifications")} testId="incident-notifications">
            <Notifications notifications={notifications} />
          </Card>
        </div>
      </div>
      <IncidentCharts incident={incident} />
    </>
  );
}

// Who is being called because of it, as long as somebody is.
function Calls({ incident }: { incident: Incident }) {
  const { t } = useWords();
  const escalations = useEscalations();
  const mine = escalations.data?.escalations.find((one) => one.incident === incident.id);
  if (!mine) return null;
  return (
    <Card title={t("incident.escalation")} tone={mine.state === "held" ? undefined : "bad"} testId="incident-escalation">
      <EscalationView escalation={mine} reload={escalations.reload} />
    </Card>
  );
}

// Seconds measured, never rounded to "a moment": they are what the next improvement is judged by.
function Clocks({ incident }: { incident: Incident }) {
  const { t, language } = useWords();
  return (
    <dl className="clocks" data-testid="incident-clocks">
      <div>
        <dt>{t("clock.started")}</dt>
        <dd>
          <Moment time={incident.started_at} tenths />
        </dd>
      </div>
      {clocksOf(incident).map(({ name, seconds, skipped }) => (
        <div key={name} className={seconds === null ? "clock-open" : undefined} data-testid={`clock-${name}`} data-seconds={seconds ?? ""}>
          <dt>{t(`clock.${name}`)}</dt>
          <dd>
            {seconds !== null ? (
              formatSeconds(seconds, language)
            ) : skipped ? (
              t("clock.skipped")
            ) : (
              <>
                {t("clock.not_yet")} <small><Lasting since={incident.started_at} /></small>
              </>
            )}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Alerts({ incident }: { incident: Incident }) {
  const { t } = useWords();
  if (incident.alerts.length === 0) return <Empty icon="bell" title={t("incident.no_alerts")} />;
  return (
    <Limited items={incident.alerts} first={20}>
      {(some) => (
        <ul className="plain-list">
          {some.map((alert) => (
            <li key={alert.fingerprint}>
              <p className="remedy-head">
                <b>{alert.labels["alertname"] ?? alert.labels["fault"]}</b> <StateChip of="alert_state" state={alert.state} />
              </p>
              <Labels labels={alert.labels} without={[alert.labels["alertname"] ? "alertname" : "fault"]} />
            </li>
          ))}
        </ul>
      )}
    </Limited>
  );
}

function Notifications({ notifications }: { notifications: Notification[] }) {
  const { t } = useWords();
  if (notifications.length === 0) return <Empty icon="bell" title={t("incident.no_notifications")} />;
  const newest = [...notifications].sort((a, b) => Date.parse(b.created_at) - Date.parse(a.created_at));
  return (
    <Limited items={newest} first={4} step={20}>
      {(some) => <NotificationTable notifications={[...some]} />}
    </Limited>
  );
}

function NotificationTable({ notifications }: { notifications: Notification[] }) {
  const { t, word } = useWords();
  return (
    <Table
      caption={t("incident.notifications")}
      rows={notifications}
      rowKey={(one) => one.id}
      rowTestId={() => "notification-row"}
      columns={[
        { title: t("notice.receiver"), head: true, cell: (one) => <>{one.receiver} <span className="muted">{one.kind}</span></> },
        { title: t("notice.event"), cell: (one) => word("notice_event", one.event) },
        { title: t("notice.state"), cell: (one) => <StateChip of="notification_state" state={one.state} /> },
        { title: t("notice.when"), cell: (one) => <Moment time={one.delivered_at ?? one.created_at} /> },
        { title: t("notice.detail"), cell: (one) => [one.attempts > 1 && t("notice.attempts", { count: one.attempts }), one.detail].filter(Boolean).join(" · ") || "–" },
      ]}
    />
  );
}
