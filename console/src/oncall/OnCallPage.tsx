// Who is called now, who is next, what people changed, whether everybody can be reached, and who is being called.
import { useCallback, useMemo, useState } from "react";
import { get, kApi, path } from "../api/client";
import type { Changes, Hole, OnCallNow, OnCallPerson, ScheduleView, Shift } from "../api/oncall";
import { useWords } from "../i18n/i18n";
import { formatCount } from "../i18n/quantities";
import { useNow, useReading, useResource } from "../live/live";
import { useMay } from "../session/session";
import { Chip } from "../ui/Chip";
import { Button, Card, Choice, Empty, Moment, Page, Ready } from "../ui/pieces";
import { changeSearch, useAddress } from "../ui/router";
import { ChangeList, OverrideForm, SwapForm } from "./Changes";
import { Escalations } from "./Escalations";
import { Reachability } from "./Reachability";
import { ShiftChart } from "./ShiftChart";
import { nextShift, rangeOf } from "./shifts";
import "./oncall.css";

const kWeeks = [1, 2, 4, 8] as const;

export default function OnCallPage() {
  const { t } = useWords();
  const may = useMay("respond");
  const [asking, setAsking] = useState<"override" | "swap" | null>(null);
  const schedules = useResource<{ schedules: ScheduleView[] }>("/oncall/schedules", { everyMs: 60_000 });
  const now = useResource<{ on_call: OnCallNow[] }>("/oncall/now", { everyMs: 15_000 });
  const changes = useResource<Changes>("/oncall/changes", { everyMs: 20_000 });
  const [revision, setRevision] = useState(0);
  const changed = () => {
    now.reload();
    changes.reload();
    schedules.reload();
    setRevision(revision + 1);
  };
  const all = schedules.data?.schedules ?? [];
  return (
    <Page
      title={t("nav.oncall")}
      intro={t("oncall.intro")}
      aside={
        may && all.length > 0 ? (
          <div className="acts">
            <Button kind="main" icon="person" onClick={() => setAsking("override")} testId="oncall-override">
              {t("oncall.override")}
            </Button>
            <Button onClick={() => setAsking("swap")} testId="oncall-swap">{t("oncall.swap")}</Button>
          </div>
        ) : undefined
      }
      testId="oncall-page"
    >
      <Escalations />
      <Ready of={now}>
        {({ on_call }) => (on_call.length === 0 ? <Empty icon="calendar" title={t("oncall.none")}>{t("oncall.none_text")}</Empty> : <Now onCall={on_call} />)}
      </Ready>
      {all.length > 0 && <Shifts schedules={all} revision={revision} />}
      <div className="grid-2">
        <Ready of={changes}>{(data) => <ChangeList changes={data} schedules={all} changed={changed} />}</Ready>
        <Reachability nothing={all.length === 0} />
      </div>
      {asking === "override" && <OverrideForm schedules={all} done={changed} close={() => setAsking(null)} />}
      {asking === "swap" && <SwapForm schedules={all} done={changed} close={() => setAsking(null)} />}
    </Page>
  );
}

function Now({ onCall }: { onCall: OnCallNow[] }) {
  const { t } = useWords();
  return (
    <div className="service-grid oncall-now" data-testid="oncall-now">
      {onCall.map((one) => (
        <Card key={one.schedule} title={one.title || one.schedule} aside={<span className="muted">{one.zone}</span>} tone={one.people.length === 0 ? "bad" : undefined} testId={`oncall-now-${one.schedule}`}>
          {one.people.length === 0 ? (
            <Chip tone="bad" large>{t("oncall.nobody")}</Chip>
          ) : (
            <ul className="rows">
              {one.people.map((person) => (
                <Person key={person.id} person={person} />
              ))}
            </ul>
          )}
          {one.until && (
            <p className="muted oncall-until">
              {t("oncall.until")} <Moment time={one.until} />
              {one.source === "override" && <> · {t("oncall.source_override")}</>}
            </p>
          )}
        </Card>
      ))}
    </div>
  );
}

