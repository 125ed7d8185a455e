// Ask the metrics anything: one PromQL query, as a chart over time and as a table of now. The address
// holds the question, so that it can be sent to a colleague.
import { useCallback } from "react";
import { queryInstant, seriesName } from "../api/prometheus";
import type { InstantData } from "../api/prometheus";
import { useWords } from "../i18n/i18n";
import { formatNumber, formatMoment, numberOf } from "../i18n/quantities";
import { useLive, useReading } from "../live/live";
import { Button, Card, Choice, Empty, Page, Ready, Table } from "../ui/pieces";
import { QueryChart } from "../ui/QueryChart";
import { changeSearch, useAddress } from "../ui/router";
import { QueryBox } from "./QueryBox";

const kRanges = [5, 15, 60, 360, 1440];
const kRowsMax = 200;
const kExamples = [
  "sum by (status) (rate(http_requests_total[30s]))",
  "histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[30s])))",
  "up",
  "ALERTS",
];

export default function ExplorePage() {
  const { t } = useWords();
  const { search } = useAddress();
  const query = search.get("query") ?? "";
  const asked = Number(search.get("minutes"));
  const minutes = kRanges.includes(asked) ? asked : 15;
  return (
    <Page title={t("nav.explore")} intro={t("explore.intro")} testId="explore-page">
      <Card>
        <QueryBox query={query} ask={(text) => changeSearch({ query: text })} />
        <Choice
          label={t("range.label")}
          value={minutes}
          options={kRanges.map((value) => ({ value, text: value < 60 ? t("range.minutes", { count: value }) : t("range.hours", { count: value / 60 }) }))}
          onChange={(value) => changeSearch({ minutes: String(value) })}
          testId="explore-range"
        />
      </Card>
      {query === "" ? <Examples /> : <Answer key={query} query={query} minutes={minutes} />}
    </Page>
  );
}

function Examples() {
  const { t } = useWords();
  return (
    <Empty icon="explore" title={t("explore.empty")}>
      <span className="examples">
        {kExamples.map((example) => (
          <Button key={example} onClick={() => changeSearch({ query: example })}>
            <code>{example}</code>
          </Button>
        ))}
      </span>
    </Empty>
  );
}

function Answer({ query, minutes }: { query: string; minutes: number }) {
  const { t } = useWords();
  const { skewMs } = useLive();
  const read = useCallback((signal: AbortSignal) => queryInstant(query, signal), [query]);
  const answer = useReading(`instant ${query}`, read, { everyMs: 10_000 });
  return (
    <Ready of={answer}>
      {(data) => (
        <>
          {data.resultType === "vector" || data.resultType === "scalar" ? (
            <Card title={t("explore.chart")} testId="explore-chart">
              <QueryChart query={query} label={query} format={formatNumber} lastSeconds={minutes * 60} skewMs={skewMs} height={320} />
            </Card>
          ) : null}
          <Card title={t("explore.table")} testId="explore-table">
            <Rows data={data} />
          </Card>
        </>
      )}
    </Ready>
  );
}

interface Row {
  name: string;
  value: string;
  at: number;
}

export function rowsOf(data: InstantData): Row[] {
  switch (data.resultType) {
    case "scalar":
    case "string":
      return [{ name: data.resultType, value: data.result[1], at: data.result[0] }];
    case "vector":
      return data.result.map((one) => ({ name: seriesName(one.metric), value: one.value[1], at: one.value[0] }));
    case "matrix":
      return data.result.flatMap((one) => one.values.map(([at, value]) => ({ name: seriesName(one.metric), value, at })));
  }
}

function Rows({ data }: { data: InstantData }) {
  const { t } = useWords();
  const rows = rowsOf(data);
  if (rows.length === 0) return <Empty icon="question" title={t("explore.nothing")}>{t("explore.nothing_text")}</Empty>;
  return (
    <>
      <Table
        caption={t("explore.table")}
        rows={rows.slice(0, kRowsMax)}
        rowKey={(row) => `${row.name} ${row.at}`}
        columns={[
          { title: t("explore.series"), head: true, cell: (row) => <code>{row.name}</code> },
          { title: t("explore.value"), numeric: true, cell: (row) => <span title={row.value}>{numberOf(row.value) === null ? row.value : formatNumber(Number(row.value))}</span> },
          { title: t("explore.at"), cell: (row) => formatMoment(row.at * 1000) },
        ]}
      />
      {rows.length > kRowsMax && <p className="muted">{t("chart.more", { shown: kRowsMax, all: rows.length })}</p>}
    </>
  );
}
