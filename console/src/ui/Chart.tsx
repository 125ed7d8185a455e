// A time series chart on uPlot: lines over one time grid, a threshold, marks at moments.
//
// Purpose     Draws what it is given, in the theme's colours, at the width it has. Its legend shows the
//             value under the pointer, or the newest one; the same is said in words to a screen reader.
// Honesty     A missing sample is a gap. `stale` says so over the drawing instead of pretending to be live.
import { useEffect, useMemo, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useWords } from "../i18n/i18n";
import { formatClock, kUnknown } from "../i18n/quantities";
import { useTheme } from "./theme";

export interface Mark {
  at: number; // seconds
  text: string;
  tone: "bad" | "warn" | "info" | "good";
}

interface ChartProps {
  label: string;
  names: string[];
  times: number[];
  values: (number | null)[][];
  format: (value: number | null) => string;
  span: { start: number; end: number };
  height?: number;
  compact?: boolean; // no time axis, no legend: for cards
  threshold?: number | null;
  marks?: Mark[];
  floorMax?: number; // the value axis reaches at least this far, so that noise stays small
  tone?: string; // a CSS colour's name for the first line
}

const kLines = ["--line-1", "--line-2", "--line-3", "--line-4", "--line-5", "--line-6"];

const css = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const lineColour = (index: number, tone?: string) => css(index === 0 && tone ? tone : kLines[index % kLines.length]!);

function marksPlugin(held: { current: ChartProps }): uPlot.Plugin {
  return {
    hooks: {
      draw: (plot) => {
        const { threshold, marks = [] } = held.current;
        const { ctx, bbox } = plot;
        const ratio = devicePixelRatio || 1;
        ctx.save();
        ctx.beginPath();
        ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
        ctx.clip();
        ctx.lineWidth = 1.5 * ratio;
        ctx.font = `600 ${11 * ratio}px system-ui, sans-serif`;
        if (threshold !== undefined && threshold !== null) {
          const y = plot.valToPos(threshold, "y", true);
          ctx.strokeStyle = css("--bad");
          ctx.setLineDash([6 * ratio, 4 * ratio]);
          line(ctx, bbox.left, y, bbox.left + bbox.width, y);
        }
        ctx.setLineDash([]);
        marks.forEach((mark, i) => {
          const x = plot.valToPos(mark.at, "x", true);
          if (x < bbox.left || x > bbox.left + bbox.width) return;
          ctx.strokeStyle = ctx.fillStyle = css(`--${mark.tone}`);
          line(ctx, x, bbox.top, x, bbox.top + bbox.height);
          const width = ctx.measureText(mark.text).width;
          const room = x + width + 6 * ratio < bbox.left + bbox.width;
          const y = bbox.top + (12 + 14 * (i % 5)) * ratio; // neighbours stand on lines of their own
          const left = room ? x + 4 * ratio : x - width - 4 * ratio;
          const ink = ctx.fillStyle;
          ctx.fillStyle = css("--surface");
          ctx.fillRect(left - 2 * ratio, y - 10 * ratio, width + 4 * ratio, 13 * ratio);
          ctx.fillStyle = ink;
          ctx.fillText(mark.text, left, y);
        });
        ctx.restore();
      },
    },
  };
}

function line(ctx: CanvasRenderingContext2D, x1: number, y1: number, x2: number, y2: number): void {
  ctx.beginPath();
  ctx.moveTo(x1, y1);
  ctx.lineTo(x2, y2);
  ctx.stroke();
}

function valueRange(held: { current: ChartProps }): uPlot.Range.Function {
  return (_plot, min, max) => {
    const { threshold, floorMax = 0 } = held.current;
    const top = Math.max(max ?? 0, threshold ?? 0, floorMax);
    const bottom = Math.min(0, min ?? 0);
    return [bottom < 0 ? bottom * 1.1 : 0, top > 0 ? top * 1.12 : bottom < 0 ? 0 : 1];
  };
}

