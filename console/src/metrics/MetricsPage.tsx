// What the metrics store holds and who fills it: limits and offenders first, then the largest, then the disk.
import type { ReactNode } from "react";
import { post } from "../api/client";
import { useWords } from "../i18n/i18n";
import type { Key } from "../i18n/i18n";
import { formatCount, formatSeconds, formatShare } from "../i18n/quantities";
import { useResource } from "../live/live";
import { May } from "../session/session";
import { Button, Card, Empty, Moment, Page, Ready, Table } from "../ui/pieces";
import { formatBytes, heaviest, ranked } from "./top";
import type { NamedCount, Offender } from "./top";

interface Cardinality {
  series: number;
  label_pairs: number;
  series_by_metric: NamedCount[];
  values_by_label: NamedCount[];
  series_by_pair: NamedCount[];
  created_by_metric: NamedCount[];
  offenders: Offender[];
}

interface Samples {
  window_seconds: number;
  samples: number;
  samples_by_metric: NamedCount[];
  samples_by_job: NamedCount[];
}

interface Block {
  name: string;
  from: string;
  to: string;
  series: number;
  samples: number;
  bytes: number;
  level: number;
}

interface Storage {
  series: number;
  samples_in_memory: number;
  memory_bytes: number;
  wal_bytes: number;
  disk_bytes: number;
  blocks: Block[];
  problems: string[];
}

interface Receiver {
  name: string;
  url: string;
  samples_sent: number;
  samples_failed: number;
  samples_pending: number;
  shards: number;
  last_error: string;
}

const kUnusedShown = 10;
const kLists: { of: (all: Cardinality) => NamedCount[]; title: Key; total: boolean }[] = [
  { of: (all) => all.series_by_metric, title: "metrics.by_metric", total: true },
  { of: (all) => all.created_by_metric, title: "metrics.churn", total: false },
  { of: (all) => all.values_by_label, title: "metrics.by_label", total: false },
  { of: (all) => all.series_by_pair, title: "metrics.by_pair", total: true },
];

export default function MetricsPage() {
  const { t } = useWords();
  const cardinality = useResource<Cardinality>("/metrics/cardinality?top=10", { everyMs: 10_000 });
  const storage = useResource<Storage>("/metrics/storage", { everyMs: 10_000 });
  const samples = useResource<Samples>("/metrics/samples?top=10", { everyMs: 60_000 });
  const receivers = useResource<{ receivers: Receiver[] }>("/metrics/remote_write", { everyMs: 10_000 });
  return (
    <Page title={t("nav.metrics")} intro={t("metrics.intro")} testId="metrics-page">
      <Ready of={cardinality}>
        {(all) => (
          <>
            <Verdict all={all} />
            <div className="metrics-grid">
              {kLists.map((list) => (
                <Top key={list.title} title={t(list.title)} entries={list.of(all)} total={list.total ? all.series : undefined} />
              ))}
            </div>
          </>
        )}
      </Ready>
      <Ready of={samples}>
        {(all) => (
          <div className="metrics-grid">
            <Top title={t("metrics.samples_by_metric", { count: formatCount(all.samples) })} entries={all.samples_by_metric} total={all.samples} />
            <Top title={t("metrics.samples_by_job")} entries={all.samples_by_job} total={all.samples} />
          </div>
        )}
      </Ready>
      <Ready of={storage}>{(data) => <StorageCard storage={data} />}</Ready>
      <Unused />
      <Queries />
      <Ready of={receivers}>{(data) => (data.receivers.length > 0 ? <Receivers all={data.receivers} /> : null)}</Ready>
    </Page>
  );
}

// Who is over a limit or near it; or that nobody is.
function Verdict({ all }: { all: Cardinality }) {
  const { t } = useWords();
  const heavy = heaviest(all.series_by_metric, all.series);
  const over = all.offenders.some((one) => one.count >= one.limit);
  return (
    <Card title={t("metrics.series", { count: formatCount(all.series) })} tone={over ? "bad" : all.offenders.length > 0 ? "warn" : undefined} testId="metrics-verdict">
      {all.offenders.length === 0 && <p>{t("metrics.within")}</p>}
      {all.offenders.map((one) => (
        <p key={`${one.kind} ${one.name}`} data-testid="metrics-offender">
          <b>{one.name}</b>{" "}
          {t(`metrics.offender_${one.kind}`, { count: formatCount(one.count), limit: formatCount(one.limit) })}
        </p>
      ))}
      {heavy && <p>{t("metrics.heaviest", { name: heavy.name, share: formatShare(heavy.share) })}</p>}
    </Card>
  );
}

function Top({ title, entries, total }: { title: string; entries: NamedCount[]; total: number | undefined }) {
  return (
    <Card title={title}>
      <Ranks entries={entries} total={total} />
    </Card>
  );
}

function Ranks({ entries, total }: { entries: NamedCount[]; total: number | undefined }) {
  const { t } = useWords();
  if (entries.length === 0) return <p className="muted">{t("metrics.nothing")}</p>;
  return (
    <ul className="plain-list ranks">
      {ranked(entries, total).map((one) => (
        <li key={one.name} style={{ backgroundSize: `${(one.share * 100).toFixed(1)}% 100%` }}>
          <span title={one.name}>{one.name}</span>
          <b>{formatCount(one.count)}</b>
        </li>
      ))}
    </ul>
  );
}

