// How well we respond, in figures that can be counted again from the incidents.
import { useState } from "react";
import { kApi } from "../api/client";
import type { KpiGroup, KpiReport, Statistic } from "../api/learn";
import { useWords } from "../i18n/i18n";
import { formatCount, formatSeconds } from "../i18n/quantities";
import { useLive, useNow, useResource } from "../live/live";
import { Chip } from "../ui/Chip";
import { Select } from "../ui/forms";
import { Icon } from "../ui/Icon";
import { Limited } from "../ui/lists";
import { Card, Choice, Page, Ready, Table } from "../ui/pieces";
import { changeSearch, useAddress } from "../ui/router";
import { largerIsBetter, monthsBefore, queryOf, statisticsOf } from "./measures";

const kDays = [7, 30, 90, 365] as const;
const kBy = ["", "service", "severity", "day", "week", "month"] as const;

export default function KpiPage() {
  const { t } = useWords();
  const { search } = useAddress();
  const { overview } = useLive();
  const now = useNow();
  const asked = Number(search.get("days"));
  const days = kDays.find((one) => one === asked) ?? 30;
  const by = kBy.find((one) => one === search.get("by")) ?? "service";
  const service = search.get("service") ?? "";
  const today = new Date(now).setHours(0, 0, 0, 0);
  const query = queryOf({ days, by, service }, today);
  const report = useResource<KpiReport>(`/kpi?${query}`, { topics: ["incident.changed"], everyMs: 60_000, calmMs: 5_000 });
  const services = [...new Set([...(overview?.services.map((one) => one.name) ?? []), ...(service ? [service] : [])])];
  return (
    <Page
      title={t("nav.kpi")}
      intro={t("kpi.intro")}
      aside={
        <div className="acts">
          <a className="button" href={`${kApi}/kpi?${query}&format=csv`} download="kpi.csv" data-testid="kpi-csv">
            <Icon name="download" size={18} /> {t("kpi.csv")}
          </a>
          <a className="button" href={`${kApi}/kpi?${query}`} target="_blank" rel="noreferrer">
            {t("kpi.json")}
          </a>
        </div>
      }
      testId="kpi-page"
    >
      <div className="filters">
        <Choice<number> label={t("kpi.period")} value={days} options={kDays.map((value) => ({ value, text: t("kpi.days", { count: value }) }))} onChange={(value) => changeSearch({ days: String(value) })} testId="kpi-days" />
        <Select inline label={t("kpi.by")} value={by as string} onChange={(value) => changeSearch({ by: value === "" ? "none" : value })} options={kBy.map((value) => ({ value: value as string, text: t(value === "" ? "kpi.by_none" : `kpi.by_${value}`) }))} />
        <Select inline label={t("kpi.service")} value={service} onChange={(value) => changeSearch({ service: value })} options={[{ value: "", text: t("incidents.any_service") }, ...services.map((value) => ({ value, text: value }))]} />
      </div>
      <Ready of={report}>
        {(data) => (
          <>
            <p className="muted">{t("kpi.excluded", { drills: formatCount(data.excluded.drills), merged: formatCount(data.excluded.merged) })}</p>
            <Limited items={data.groups} first={14} step={30}>
              {(some) => some.map((group) => <Group key={group.name} group={group} />)}
            </Limited>
          </>
        )}
      </Ready>
      <Review now={now} />
    </Page>
  );
}

function Group({ group }: { group: KpiGroup }) {
  const { t, word, language } = useWords();
  const name = word("kpi_group", group.name);
  const count = group.counts["incidents"] ?? 0;
  const span = (value: number | null) => (value === null ? "–" : formatSeconds(value, language));
  return (
    <Card title={name === group.name.replaceAll("_", " ") ? group.name : name} aside={<span className="muted">{t("kpi.incidents")}: {formatCount(count)}</span>} testId={`kpi-${group.name}`}>
      {count === 0 ? (
        <p className="muted">{t("kpi.none")}</p>
      ) : (
        <Table
          caption={name}
          rows={statisticsOf(group).filter(([, one]) => group.name === "total" || one.n > 0)}
          rowKey={([measure]) => measure}
          columns={[
            { title: t("kpi.measure"), head: true, cell: ([measure]) => word("measure", measure) },
            { title: t("kpi.n"), numeric: true, cell: ([, one]) => formatCount(one.n) },
            { title: t("kpi.mean"), numeric: true, cell: ([, one]) => <b>{span(one.mean)}</b> },
            ...(["p50", "p75", "p90", "p95"] as const).map((share) => ({ title: share, numeric: true, cell: ([, one]: [string, Statistic]) => span(one[share]) })),
            {
              title: t("kpi.target"),
              numeric: true,
              cell: ([measure, one]) => (one.target === undefined ? "–" : t(largerIsBetter(measure) ? "kpi.at_least" : "kpi.at_most", { span: formatSeconds(one.target, language) })),
            },
            { title: t("kpi.verdict"), cell: ([, one]) => <Verdict statistic={one} /> },
          ]}
        />
      )}
      <dl className="drill-facts muted">
        {Object.entries(group.breaches)
          .filter(([, rate]) => rate.n > 0)
          .map(([clock, rate]) => (
            <div key={clock}>
              {word("promise", clock)}: {t("kpi.breach_of", { breached: formatCount(rate.breached), n: formatCount(rate.n) })}
            </div>
          ))}
        <div>
          {t("kpi.pages")}: {formatCount(group.load.pages)} ({t("kpi.business")} {formatCount(group.load.business)}, {t("kpi.off")} {formatCount(group.load.off)}, {t("kpi.sleep")} {formatCount(group.load.sleep)})
        </div>
        <div>
          {t("kpi.nights")}: {formatCount(group.load.nights)}
        </div>
        <div>
          {t("kpi.uptime")}: {Number(group.uptime_percent.toFixed(3))} %
        </div>
      </dl>
    </Card>
  );
}

function Verdict({ statistic }: { statistic: Statistic }) {
  const { t } = useWords();
  if (statistic.verdict === "pass") return <Chip tone="good">{t("kpi.pass")}</Chip>;
  if (statistic.verdict === "fail") return <Chip tone="bad">{t("kpi.fail")}</Chip>;
  if (statistic.verdict === "no_data") return <span className="muted">{t("kpi.no_data")}</span>;
  return <>–</>;
}

function Review({ now }: { now: number }) {
  const { t, language } = useWords();
  const months = monthsBefore(now, 12);
  const [month, setMonth] = useState(months[0]!);
  const address = (format: string) => `${kApi}/review?month=${month}&language=${language}&format=${format}`;
  return (
    <Card title={t("kpi.review")} testId="kpi-review">
      <p className="muted">{t("kpi.review_text")}</p>
      <div className="filters">
        <Select inline label={t("kpi.month")} value={month} onChange={setMonth} options={months.map((value) => ({ value, text: value }))} />
        <a className="button button-small" href={address("markdown")} download={`incident-review-${month}.md`}>
          {t("postmortem.markdown")}
        </a>
        <a className="button button-small" href={address("pdf")} download={`incident-review-${month}.pdf`}>
          {t("postmortem.pdf")}
        </a>
      </div>
    </Card>
  );
}
