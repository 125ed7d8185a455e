// One service from all sides: how it does, what runs, who serves, what would repair it, what happened.
import { useState } from "react";
import { path } from "../api/client";
import type { Incident, Instance, Remedy, RemedyRule, Server, ServiceDetail, Topic } from "../api/types";
import { useWords } from "../i18n/i18n";
import { formatConfigured, formatCount } from "../i18n/quantities";
import { IncidentRows } from "../incidents/IncidentRows";
import { RemedyList } from "../incidents/Remedies";
import { useLive, useResource } from "../live/live";
import { Reasons } from "../overview/ServiceCard";
import { TrafficBar } from "../overview/TrafficBar";
import { May, useMay } from "../session/session";
import { HealthChip, StateChip } from "../ui/Chip";
import { Ago, Button, Card, Choice, Empty, Labels, Page, Ready, Table } from "../ui/pieces";
import { QueryChart } from "../ui/QueryChart";
import { Link } from "../ui/router";
import { formatSignal, signalFloor, signalRoles, signalTone } from "../ui/signals";
import { CanaryStop, Restart, Scale } from "./ServiceActs";

const kServiceTopics: Topic[] = ["instance.changed", "incident.changed", "alert.changed", "remedy.changed"];
const kRecent = 10;

export function ServicePage({ name }: { name: string }) {
  const { t } = useWords();
  const service = useResource<ServiceDetail>(path`/services/${name}`, { topics: kServiceTopics, everyMs: 2_000 });
  return (
    <Page
      title={name}
      heading={
        <>
          {name} {service.data && <HealthChip health={service.data.health} testId={`service-health-${name}`} />}
        </>
      }
      intro={service.data && <Intro service={service.data} />}
      aside={service.data && <Acts service={service.data} done={service.reload} />}
      testId="service-page"
    >
      <p className="back">
        <Link to="/">← {t("nav.overview")}</Link>
      </p>
      <Ready of={service}>{(data) => <Sides service={data} reload={service.reload} />}</Ready>
    </Page>
  );
}

function Intro({ service }: { service: ServiceDetail }) {
  const { t, word } = useWords();
  const facts = [
    word("tier", service.tier || "standard"),
    service.owner,
    service.stable && t("service.version", { version: service.stable }),
    service.depends_on.length > 0 && t("service.depends_on", { names: service.depends_on.join(", ") }),
  ];
  return <>{facts.filter(Boolean).join(" · ")}</>;
}

function Acts({ service, done }: { service: ServiceDetail; done: () => void }) {
  const { t } = useWords();
  const [asking, setAsking] = useState<"restart" | "scale" | "canary" | null>(null);
  const close = () => setAsking(null);
  const may = useMay("operate");
  if (service.versions.length === 0 || !may) return null; // only watched
  const canary = Object.entries(service.traffic?.wanted_percent ?? {}).some(([group, share]) => group !== "stable" && share > 0);
  return (
    <div className="acts">
      <Button icon="restart" onClick={() => setAsking("restart")} testId="service-restart">
        {t("service.restart")}
      </Button>
      <Button icon="scale" onClick={() => setAsking("scale")} testId="service-scale">
        {t("service.scale")}
      </Button>
      {canary && (
        <Button kind="danger" icon="stop" onClick={() => setAsking("canary")} testId="service-canary-stop">
          {t("service.canary_stop")}
        </Button>
      )}
      {asking === "restart" && <Restart service={service.name} target="" close={close} done={done} />}
      {asking === "scale" && <Scale service={service} close={close} done={done} />}
      {asking === "canary" && <CanaryStop service={service.name} close={close} done={done} />}
    </div>
  );
}

function Sides({ service, reload }: { service: ServiceDetail; reload: () => void }) {
  const { t } = useWords();
  return (
    <>
      <Card tone={service.health === "down" ? "bad" : service.health === "degraded" ? "warn" : "good"}>
        <Reasons service={service} />
      </Card>
      <Charts service={service} />
      <Card title={t("service.instances_title")} testId="instances-card">
        <InstanceTable service={service} reload={reload} />
      </Card>
      {service.traffic && service.traffic.kind !== "none" && (
        <Card title={t("traffic.title_long")} testId="traffic-card">
          <TrafficBar traffic={service.traffic} />
          <ServerTable servers={service.traffic.servers} />
        </Card>
      )}
      <RecentIncidents service={service.name} />
      <Card title={t("service.remedies")} testId="remedies-card">
        <p className="muted">{t("service.remedies_text")}</p>
        <RuleTable rules={service.remedies} />
        <RecentRemedies service={service.name} />
      </Card>
    </>
  );
}

function Charts({ service }: { service: ServiceDetail }) {
  const { t, word, language } = useWords();
  const { skewMs } = useLive();
  const [minutes, setMinutes] = useState(15);
  const roles = signalRoles(Object.keys(service.signals)).filter((role) => service.signals[role]!.query);
  if (roles.length === 0) return null;
  return (
    <>
      <div className="section-head">
        <h2>{t("service.charts")}</h2>
        <Choice
          label={t("range.label")}
          value={minutes}
          options={[5, 15, 60].map((value) => ({ value, text: t("range.minutes", { count: value }) }))}
          onChange={setMinutes}
          testId="range"
        />
      </div>
      <div className="chart-grid">
        {roles.map((role) => (
          <Card key={role} title={word("signal", role)} testId={`chart-${role}`}>
            <QueryChart
              query={service.signals[role]!.query}
              label={`${service.name}: ${word("signal", role)}`}
              name={word("signal", role)}
              format={(value) => formatSignal(role, value, language)}
              lastSeconds={minutes * 60}
              skewMs={skewMs}
              height={200}
              floorMax={signalFloor(role)}
              tone={signalTone(role)}
            />
          </Card>
        ))}
      </div>
    </>
  );
}

