// Incidents as a list of links, worst news first to the eye: severity, state, title, since when.
import type { Incident } from "../api/types";
import { useWords } from "../i18n/i18n";
import { formatSeconds, secondsBetween } from "../i18n/quantities";
import { Chip, SeverityChip, StateChip } from "../ui/Chip";
import { Ago, Lasting } from "../ui/pieces";
import { Icon } from "../ui/Icon";
import { Link } from "../ui/router";

export function IncidentRows({ incidents }: { incidents: Incident[] }) {
  return (
    <ul className="incident-rows">
      {incidents.map((incident) => (
        <li key={incident.id} data-testid="incident-row" data-incident={incident.id} data-state={incident.state}>
          <Link to={`/incidents/${encodeURIComponent(incident.id)}`}>
            <span className="incident-chips">
              <SeverityChip rank={incident.rank} scheme={incident.scheme} names={incident.level_names} />
              <StateChip of="incident_state" state={incident.state} />
            </span>
            <span className="incident-what">
              <b>{incident.title}</b>
              <span className="muted">
                {[incident.id, incident.service].filter(Boolean).join(" · ")} <Drill incident={incident} />
              </span>
            </span>
            <span className="incident-when">
              <Ago time={incident.opened_at} />
              <Duration incident={incident} />
            </span>
            <Icon name="next" />
          </Link>
        </li>
      ))}
    </ul>
  );
}

export function Drill({ incident }: { incident: Incident }) {
  const { t } = useWords();
  return incident.drill ? (
    <Chip tone="info" icon="drill">
      {t("incident.drill")}
    </Chip>
  ) : null;
}

function Duration({ incident }: { incident: Incident }) {
  const { t, language } = useWords();
  if (incident.resolved_at) {
    return <span className="muted">{t("incident.closed_after", { span: formatSeconds(secondsBetween(incident.started_at, incident.resolved_at), language) })}</span>;
  }
  return (
    <span>
      {t("incident.lasting")} <Lasting since={incident.started_at} />
    </span>
  );
}