function Person({ person }: { person: OnCallPerson }) {
  const { t } = useWords();
  return (
    <li>
      <p className="row-head">
        <b className="oncall-name">{person.name}</b>
        {person.role && <Chip tone="info" icon={null}>{person.role}</Chip>}
      </p>
      <p className="row-head">
        {person.phone && <a href={`tel:${person.phone.replace(/[^+\d]/g, "")}`}>{person.phone}</a>}
        {person.email && <a href={`mailto:${person.email}`}>{person.email}</a>}
        {person.slack && <span className="muted">{person.slack}</span>}
        <a href={`${kApi}${path`/oncall/people/${person.id}/calendar.ics`}`} title={t("oncall.calendar_text")}>
          {t("oncall.calendar_of")}
        </a>
      </p>
    </li>
  );
}

function Shifts({ schedules, revision }: { schedules: ScheduleView[]; revision: number }) {
  const { t } = useWords();
  const { search } = useAddress();
  const asked = Number(search.get("weeks"));
  const weeks = kWeeks.find((one) => one === asked) ?? 2;
  const moved = Math.max(-50, Math.min(50, Math.trunc(Number(search.get("from")) || 0)));
  const now = useNow();
  const today = new Date(now).setHours(0, 0, 0, 0);
  const range = useMemo(() => rangeOf(today, weeks, moved), [today, weeks, moved]);
  const move = (by: number) => changeSearch({ from: by === 0 ? "" : String(by) });
  return (
    <Card
      title={t("oncall.shifts")}
      aside={
        <div className="row-head">
          <Button className="button-small" onClick={() => move(moved - weeks)}>{t("oncall.earlier")}</Button>
          <Button className="button-small" onClick={() => move(0)} disabled={moved === 0}>{t("oncall.today")}</Button>
          <Button className="button-small" onClick={() => move(moved + weeks)}>{t("oncall.later")}</Button>
          <Choice<number> label={t("oncall.weeks")} value={weeks} options={kWeeks.map((value) => ({ value, text: t("oncall.week_count", { count: value }) }))} onChange={(value) => changeSearch({ weeks: String(value) })} />
        </div>
      }
      testId="oncall-shifts"
    >
      {schedules.map((schedule) => (
        <ScheduleShifts key={schedule.name} schedule={schedule} range={range} now={now} revision={revision} />
      ))}
    </Card>
  );
}

function ScheduleShifts({ schedule, range, now, revision }: { schedule: ScheduleView; range: { from: number; to: number }; now: number; revision: number }) {
  const { t } = useWords();
  const times = `from=${encodeURIComponent(new Date(range.from).toISOString())}&to=${encodeURIComponent(new Date(range.to).toISOString())}`;
  const address = `${path`/oncall/schedules/${schedule.name}/shifts`}?${times}`;
  const read = useCallback((signal: AbortSignal) => get<{ shifts: Shift[]; gaps: Hole[] }>(address, signal), [address]);
  const shifts = useReading(`${address} ${revision}`, read, { everyMs: 60_000 });
  const { quality } = schedule;
  // Of what is shown: a range that begins after now does not hold the next shift.
  const next = range.from <= now ? nextShift(shifts.data?.shifts ?? [], now) : null;
  const overloaded = Object.entries(quality.overloaded).map(([who, percent]) => `${who} +${percent} %`);
  return (
    <section className="schedule" data-testid={`schedule-${schedule.name}`}>
      <p className="row-head">
        <b>{schedule.title || schedule.name}</b>
        {schedule.gaps.length > 0 && <Chip tone="bad">{t("oncall.gaps", { count: formatCount(schedule.gaps.length) })}</Chip>}
        <span className="muted">{t("oncall.quality", { score: quality.score, covered: quality.covered, balance: quality.balance })}</span>
        {overloaded.length > 0 && <span className="muted">{t("oncall.overloaded", { names: overloaded.join(", ") })}</span>}
        <a className="row-acts" href={`${kApi}${path`/oncall/schedules/${schedule.name}/calendar.ics`}`} title={t("oncall.calendar_text")} data-testid="oncall-calendar">
          {t("oncall.calendar")}
        </a>
      </p>
      {next && (
        <p className="muted">
          {t("oncall.next", { who: next.users.join(", ") })} <Moment time={next.from} />
        </p>
      )}
      <Ready of={shifts}>{(data) => <ShiftChart name={schedule.title || schedule.name} shifts={data.shifts} gaps={data.gaps} range={range} now={now} />}</Ready>
    </section>
  );
}