function InstanceTable({ service, reload }: { service: ServiceDetail; reload: () => void }) {
  const { t } = useWords();
  const [restarting, setRestarting] = useState<Instance | null>(null);
  if (service.instances.length === 0) return <Empty icon="box" title={t("service.no_instances")} />;
  return (
    <>
      <Table
        caption={t("service.instances_title")}
        rows={service.instances}
        rowKey={(one) => one.id}
        rowTestId={(one) => `instance-row-${one.id}`}
        columns={[
          { title: t("instance.name"), head: true, cell: (one) => one.id },
          { title: t("instance.state"), cell: (one) => <StateChip of="instance_state" state={one.state} /> },
          { title: t("instance.since"), cell: (one) => <Ago time={one.since} /> },
          { title: t("instance.address"), cell: (one) => one.address || "–" },
          { title: t("instance.pid"), numeric: true, cell: (one) => (one.pid > 0 ? one.pid : "–") },
          { title: t("instance.restarts"), numeric: true, cell: (one) => one.restarts },
          { title: t("instance.detail"), cell: (one) => one.detail || "–" },
          {
            title: t("instance.act"),
            cell: (one) => (
              <May permission="operate">
                <Button kind="ghost" icon="restart" onClick={() => setRestarting(one)} testId={`instance-restart-${one.id}`} aria-label={t("service.restart_one", { name: one.id })}>
                  {t("service.restart")}
                </Button>
              </May>
            ),
          },
        ]}
      />
      {restarting && <Restart service={service.name} target={restarting.id} close={() => setRestarting(null)} done={reload} />}
    </>
  );
}

function ServerTable({ servers }: { servers: Server[] }) {
  const { t, word } = useWords();
  if (servers.length === 0) return <Empty icon="box" title={t("traffic.no_servers")} />;
  return (
    <Table
      caption={t("traffic.servers")}
      rows={servers}
      rowKey={(one) => one.name}
      rowTestId={(one) => `server-row-${one.name}`}
      columns={[
        { title: t("server.name"), head: true, cell: (one) => one.name },
        { title: t("server.group"), cell: (one) => word("traffic_group", one.group) },
        { title: t("server.status"), cell: (one) => one.status },
        { title: t("server.instance"), cell: (one) => one.instance || "–" },
        { title: t("instance.address"), cell: (one) => one.address || "–" },
        { title: t("server.weight"), numeric: true, cell: (one) => one.weight },
        { title: t("server.sessions"), numeric: true, cell: (one) => formatCount(one.sessions) },
        { title: t("server.requests"), numeric: true, cell: (one) => formatCount(one.requests_total) },
        { title: t("server.errors"), numeric: true, cell: (one) => formatCount(one.errors_total) },
      ]}
    />
  );
}

function RuleTable({ rules }: { rules: RemedyRule[] }) {
  const { t, word, language } = useWords();
  if (rules.length === 0) return <Empty icon="wrench" title={t("service.no_remedies")}>{t("service.no_remedies_text")}</Empty>;
  return (
    <Table
      caption={t("service.remedies")}
      rows={rules}
      rowKey={(rule) => JSON.stringify([rule.match, rule.remedy])}
      columns={[
        { title: t("rule.remedy"), head: true, cell: (rule) => word("remedy", rule.remedy) },
        { title: t("rule.match"), cell: (rule) => <Labels labels={rule.match} /> },
        { title: t("rule.cooldown"), cell: (rule) => formatConfigured(rule.cooldown, language) },
        { title: t("rule.attempts"), numeric: true, cell: (rule) => rule.attempts_max },
        { title: t("rule.verify_within"), cell: (rule) => formatConfigured(rule.verify_within, language) },
      ]}
    />
  );
}

function RecentIncidents({ service }: { service: string }) {
  const { t } = useWords();
  const incidents = useResource<{ incidents: Incident[] }>(
    `/incidents?state=all&service=${encodeURIComponent(service)}&limit=${kRecent}`,
    { topics: ["incident.changed"] },
  );
  return (
    <Card title={t("service.recent_incidents")} testId="recent-incidents">
      <Ready of={incidents}>
        {(data) =>
          data.incidents.length === 0 ? <Empty title={t("incidents.none_of_service")} /> : <IncidentRows incidents={data.incidents} />
        }
      </Ready>
    </Card>
  );
}

function RecentRemedies({ service }: { service: string }) {
  const { t } = useWords();
  const remedies = useResource<{ remedies: Remedy[] }>("/remedies", { topics: ["remedy.changed"] });
  const own = (remedies.data?.remedies ?? [])
    .filter((one) => one.service === service)
    .sort((a, b) => Date.parse(b.planned_at) - Date.parse(a.planned_at))
    .slice(0, kRecent);
  if (own.length === 0) return null;
  return (
    <>
      <h3>{t("service.remedies_ran")}</h3>
      <RemedyList remedies={own} />
    </>
  );
}
