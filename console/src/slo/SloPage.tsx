// What was promised, and how much may still go wrong: every objective with its budget, both with
// maintenance and without, how fast it burns, and what that sets off.
import type { ReactNode } from "react";
import { path } from "../api/client";
import type { BurnPair, Slo, SloAlert, SloDetail, Spent } from "../api/slo";
import { useWords } from "../i18n/i18n";
import { formatDay, formatNumber, formatSeconds, formatShare, momentOf } from "../i18n/quantities";
import { useResource } from "../live/live";
import { Chip } from "../ui/Chip";
import { Limited } from "../ui/lists";
import { Ago, Card, Empty, Page, Ready, Table } from "../ui/pieces";
import { Link, useAddress } from "../ui/router";
import { byUrgency, drawingOf, formatLeft, formatRatio, toneOf } from "./budgets";
import "./slo.css";

const kEveryMs = 30_000;

export default function SloPage() {
  const { parts, search } = useAddress();
  const name = parts[1] ?? search.get("slo");
  return name ? <One key={name} name={name} /> : <All />;
}

function All() {
  const { t } = useWords();
  const slos = useResource<{ slos: Slo[] }>("/slos", { topics: ["alert.changed"], everyMs: kEveryMs, calmMs: 5_000 });
  return (
    <Page title={t("nav.slos")} intro={t("slo.intro")} testId="slos-page">
      <Ready of={slos}>
        {(data) =>
          data.slos.length === 0 ? (
            <Empty icon="gauge" title={t("slo.none")}>
              {t("slo.none_text")}
            </Empty>
          ) : (
            <Limited items={byUrgency(data.slos)} first={20} step={40}>
              {(some) => (
                <div className="slo-list">
                  {some.map((slo) => (
                    <Summary key={slo.name} slo={slo} />
                  ))}
                </div>
              )}
            </Limited>
          )
        }
      </Ready>
    </Page>
  );
}

function Summary({ slo }: { slo: Slo }) {
  const { t } = useWords();
  return (
    <Card
      title={<Link to={`/slos?slo=${encodeURIComponent(slo.name)}`}>{slo.title || slo.name}</Link>}
      aside={<Pledge slo={slo} />}
      testId={`slo-${slo.name}`}
    >
      <Budgets slo={slo} />
      <p className="slo-burns muted">
        {t("slo.burns")}{" "}
        {slo.burn_rates
          .filter((one) => ["5m", "1h", "6h", "1d", "3d"].includes(one.window))
          .map((one) => (
            <span key={one.window}>
              {one.window} <b>{formatNumber(one.rate)}</b>
            </span>
          ))}
      </p>
      <Alerts alerts={slo.alerts} />
    </Card>
  );
}

function Pledge({ slo }: { slo: Slo }) {
  return (
    <span className="muted">
      {slo.service && <Link to={`/services/${encodeURIComponent(slo.service)}`}>{slo.service}</Link>} {slo.objective} % · {slo.window}
    </span>
  );
}

function Budgets({ slo }: { slo: Slo }) {
  const { t, language } = useWords();
  if (slo.error) return <p className="slo-error">{slo.error}</p>;
  const excluded = slo.maintenance_seconds > 0;
  return (
    <div className="slo-budgets">
      <BudgetBar title={t("slo.net")} spent={slo.net} testId={`slo-net-${slo.name}`}>
        {excluded ? t("slo.maintenance_of", { span: formatSeconds(slo.maintenance_seconds, language) }) : t("slo.maintenance_none")}
      </BudgetBar>
      <BudgetBar title={t("slo.gross")} spent={slo.gross} testId={`slo-gross-${slo.name}`}>
        {t("slo.gross_text")}
      </BudgetBar>
    </div>
  );
}

function BudgetBar({ title, spent, children, testId }: { title: string; spent: Spent; children: ReactNode; testId: string }) {
  const { t } = useWords();
  const tone = toneOf(spent);
  const left = Math.min(Math.max(spent.remaining ?? 0, 0), 1);
  return (
    <div className="slo-budget" data-testid={testId}>
      <p className="slo-budget-head">
        <span>{title}</span>
        <Chip tone={tone}>{spent.remaining === null ? t("slo.no_data") : t(spent.remaining < 0 ? "slo.over" : "slo.left", { share: formatLeft(spent.remaining) })}</Chip>
      </p>
      <div className={`slo-bar slo-bar-${tone}`} role="img" aria-label={`${title}: ${formatLeft(spent.remaining)}`}>
        <i style={{ width: `${left * 100}%` }} />
      </div>
      <p className="muted">
        {t("slo.attained", { ratio: formatRatio(spent.ratio), bad: formatNumber(spent.bad), budget: formatNumber(spent.budget) })} · {children}
      </p>
    </div>
  );
}

function Alerts({ alerts }: { alerts: SloAlert[] }) {
  const { word } = useWords();
  if (alerts.length === 0) return null;
  return (
    <ul className="plain-list">
      {alerts.map((alert) => (
        <li key={alert.name + alert.severity} className="slo-alert" data-testid="slo-alert">
          <Chip tone={alert.state === "firing" ? "bad" : "warn"}>
            {alert.severity} · {word("alert_state", alert.state)}
          </Chip>
          <span>{alert.description}</span>
          <span className="muted">
            <Ago time={alert.active_at} />
          </span>
        </li>
      ))}
    </ul>
  );
}