function Figure({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt className="muted">{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function StorageCard({ storage }: { storage: Storage }) {
  const { t } = useWords();
  return (
    <Card title={t("metrics.storage")} tone={storage.problems.length > 0 ? "bad" : undefined} testId="metrics-storage">
      {storage.problems.map((problem) => (
        <p key={problem} role="alert">
          {problem}
        </p>
      ))}
      <dl className="figures">
        <Figure name={t("metrics.memory")}>{formatBytes(storage.memory_bytes)}</Figure>
        <Figure name={t("metrics.disk")}>{formatBytes(storage.disk_bytes)}</Figure>
        <Figure name={t("metrics.wal")}>{formatBytes(storage.wal_bytes)}</Figure>
        <Figure name={t("metrics.in_memory")}>{formatCount(storage.samples_in_memory)}</Figure>
      </dl>
      {storage.blocks.length === 0 ? (
        <Empty icon="box" title={t("metrics.no_blocks")}>
          {t("metrics.no_blocks_text")}
        </Empty>
      ) : (
        <Table
          caption={t("metrics.blocks")}
          rows={storage.blocks}
          rowKey={(block) => block.name}
          columns={[
            { title: t("metrics.block"), cell: (block) => block.name, head: true },
            { title: t("metrics.from"), cell: (block) => <Moment time={block.from} /> },
            { title: t("metrics.to"), cell: (block) => <Moment time={block.to} /> },
            { title: t("metrics.block_series"), cell: (block) => formatCount(block.series), numeric: true },
            { title: t("metrics.samples"), cell: (block) => formatCount(block.samples), numeric: true },
            { title: t("metrics.size"), cell: (block) => formatBytes(block.bytes), numeric: true },
          ]}
        />
      )}
    </Card>
  );
}

interface UnusedReport {
  metrics: number;
  unused_metrics: number;
  unused_series: number;
  unused: NamedCount[];
}

function Unused() {
  const { t } = useWords();
  const unused = useResource<UnusedReport>("/metrics/unused", { everyMs: 60_000 });
  return (
    <Ready of={unused}>
      {(report) => (
        <Card title={t("metrics.unused")} testId="metrics-unused">
          <p>{t("metrics.unused_text", { count: formatCount(report.unused_metrics), all: formatCount(report.metrics), series: formatCount(report.unused_series) })}</p>
          <Ranks entries={report.unused.slice(0, kUnusedShown)} total={undefined} />
        </Card>
      )}
    </Ready>
  );
}

interface Query {
  id?: number;
  query: string;
  user: string;
  started: string;
  seconds: number;
  running?: boolean;
  error?: string;
}

// What runs now, each with a way to end it; then what was slow.
function Queries() {
  const { t, language } = useWords();
  const queries = useResource<{ active: Query[]; slow: Query[] }>("/metrics/queries", { everyMs: 2_000 });
  const cancel = async (id: number) => {
    await post(`/metrics/queries/${id}/cancel`).catch(() => undefined); // one that has ended needs no more
    queries.reload();
  };
  return (
    <Ready of={queries}>
      {({ active, slow }) => (
        <Card title={t("metrics.queries", { count: active.length })} testId="metrics-queries">
          {active.length + slow.length === 0 && <p className="muted">{t("metrics.no_queries")}</p>}
          <ul className="plain-list">
            {active.map((one) => (
              <li key={one.id} data-testid="metrics-active-query">
                <code>{one.query}</code>{" "}
                {t(one.running ? "metrics.query_runs" : "metrics.query_waits", { age: formatSeconds(one.seconds, language), who: one.user })}{" "}
                <May permission="operate">
                  <Button kind="ghost" onClick={() => void cancel(one.id!)}>
                    {t("metrics.query_cancel")}
                  </Button>
                </May>
              </li>
            ))}
            {slow.map((one) => (
              <li key={`${one.started} ${one.query}`} className="muted">
                <code>{one.query}</code> {t("metrics.query_took", { age: formatSeconds(one.seconds, language) })} <Moment time={one.started} /> {one.error}
              </li>
            ))}
          </ul>
        </Card>
      )}
    </Ready>
  );
}

function Receivers({ all }: { all: Receiver[] }) {
  const { t } = useWords();
  return (
    <Card title={t("metrics.receivers")} tone={all.some((one) => one.last_error !== "") ? "warn" : undefined} testId="metrics-receivers">
      <Table
        caption={t("metrics.receivers")}
        rows={all}
        rowKey={(one) => one.name}
        columns={[
          { title: t("metrics.receiver"), cell: (one) => one.url, head: true },
          { title: t("metrics.sent"), cell: (one) => formatCount(one.samples_sent), numeric: true },
          { title: t("metrics.pending"), cell: (one) => formatCount(one.samples_pending), numeric: true },
          { title: t("metrics.failed"), cell: (one) => formatCount(one.samples_failed), numeric: true },
          { title: t("metrics.shards"), cell: (one) => one.shards, numeric: true },
          { title: t("metrics.last_error"), cell: (one) => one.last_error || "–" },
        ]}
      />
    </Card>
  );
}
