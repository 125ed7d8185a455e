// What the rules say right now, loudest first; and what was resolved a short while ago.
import type { Alert, AlertState } from "../api/types";
import { useWords } from "../i18n/i18n";
import { formatNumber, numberOf } from "../i18n/quantities";
import { EvidenceFold } from "../incidents/EvidenceView";
import { useResource } from "../live/live";
import { StateChip } from "../ui/Chip";
import { Limited } from "../ui/lists";
import { Ago, Card, Empty, Labels, Ready } from "../ui/pieces";
import { Link } from "../ui/router";

const kOrder: AlertState[] = ["firing", "pending", "resolved"];
const kSaidElsewhere = ["alertname", "service"];

export function RuleAlerts() {
  const { t } = useWords();
  const alerts = useResource<{ alerts: Alert[] }>("/alerts", { topics: ["alert.changed"], everyMs: 5_000 });
  return (
    <Ready of={alerts}>
      {(data) =>
        data.alerts.length === 0 ? (
          <Empty title={t("alerts.none")}>{t("alerts.none_text")}</Empty>
        ) : (
          kOrder.map((state) => <Group key={state} state={state} alerts={data.alerts.filter((alert) => alert.state === state)} />)
        )
      }
    </Ready>
  );
}

function Group({ state, alerts }: { state: AlertState; alerts: Alert[] }) {
  const { t } = useWords();
  if (alerts.length === 0) return null;
  return (
    <Card title={t(`alerts.${state}`, { count: alerts.length })} testId={`alerts-${state}`}>
      <Limited items={alerts} first={100}>
        {(some) => (
          <ul className="plain-list">
            {some.map((alert) => (
              <AlertItem key={JSON.stringify(alert.labels)} alert={alert} />
            ))}
          </ul>
        )}
      </Limited>
    </Card>
  );
}

function AlertItem({ alert }: { alert: Alert }) {
  const { t } = useWords();
  const service = alert.labels["service"];
  const runbook = alert.annotations["runbook_url"];
  const text = alert.annotations["summary"] ?? alert.annotations["description"];
  return (
    <li className="alert" data-testid="alert-row" data-alert={alert.labels["alertname"]}>
      <p className="remedy-head">
        <b>{alert.labels["alertname"]}</b>
        <StateChip of="alert_state" state={alert.state} />
        {service && <Link to={`/services/${encodeURIComponent(service)}`}>{service}</Link>}
      </p>
      {text && <p>{text}</p>}
      <p className="muted">
        {t("alerts.active")} <Ago time={alert.active_at} />
        {alert.resolved_at && (
          <>
            {" · "}
            {t("alerts.ended")} <Ago time={alert.resolved_at} />
          </>
        )}
        {" · "}
        {t("alerts.value", { value: formatNumber(numberOf(alert.value)) })}
        {runbook && /^https?:/.test(runbook) && (
          <>
            {" · "}
            <a href={runbook} rel="noreferrer">
              {t("alerts.runbook")}
            </a>
          </>
        )}
      </p>
      <Labels labels={alert.labels} without={kSaidElsewhere} />
      <EvidenceFold evidence={alert.evidence} />
    </li>
  );
}
