// Break it on purpose, and see with measured seconds that Holdfast holds.
import { useState } from "react";
import { path, post } from "../api/client";
import type { Drill, DrillKind, Drills } from "../api/types";
import { useWords } from "../i18n/i18n";
import { formatCount, formatSeconds, secondsBetween } from "../i18n/quantities";
import { useLive, useResource } from "../live/live";
import { May } from "../session/session";
import { Chip, StateChip } from "../ui/Chip";
import { Confirm } from "../ui/Confirm";
import { Icon } from "../ui/Icon";
import { Ago, Button, Card, Empty, Lasting, Page, Ready, Table } from "../ui/pieces";
import { Link } from "../ui/router";
import { isOver, stagesOf } from "./progress";

export function DrillsPage() {
  const { t } = useWords();
  const drills = useResource<Drills>("/drills", { topics: ["drill.changed", "incident.changed"], everyMs: 2_000 });
  return (
    <Page title={t("nav.drills")} intro={t("drills.intro")} testId="drills-page">
      <Ready of={drills}>{(data) => <Body drills={data} reload={drills.reload} />}</Ready>
    </Page>
  );
}

function Body({ drills, reload }: { drills: Drills; reload: () => void }) {
  const { t } = useWords();
  const { overview } = useLive();
  const services = (overview?.services ?? []).filter((one) => !one.supervised_only).map((one) => one.name);
  const [chosen, setService] = useState("");
  const service = services.includes(chosen) ? chosen : (services[0] ?? "");
  const active = drills.active && !isOver(drills.active) ? drills.active : null;
  return (
    <>
      {active && <Active drill={active} reload={reload} />}
      {!active && drills.runs[0] && <Latest drill={drills.runs[0]} />}
      <div className="section-head">
        <h2>{t("drills.kinds")}</h2>
        {services.length > 1 && (
          <label className="field field-inline">
            <span>{t("drills.service")}</span>
            <select value={service} onChange={(event) => setService(event.target.value)} data-testid="drill-service">
              {services.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
        )}
      </div>
      {drills.kinds.length === 0 ? (
        <Empty icon="drill" title={t("drills.no_kinds")}>{t("drills.no_kinds_text")}</Empty>
      ) : (
        <div className="drill-grid">
          {drills.kinds.map((kind) => (
            <Kind key={kind.name} kind={kind} service={service} busy={active !== null} reload={reload} />
          ))}
        </div>
      )}
      <Card title={t("drills.runs")} testId="drill-runs">
        <p className="muted">{t("drills.runs_text")}</p>
        <Runs runs={drills.runs} />
      </Card>
    </>
  );
}

// The server's own words in English; ours in Chinese for the kinds we know.
function useKindWords(): (kind: DrillKind) => DrillKind {
  const { language, word } = useWords();
  return (kind) => {
    if (language === "en") return kind;
    const said = (part: "title" | "what" | "expect") => {
      const text = word(`drill_${part}`, kind.name);
      return text === kind.name.replaceAll("_", " ") ? kind[part] : text;
    };
    return { name: kind.name, title: said("title"), what: said("what"), expect: said("expect") };
  };
}

function Kind({ kind, service, busy, reload }: { kind: DrillKind; service: string; busy: boolean; reload: () => void }) {
  const { t } = useWords();
  const [asking, setAsking] = useState(false);
  const words = useKindWords()(kind);
  return (
    <article className="card drill-card" data-testid={`drill-${kind.name}`}>
      <h3>
        <Icon name="drill" /> {words.title || words.name}
      </h3>
      <dl>
        <dt>{t("drills.what")}</dt>
        <dd>{words.what}</dd>
        <dt>{t("drills.expect")}</dt>
        <dd>{words.expect}</dd>
      </dl>
      <May permission="operate">
        <Button
          kind="danger"
          icon="drill"
          disabled={busy || service === ""}
          title={busy ? t("drills.busy") : undefined}
          onClick={() => setAsking(true)}
          testId={`drill-run-${kind.name}`}
        >
          {t("drills.run")}
        </Button>
      </May>
      {asking && (
        <Confirm
          title={t("drills.confirm", { title: words.title || words.name, service })}
          yes={t("drills.run")}
          danger
          act={() => post("/drills", { name: kind.name, service }).then(reload)}
          close={() => setAsking(false)}
        >
          <p>{words.what}</p>
          <p>{t("drills.confirm_text")}</p>
        </Confirm>
      )}
    </article>
  );
}

function useDrillTitle(): (drill: Drill) => string {
  const { word } = useWords();
  return (drill) => word("drill_title", drill.name);
}

function Active({ drill, reload }: { drill: Drill; reload: () => void }) {
  const { t } = useWords();
  const title = useDrillTitle();
  const [asking, setAsking] = useState(false);
  return (
    <Card
      tone="info"
      title={t("drills.active", { title: title(drill), service: drill.service })}
      aside={
        <May permission="operate">
          <Button icon="stop" onClick={() => setAsking(true)} testId="drill-abort">
            {t("drills.abort")}
          </Button>
        </May>
      }
      testId="drill-active"
    >
      <p className="drill-clock" aria-live="off">
        <Lasting since={drill.injected_at ?? drill.started_at} />
      </p>
      <Stages drill={drill} />
      <DrillFacts drill={drill} />
      {asking && (
        <Confirm title={t("drills.abort_title")} yes={t("drills.abort")} act={() => post(path`/drills/${drill.id}/abort`).then(reload)} close={() => setAsking(false)}>
          <p>{t("drills.abort_text")}</p>
        </Confirm>
      )}
    </Card>
  );
}

function Latest({ drill }: { drill: Drill }) {
  const { t } = useWords();
  const title = useDrillTitle();
  return (
    <Card
      tone={drill.state === "passed" ? "good" : drill.state === "failed" ? "bad" : "warn"}
      title={t("drills.latest", { title: title(drill), service: drill.service })}
      aside={<StateChip of="drill_state" state={drill.state} large testId="drill-latest-state" />}
      testId="drill-latest"
    >
      <Stages drill={drill} />
      <DrillFacts drill={drill} />
      {drill.verdict && <p>{drill.verdict}</p>}
    </Card>
  );
}

function DrillFacts({ drill }: { drill: Drill }) {
  const { t, word } = useWords();
  return (
    <p className="drill-facts">
      {!isOver(drill) && <span>{word("drill_doing", drill.state)}</span>}
      {drill.target && (
        <span>
          {t("drills.target")} <code>{drill.target}</code>
        </span>
      )}
      <span data-testid="drill-lost">
        {t("drills.lost", { lost: formatCount(drill.requests_lost), all: formatCount(drill.requests) })}
      </span>
      {drill.incident && (
        <Link to={`/incidents/${encodeURIComponent(drill.incident)}`} data-testid="drill-incident">
          {drill.incident}
        </Link>
      )}
      <Ago time={drill.started_at} />
    </p>
  );
}

function Stages({ drill }: { drill: Drill }) {
  const { t, language } = useWords();
  return (
    <ol className="stages">
      {stagesOf(drill).map(({ stage, reached, current, seconds }) => (
        <li key={stage} className={reached ? "stage-done" : current ? "stage-now" : "stage-open"} aria-current={current ? "step" : undefined} data-testid={`stage-${stage}`} data-reached={reached}>
          <span className="stage-mark">{reached ? <Icon name="check" size={18} /> : current ? <i className="pulse" /> : null}</span>
          <span className="stage-name">{t(`stage.${stage}`)}</span>
          <b>{reached ? (seconds === null ? t("stage.zero") : `+${formatSeconds(seconds, language)}`) : current ? t("stage.waiting") : "–"}</b>
        </li>
      ))}
    </ol>
  );
}

function Runs({ runs }: { runs: Drill[] }) {
  const { t, language } = useWords();
  const title = useDrillTitle();
  if (runs.length === 0) return <Empty icon="drill" title={t("drills.no_runs")}>{t("drills.no_runs_text")}</Empty>;
  const after = (run: Drill, at: string | undefined) => formatSeconds(secondsBetween(run.injected_at, at), language);
  return (
    <Table
      caption={t("drills.runs")}
      rows={runs}
      rowKey={(run) => run.id}
      rowTestId={() => "drill-run-row"}
      columns={[
        { title: t("run.name"), head: true, cell: (run) => title(run) },
        { title: t("run.state"), cell: (run) => <StateChip of="drill_state" state={run.state} /> },
        { title: t("run.when"), cell: (run) => <Ago time={run.started_at} /> },
        { title: t("run.service"), cell: (run) => run.service },
        { title: t("run.detected"), numeric: true, cell: (run) => after(run, run.detected_at) },
        { title: t("run.acknowledged"), numeric: true, cell: (run) => after(run, run.acknowledged_at) },
        { title: t("run.repaired"), numeric: true, cell: (run) => after(run, run.repaired_at) },
        { title: t("run.closed"), numeric: true, cell: (run) => after(run, run.closed_at) },
        { title: t("run.lost"), numeric: true, cell: (run) => <Lost run={run} /> },
        {
          title: t("run.incident"),
          cell: (run) => (run.incident ? <Link to={`/incidents/${encodeURIComponent(run.incident)}`}>{run.incident}</Link> : "–"),
        },
      ]}
    />
  );
}

function Lost({ run }: { run: Drill }) {
  const { t } = useWords();
  if (run.requests_lost === 0) return <>{t("run.none_lost", { all: formatCount(run.requests) })}</>;
  return <Chip tone="warn">{t("run.some_lost", { lost: formatCount(run.requests_lost), all: formatCount(run.requests) })}</Chip>;
}