function optionsOf(held: { current: ChartProps }, width: number, seriesCount: number, onPoint: (index: number | null) => void): uPlot.Options {
  const { compact = false, height = 220, tone } = held.current;
  const axis: uPlot.Axis = {
    stroke: () => css("--muted"),
    grid: { stroke: () => css("--grid"), width: 1 },
    ticks: { show: false },
    font: "12px system-ui, sans-serif",
  };
  return {
    width,
    height,
    padding: [8, 8, compact ? 6 : 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
    scales: {
      x: { time: true, range: () => [held.current.span.start, held.current.span.end] },
      y: { range: valueRange(held) },
    },
    series: [
      {},
      ...Array.from({ length: seriesCount }, (_, i): uPlot.Series => ({
        stroke: () => lineColour(i, tone),
        width: compact ? 2 : 1.75,
        points: { show: false },
        spanGaps: false,
        ...(seriesCount === 1 ? { fill: () => `${lineColour(i, tone)}22` } : {}),
      })),
    ],
    axes: [
      {
        ...axis,
        show: !compact,
        space: 90,
        values: (_plot, splits) => splits.map((at) => formatClock(at * 1000).slice(0, wholeMinutes(splits) ? 5 : 8)),
      },
      {
        ...axis,
        size: compact ? 54 : 64,
        gap: 4,
        space: compact ? 26 : 40,
        values: (_plot, splits) => splits.map((value) => held.current.format(value)),
      },
    ],
    hooks: { setCursor: [(plot) => onPoint(plot.cursor.idx ?? null)] },
    plugins: [marksPlugin(held)],
  };
}

const wholeMinutes = (splits: number[]) => splits.every((at) => at % 60 === 0);

export function Chart(props: ChartProps) {
  const { names, times, values, format, label, compact = false, height = 220 } = props;
  const { t } = useWords();
  const [theme] = useTheme();
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const held = useRef(props);
  held.current = props;
  const [point, setPoint] = useState<number | null>(null);

  useEffect(() => {
    const room = box.current;
    if (!room) return;
    const { times, values } = held.current;
    const options = optionsOf(held, Math.max(80, room.clientWidth), values.length, setPoint);
    const drawn = new uPlot(options, [times, ...values] as uPlot.AlignedData, room);
    plot.current = drawn;
    const sizes = new ResizeObserver(() => {
      if (room.clientWidth > 0) drawn.setSize({ width: room.clientWidth, height });
    });
    sizes.observe(room);
    return () => {
      sizes.disconnect();
      drawn.destroy();
      plot.current = null;
    };
  }, [values.length, theme, height, compact]);

  useEffect(() => {
    plot.current?.setData([times, ...values] as uPlot.AlignedData);
  }, [times, values]);

  const newest = useMemo(() => values.map((column) => [...column].reverse().find((value) => value !== null) ?? null), [values]);
  const shownAt = point !== null && point < times.length ? times[point]! : null;
  const summary = names.map((name, i) => `${name}: ${format(newest[i] ?? null)}`).slice(0, 6).join("; ");

  return (
    <div className={`chart${compact ? " chart-compact" : ""}`}>
      <div ref={box} role="img" aria-label={`${label}. ${t("chart.newest")} ${summary}`} className="chart-box" style={{ minHeight: height }} />
      {compact ? (
        shownAt !== null && <p className="chart-point">{`${formatClock(shownAt * 1000)}  ${format(values[0]?.[point!] ?? null)}`}</p>
      ) : (
        <ul className="legend">
          {names.map((name, i) => (
            <li key={name + i}>
              <i style={{ background: `var(${i === 0 && props.tone ? props.tone : kLines[i % kLines.length]})` }} />
              <span className="legend-name">{name}</span>
              <b>{shownAt !== null ? format(values[i]?.[point!] ?? null) : newest[i] === null ? kUnknown : format(newest[i] ?? null)}</b>
            </li>
          ))}
          {shownAt !== null && <li className="legend-time">{formatClock(shownAt * 1000)}</li>}
        </ul>
      )}
    </div>
  );
}
