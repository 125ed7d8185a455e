// The Prometheus HTTP API, as far as charts and tables need it.
//
// Units       Times are seconds since the Unix epoch, as the API has them.
import { call } from "./client";
import type { Labels } from "./types";

export interface RangeSeries {
  metric: Labels;
  values: [number, string][];
}
export interface InstantSample {
  metric: Labels;
  value: [number, string];
}
interface Answer<T> {
  status: "success" | "error";
  data: T;
}
type RangeData = { resultType: "matrix"; result: RangeSeries[] };
export type InstantData =
  | { resultType: "vector"; result: InstantSample[] }
  | { resultType: "scalar" | "string"; result: [number, string] }
  | { resultType: "matrix"; result: RangeSeries[] };

export interface Span {
  start: number;
  end: number;
  step: number;
}

export async function queryRange(query: string, span: Span, signal?: AbortSignal): Promise<RangeSeries[]> {
  const parameters = new URLSearchParams({
    query,
    start: String(span.start),
    end: String(span.end),
    step: String(span.step),
  });
  const answer = await call<Answer<RangeData>>("GET", `/api/v1/query_range?${parameters}`, signal ? { signal } : {});
  return answer.data.result;
}

export async function queryInstant(query: string, signal?: AbortSignal): Promise<InstantData> {
  const parameters = new URLSearchParams({ query });
  const answer = await call<Answer<InstantData>>("GET", `/api/v1/query?${parameters}`, signal ? { signal } : {});
  return answer.data;
}

export async function metricNames(): Promise<string[]> {
  return (await call<Answer<string[]>>("GET", "/api/v1/label/__name__/values")).data;
}

// `http_requests_total{status="200"}`, as people write a series.
export function seriesName(metric: Labels): string {
  const name = metric["__name__"] ?? "";
  const labels = Object.entries(metric)
    .filter(([label]) => label !== "__name__")
    .map(([label, value]) => `${label}="${value}"`);
  return labels.length > 0 || name === "" ? `${name}{${labels.join(", ")}}` : name;
}

export interface Columns {
  times: number[];
  values: (number | null)[][];
}

// Series as columns over one time grid. A moment without a sample is null, so that the chart shows a gap
// there and never joins two far points as if it knew what lay between.
export function columnsOf(series: RangeSeries[], span: Span): Columns {
  const count = Math.floor((span.end - span.start) / span.step + 1e-6) + 1;
  const times = Array.from({ length: count }, (_, i) => span.start + i * span.step);
  const values = series.map((one) => {
    const column: (number | null)[] = new Array<number | null>(count).fill(null);
    for (const [at, text] of one.values) {
      const index = Math.round((at - span.start) / span.step);
      const value = Number(text);
      if (index >= 0 && index < count && Number.isFinite(value)) column[index] = value;
    }
    return column;
  });
  return { times, values };
}

const kPointsMax = 300;

// The span of the last `seconds`, its step a whole number of seconds and its ends on that grid, so that
// repeated questions agree about where the points are.
export function lastSpan(seconds: number, nowMs: number): Span {
  return spanOf(nowMs / 1000 - seconds, nowMs / 1000);
}

export function spanOf(from: number, to: number): Span {
  const step = Math.max(1, Math.ceil((to - from) / kPointsMax));
  return { start: Math.ceil(from / step) * step, end: Math.floor(to / step) * step, step };
}
