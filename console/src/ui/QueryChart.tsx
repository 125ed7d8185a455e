// A chart that asks for its own data: one PromQL query over a fixed span or the last minutes, live.
import { useCallback, useMemo } from "react";
import { columnsOf, lastSpan, queryRange, seriesName, spanOf } from "../api/prometheus";
import type { RangeSeries, Span } from "../api/prometheus";
import { useWords } from "../i18n/i18n";
import { formatClock } from "../i18n/quantities";
import { useFreshness, useReading } from "../live/live";
import { Chart } from "./Chart";
import type { Mark } from "./Chart";

export interface QueryChartProps {
  query: string;
  label: string;
  format: (value: number | null) => string;
  lastSeconds?: number; // the last so many seconds, asked again and again ...
  from?: number; // ... or from here to there, seconds since the epoch
  to?: number;
  skewMs?: number;
  height?: number;
  compact?: boolean;
  threshold?: number | null;
  marks?: Mark[];
  floorMax?: number;
  name?: string; // instead of the series' labels, when the query gives one line
  tone?: string;
}

const kLinesMax = 24;

export function QueryChart(props: QueryChartProps) {
  const { query, lastSeconds, from, to, skewMs = 0, height = 220 } = props;
  const { t } = useWords();
  const fresh = useFreshness();
  const read = useCallback(
    async (signal: AbortSignal): Promise<{ span: Span; series: RangeSeries[] }> => {
      const span = lastSeconds ? lastSpan(lastSeconds, Date.now() + skewMs) : spanOf(from ?? 0, to ?? 0);
      return { span, series: await queryRange(query, span, signal) };
    },
    // The skew moves by milliseconds with every poll; a chart need not be asked again for that.
    [query, lastSeconds, from, to],
  );
  const everyMs = !lastSeconds ? 0 : lastSeconds <= 300 ? 2_000 : lastSeconds <= 900 ? 5_000 : 15_000;
  const reading = useReading(`${query} ${lastSeconds} ${from} ${to}`, read, { everyMs });
  const drawn = useMemo(() => {
    if (!reading.data) return null;
    const series = reading.data.series.slice(0, kLinesMax);
    return { names: series.map((one) => seriesName(one.metric)), ...columnsOf(series, reading.data.span) };
  }, [reading.data]);

  if (!drawn || !reading.data) {
    const text = reading.error ? (reading.error.unreachable ? t("failed.unreachable") : reading.error.message) : t("loading");
    return <p className="chart-none" style={{ minHeight: height }}>{text}</p>;
  }
  if (drawn.values.every((column) => column.every((value) => value === null))) {
    return <p className="chart-none" style={{ minHeight: height }}>{t("chart.empty")}</p>;
  }
  const old = lastSeconds !== undefined && (reading.error !== null || fresh === "stale");
  const single = drawn.names.length === 1 && props.name;
  return (
    <div className={`query-chart${old ? " is-stale" : ""}`}>
      <Chart
        label={props.label}
        names={single ? [props.name!] : drawn.names}
        times={drawn.times}
        values={drawn.values}
        format={props.format}
        span={reading.data.span}
        height={height}
        compact={props.compact ?? false}
        threshold={props.threshold ?? null}
        marks={props.marks ?? []}
        floorMax={props.floorMax ?? 0}
        {...(props.tone ? { tone: props.tone } : {})}
      />
      {old && reading.asOf !== null && <p className="stale-note">{t("as_of", { time: formatClock(reading.asOf + skewMs) })}</p>}
      {reading.data.series.length > kLinesMax && <p className="muted">{t("chart.more", { shown: kLinesMax, all: reading.data.series.length })}</p>}
    </div>
  );
}
