// Shifts of one schedule on a line of days: who is on call in the end, and below it which layer each part comes from.
import type { Hole, Shift } from "../api/oncall";
import { useWords } from "../i18n/i18n";
import { formatMoment } from "../i18n/quantities";
import { Limited, Fold } from "../ui/lists";
import { Moment, Table } from "../ui/pieces";
import { barsOf, colourOf, daysOf, everyoneOf, kColours, placed } from "./shifts";
import type { Bar, Range } from "./shifts";

interface ChartProps {
  name: string;
  shifts: Shift[];
  gaps: Hole[];
  range: Range;
  now: number;
}

const share = (value: number) => `${(value * 100).toFixed(4)}%`;

export function ShiftChart({ name, shifts, gaps, range, now }: ChartProps) {
  const { t } = useWords();
  const bars = barsOf(shifts, gaps, range);
  const everyone = everyoneOf([shifts]);
  const sources = [...new Set(shifts.map((shift) => shift.source))];
  const here = placed(now, now + 1, range);
  const days = daysOf(range);
  return (
    <>
      <div className="shift-chart" role="img" aria-label={`${t("oncall.shifts")}: ${name}. ${t("oncall.as_list")}`}>
        <div className="shift-days">
          {days.map((day, i) => (
            <span key={day.at} className={day.weekend ? "is-weekend" : undefined} style={{ left: share(day.left), width: share(day.width) }}>
              {(days.length <= 31 || i % 7 === 0) && (i === 0 || day.day === 1 ? `${day.month}/${day.day}` : day.day)}
            </span>
          ))}
        </div>
        <Line bars={bars} everyone={everyone} tall />
        {sources.length > 1 &&
          sources.map((source) => (
            <div key={source} className="shift-layer">
              <small className="muted">{source === "override" ? t("oncall.source_override") : t("oncall.layer", { name: source })}</small>
              <Line bars={bars.filter((bar) => bar.shift?.source === source)} everyone={everyone} />
            </div>
          ))}
        {here && <i className="shift-now" style={{ left: share(here.left) }} title={t("common.now")} />}
      </div>
      <Fold summary={t("oncall.as_list")} testId="shift-list">
        {() => <List bars={bars} />}
      </Fold>
    </>
  );
}

function Line({ bars, everyone, tall = false }: { bars: Bar[]; everyone: string[]; tall?: boolean }) {
  const { t } = useWords();
  return (
    <div className={tall ? "shift-line shift-tall" : "shift-line"}>
      {bars.map((bar) => {
        const who = bar.shift ? bar.shift.users.join(", ") : t("oncall.gap");
        return (
          <span
            key={bar.key}
            className={bar.shift ? `shift-bar shift-${colourOf(bar.who, everyone) % kColours}` : "shift-bar shift-gap"}
            style={{ left: share(bar.left), width: share(bar.width) }}
            title={t("oncall.shift_of", { who, from: formatMoment(bar.from), to: formatMoment(bar.to) })}
          >
            {tall && who}
          </span>
        );
      })}
    </div>
  );
}

function List({ bars }: { bars: Bar[] }) {
  const { t } = useWords();
  return (
    <Limited items={bars} first={30}>
      {(some) => (
        <Table
          caption={t("oncall.shifts")}
          rows={[...some]}
          rowKey={(bar) => bar.key}
          columns={[
            { title: t("common.who"), head: true, cell: (bar) => (bar.shift ? bar.shift.users.join(", ") : t("oncall.gap")) },
            { title: t("common.from"), cell: (bar) => <Moment time={new Date(bar.from).toISOString()} /> },
            { title: t("common.to"), cell: (bar) => <Moment time={new Date(bar.to).toISOString()} /> },
            {
              title: t("oncall.source"),
              cell: (bar) => {
                if (!bar.shift) return "–";
                const source = bar.shift.source === "override" ? t("oncall.source_override") : bar.shift.source;
                return bar.shift.instead_of.length > 0 ? `${source}, ${t("oncall.instead", { names: bar.shift.instead_of.join(", ") })}` : source;
              },
            },
          ]}
        />
      )}
    </Limited>
  );
}
