// The first page: is everything standing, and if not, what falls.
import { useState } from "react";
import type { Health, ServiceView } from "../api/types";
import { useWords } from "../i18n/i18n";
import { IncidentRows } from "../incidents/IncidentRows";
import { useLive } from "../live/live";
import { HealthChip, kHealthTone } from "../ui/Chip";
import { Card, Choice, Empty, Loading, Page } from "../ui/pieces";
import { Icon } from "../ui/Icon";
import { Link } from "../ui/router";
import { AutomationSwitch } from "./Automation";
import { ServiceCard } from "./ServiceCard";

const kWorstFirst: Health[] = ["down", "degraded", "unknown", "healthy"];

export function worstHealth(services: ServiceView[]): Health {
  return kWorstFirst.find((health) => services.some((service) => service.health === health)) ?? "unknown";
}

export function OverviewPage() {
  const { t } = useWords();
  const { overview } = useLive();
  const [minutes, setMinutes] = useState(5);
  if (!overview) {
    return (
      <Page title={t("nav.overview")} testId="overview-page">
        <Loading />
      </Page>
    );
  }
  const guarded = overview.services.filter((service) => !service.supervised_only);
  const kept = overview.services.filter((service) => service.supervised_only);
  return (
    <Page title={t("nav.overview")} aside={<AutomationSwitch />} testId="overview-page">
      <Headline services={overview.services} incidents={overview.incidents.length} />
      {overview.incidents.length > 0 && (
        <Card title={t("overview.active_incidents")} testId="active-incidents">
          <IncidentRows incidents={overview.incidents} />
        </Card>
      )}
      <div className="section-head">
        <h2>{t("overview.services")}</h2>
        <Choice
          label={t("range.label")}
          value={minutes}
          options={[5, 15, 60].map((value) => ({ value, text: t("range.minutes", { count: value }) }))}
          onChange={setMinutes}
          testId="range"
        />
      </div>
      {guarded.length === 0 ? (
        <Empty icon="box" title={t("overview.no_services")}>
          {t("overview.no_services_text")}
        </Empty>
      ) : (
        <div className="service-grid">
          {guarded.map((service) => (
            <ServiceCard key={service.name} service={service} minutes={minutes} />
          ))}
        </div>
      )}
      {kept.length > 0 && <Kept services={kept} />}
    </Page>
  );
}

// One sentence to read from across the room.
function Headline({ services, incidents }: { services: ServiceView[]; incidents: number }) {
  const { t } = useWords();
  if (services.length === 0) return null;
  const health = worstHealth(services);
  const troubled = services.filter((service) => service.health === health).map((service) => service.name);
  const calm = health === "healthy" && incidents === 0;
  const text = calm
    ? t("overview.all_well", { count: services.length })
    : health === "healthy"
      ? t("overview.well_but_incidents", { count: incidents })
      : t(`overview.worst_${health}`, { names: troubled.join(", ") });
  const tone = calm ? "good" : health === "healthy" ? "warn" : kHealthTone[health];
  return (
    <p className={`headline headline-${tone}`} data-testid="headline">
      <Icon name={tone === "good" ? "check" : tone === "bad" ? "cross" : tone === "warn" ? "incident" : "question"} size={26} />
      <span>{text}</span>
    </p>
  );
}

function Kept({ services }: { services: ServiceView[] }) {
  const { t } = useWords();
  return (
    <Card title={t("overview.kept")} testId="kept-services">
      <p className="muted">{t("overview.kept_text")}</p>
      <ul className="kept">
        {services.map((service) => (
          <li key={service.name} data-testid={`service-card-${service.name}`}>
            <Link to={`/services/${encodeURIComponent(service.name)}`}>{service.name}</Link>
            <HealthChip health={service.health} large={false} testId={`service-health-${service.name}`} />
            {service.health !== "healthy" && <span className="muted">{service.reasons.join("; ")}</span>}
          </li>
        ))}
      </ul>
    </Card>
  );
}