function One({ name }: { name: string }) {
  const { t } = useWords();
  const slo = useResource<{ slo: SloDetail }>(path`/slos/${name}`, { topics: ["alert.changed"], everyMs: kEveryMs, calmMs: 5_000 });
  const title = slo.data?.slo.title || name;
  return (
    <Page title={title} intro={slo.data?.slo.description || undefined} aside={<Link to="/slos">{t("slo.all")}</Link>} testId="slo-page">
      <Ready of={slo}>
        {({ slo }) => (
          <>
            <Card title={t("slo.budget")} aside={<Pledge slo={slo} />}>
              <Budgets slo={slo} />
              <Alerts alerts={slo.alerts} />
            </Card>
            <Card title={t("slo.burn_down")}>
              <BurnDown slo={slo} />
            </Card>
            <Card title={t("slo.alerting")}>
              <Pairs slo={slo} />
            </Card>
            <Maintenance slo={slo} />
            <Card title={t("slo.definition")} aside={<span className="muted">{slo.source}</span>}>
              <Definition slo={slo} />
            </Card>
          </>
        )}
      </Ready>
    </Page>
  );
}

const kWidth = 720;
const kHeight = 200;

function BurnDown({ slo }: { slo: SloDetail }) {
  const { t } = useWords();
  const drawing = drawingOf(slo, kWidth, kHeight);
  if (drawing.gross === "") return <p className="muted">{t("slo.no_data")}</p>;
  const label = t("slo.burn_down_label", { net: formatLeft(slo.net.remaining), gross: formatLeft(slo.gross.remaining) });
  return (
    <figure className="slo-burn-down" data-testid="slo-burn-down">
      <svg viewBox={`-48 -8 ${kWidth + 56} ${kHeight + 36}`} role="img" aria-label={label}>
        {drawing.bands.map((band) => (
          <rect key={band.x} x={band.x} y={0} width={band.width} height={kHeight} className="slo-band">
            <title>{band.title}</title>
          </rect>
        ))}
        <line x1={0} x2={kWidth} y1={0} y2={0} className="slo-grid" />
        <line x1={0} x2={kWidth} y1={drawing.zero} y2={drawing.zero} className="slo-zero" />
        <polyline points={drawing.gross} className="slo-line slo-line-gross" />
        <polyline points={drawing.net} className="slo-line slo-line-net" />
        <text x={-6} y={4} textAnchor="end">
          100 %
        </text>
        <text x={-6} y={drawing.zero + 4} textAnchor="end">
          0 %
        </text>
        <text x={0} y={kHeight + 20}>
          {formatDay(momentOf(slo.from))}
        </text>
        <text x={kWidth} y={kHeight + 20} textAnchor="end">
          {formatDay(momentOf(slo.until))}
        </text>
      </svg>
      <figcaption className="slo-legend">
        <span className="slo-key slo-key-net">{t("slo.net")}</span>
        <span className="slo-key slo-key-gross">{t("slo.gross")}</span>
        {slo.maintenance.length > 0 && <span className="slo-key slo-key-band">{t("slo.maintenance")}</span>}
      </figcaption>
    </figure>
  );
}

function Pairs({ slo }: { slo: SloDetail }) {
  const { t } = useWords();
  const rate = (window: string) => formatNumber(slo.burn_rates.find((one) => one.window === window)?.rate);
  return (
    <>
      <ul className="slo-rates">
        {slo.burn_rates.map((one) => (
          <li key={one.window}>
            <span className="muted">{one.window}</span> <b>{formatNumber(one.rate)}</b>
          </li>
        ))}
      </ul>
      {slo.pairs.length > 0 && (
        <Table<BurnPair>
          caption={t("slo.alerting")}
          rows={slo.pairs}
          rowKey={(pair) => pair.long}
          columns={[
            { title: t("slo.severity"), head: true, cell: (pair) => pair.severity },
            { title: t("slo.long"), numeric: true, cell: (pair) => `${pair.long}: ${rate(pair.long)}` },
            { title: t("slo.short"), numeric: true, cell: (pair) => `${pair.short}: ${rate(pair.short)}` },
            { title: t("slo.factor"), numeric: true, cell: (pair) => formatNumber(pair.factor) },
            { title: t("slo.share"), numeric: true, cell: (pair) => formatShare(pair.budget_share) },
            { title: t("slo.now"), cell: (pair) => <Chip tone={pair.burning ? "bad" : "good"}>{t(pair.burning ? "slo.burning" : "slo.calm")}</Chip> },
          ]}
        />
      )}
    </>
  );
}

function Maintenance({ slo }: { slo: SloDetail }) {
  const { t } = useWords();
  if (slo.maintenance.length === 0) return null;
  return (
    <Card title={t("slo.maintenance")} testId="slo-maintenance">
      <Table
        caption={t("slo.maintenance")}
        rows={slo.maintenance}
        rowKey={(one) => one.from}
        columns={[
          { title: t("slo.what"), head: true, cell: (one) => one.title },
          { title: t("slo.from"), cell: (one) => new Date(one.from).toLocaleString() },
          { title: t("slo.until"), cell: (one) => new Date(one.until).toLocaleString() },
        ]}
      />
    </Card>
  );
}

function Definition({ slo }: { slo: SloDetail }) {
  const { t, word } = useWords();
  const facts = Object.entries(slo.indicator).filter(([, value]) => value !== undefined && value !== "");
  return (
    <>
      <dl className="slo-facts">
        <dt>{t("slo.budgeting")}</dt>
        <dd>{word("budgeting", slo.budgeting)}</dd>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{word("indicator", name)}</dt>
            <dd>
              <code>{value}</code>
            </dd>
          </div>
        ))}
      </dl>
      <details>
        <summary>{t("slo.rules")}</summary>
        <pre className="slo-rules">{slo.rules}</pre>
      </details>
    </>
  );
}
