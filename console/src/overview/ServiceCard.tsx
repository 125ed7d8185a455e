import type { Instance, ServiceView, Signal } from "../api/types";
import { useWords } from "../i18n/i18n";
import { numberOf } from "../i18n/quantities";
import { useLive } from "../live/live";
import { Chip, HealthChip, StateChip } from "../ui/Chip";
import { QueryChart } from "../ui/QueryChart";
import { Link } from "../ui/router";
import { formatSignal, signalFloor, signalRoles, signalTone } from "../ui/signals";
import { TrafficBar } from "./TrafficBar";

export function ServiceCard({ service, minutes }: { service: ServiceView; minutes: number }) {
  const { t, word } = useWords();
  const tone = service.health === "down" ? "bad" : service.health === "degraded" ? "warn" : "plain";
  return (
    <article className={`card service-card card-${tone}`} data-testid={`service-card-${service.name}`}>
      <header className="card-head">
        <h3>
          <Link to={`/services/${encodeURIComponent(service.name)}`}>{service.name}</Link>
        </h3>
        <HealthChip health={service.health} testId={`service-health-${service.name}`} />
      </header>
      <p className="muted service-sub">
        {[word("tier", service.tier || "standard"), service.owner, service.stable && t("service.version", { version: service.stable })]
          .filter(Boolean)
          .join(" · ")}
      </p>
      <Reasons service={service} />
      <div className="signals">
        {signalRoles(Object.keys(service.signals)).map((role) => (
          <SignalTile key={role} service={service.name} role={role} signal={service.signals[role]!} minutes={minutes} />
        ))}
      </div>
      <Instances service={service} />
      {service.traffic && service.traffic.kind !== "none" && <TrafficBar traffic={service.traffic} />}
      {(service.incidents.length > 0 || service.alerts_firing > 0) && (
        <p className="service-trouble">
          {service.incidents.map((id) => (
            <Link key={id} to={`/incidents/${encodeURIComponent(id)}`} className="incident-link">
              {id}
            </Link>
          ))}
          {service.alerts_firing > 0 && <Link to="/alerts">{t("service.alerts_firing", { count: service.alerts_firing })}</Link>}
        </p>
      )}
    </article>
  );
}

export function Reasons({ service }: { service: ServiceView }) {
  const { t } = useWords();
  if (service.reasons.length === 0) {
    return service.health === "healthy" ? <p className="reasons">{t("service.all_well")}</p> : null;
  }
  return (
    <ul className="reasons" data-testid={`service-reasons-${service.name}`}>
      {service.reasons.map((reason) => (
        <li key={reason}>{reason}</li>
      ))}
    </ul>
  );
}

function SignalTile({ service, role, signal, minutes }: { service: string; role: string; signal: Signal; minutes: number }) {
  const { t, word, language } = useWords();
  const { skewMs } = useLive();
  const format = (value: number | null) => formatSignal(role, value, language);
  const value = numberOf(signal.value);
  return (
    <figure className="signal" data-testid={`signal-${service}-${role}`}>
      <figcaption>
        <span>{word("signal", role)}</span>
        <b className={role === "errors" && (value ?? 0) >= 0.01 ? "is-bad" : undefined}>{format(value)}</b>
      </figcaption>
      {signal.query && (
        <QueryChart
          query={signal.query}
          label={`${service}: ${word("signal", role)}, ${t("range.last", { count: minutes })}`}
          name={word("signal", role)}
          format={format}
          lastSeconds={minutes * 60}
          skewMs={skewMs}
          height={84}
          compact
          floorMax={signalFloor(role)}
          tone={signalTone(role)}
        />
      )}
    </figure>
  );
}

function Instances({ service }: { service: ServiceView }) {
  const { t } = useWords();
  const ready = service.instances.filter((instance) => instance.state === "ready").length;
  return (
    <div className="instances">
      <p>
        {t("service.instances", { ready, wanted: service.replicas_wanted })}
        {ready < service.replicas_wanted && <Chip tone="warn">{t("service.too_few")}</Chip>}
      </p>
      <ul>
        {service.instances.map((instance) => (
          <li key={instance.id} title={instance.detail || instance.id} data-testid={`instance-${instance.id}`}>
            <span className="instance-name">{shortId(instance)}</span>
            <StateChip of="instance_state" state={instance.state} />
          </li>
        ))}
      </ul>
    </div>
  );
}

// "enhancer/5.0/2" is 5.0/2 on its service's own card.
function shortId(instance: Instance): string {
  const prefix = `${instance.service}/`;
  return instance.id.startsWith(prefix) ? instance.id.slice(prefix.length) : instance.id;
}
