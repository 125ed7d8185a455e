// What people change by hand: overrides above all layers, and swaps that somebody takes.
import { useState } from "react";
import { path, post } from "../api/client";
import type { Changes, Override, ScheduleView, Swap } from "../api/oncall";
import { useWords } from "../i18n/i18n";
import { useNow } from "../live/live";
import { useMay, useSession } from "../session/session";
import { Chip } from "../ui/Chip";
import { Confirm } from "../ui/Confirm";
import { MomentField, Select, TextField } from "../ui/forms";
import { Limited } from "../ui/lists";
import { browserZone, isoOf } from "../ui/moments";
import { Button, Card, Empty, Moment } from "../ui/pieces";

interface FormProps {
  schedules: ScheduleView[];
  done: () => void;
  close: () => void;
}

const kHour = 3_600_000;
const peopleOf = (schedule: ScheduleView | undefined) => Object.keys(schedule?.quality.hours ?? {}).sort();
const scheduleOptions = (schedules: ScheduleView[]) => schedules.map((one) => ({ value: one.name, text: one.title || one.name }));

export function OverrideForm({ schedules, done, close }: FormProps) {
  const { t } = useWords();
  const now = useNow();
  const [schedule, setSchedule] = useState(schedules[0]?.name ?? "");
  const [users, setUsers] = useState("");
  const [role, setRole] = useState("");
  const [from, setFrom] = useState("");
  const [to, setTo] = useState(() => isoOf(now + 8 * kHour));
  const [reason, setReason] = useState("");
  const chosen = schedules.find((one) => one.name === schedule);
  const body = { schedule, users: users.split(/[,，\s]+/).filter((one) => one !== ""), role, to, reason, ...(from === "" ? {} : { from }) };
  return (
    <Confirm title={t("oncall.override_title")} yes={t("oncall.override_save")} act={() => post("/oncall/overrides", body).then(done)} close={close}>
      <Select label={t("oncall.schedule")} value={schedule} onChange={(name) => { setSchedule(name); setRole(""); }} options={scheduleOptions(schedules)} testId="override-schedule" />
      <TextField label={t("oncall.override_people")} value={users} onChange={setUsers} required options={peopleOf(chosen)} hint={t("oncall.override_people_hint")} testId="override-people" autoFocus />
      {chosen && chosen.roles.length > 0 && (
        <Select
          label={t("oncall.override_role")}
          value={role}
          onChange={setRole}
          options={[{ value: "", text: t("oncall.whole_turn") }, ...chosen.roles.map((value) => ({ value, text: value }))]}
        />
      )}
      <div className="field-row">
        <MomentField label={t("common.from")} value={from} onChange={setFrom} hint={from === "" ? t("common.now") : undefined} />
        <MomentField label={t("common.to")} value={to} onChange={setTo} required />
      </div>
      <small className="hint">{t("common.times_local", { zone: browserZone() })}</small>
      <TextField label={t("common.reason")} value={reason} onChange={setReason} testId="override-reason" />
    </Confirm>
  );
}

export function SwapForm({ schedules, done, close }: FormProps) {
  const { t } = useWords();
  const now = useNow();
  const { session } = useSession();
  const [schedule, setSchedule] = useState(schedules[0]?.name ?? "");
  const people = peopleOf(schedules.find((one) => one.name === schedule));
  const [person, setPerson] = useState(people.includes(session.user) ? session.user : "");
  const [taker, setTaker] = useState("");
  const [from, setFrom] = useState(() => isoOf(now + 24 * kHour));
  const [to, setTo] = useState(() => isoOf(now + 48 * kHour));
  const [reason, setReason] = useState("");
  return (
    <Confirm title={t("oncall.swap_title")} yes={t("oncall.swap_save")} act={() => post("/oncall/swaps", { schedule, person, taker, from, to, reason }).then(done)} close={close}>
      <p>{t("oncall.swap_text")}</p>
      <Select label={t("oncall.schedule")} value={schedule} onChange={setSchedule} options={scheduleOptions(schedules)} />
      <div className="field-row">
        <TextField label={t("oncall.swap_person")} value={person} onChange={setPerson} required options={people} testId="swap-person" />
        <TextField label={t("oncall.swap_taker")} value={taker} onChange={setTaker} options={people} />
      </div>
      <div className="field-row">
        <MomentField label={t("common.from")} value={from} onChange={setFrom} required />
        <MomentField label={t("common.to")} value={to} onChange={setTo} required />
      </div>
      <TextField label={t("common.reason")} value={reason} onChange={setReason} />
    </Confirm>
  );
}

type Item = { kind: "override"; value: Override } | { kind: "swap"; value: Swap };

export function ChangeList({ changes, schedules, changed }: { changes: Changes; schedules: ScheduleView[]; changed: () => void }) {
  const { t } = useWords();
  const items: Item[] = [
    ...changes.overrides.map((value) => ({ kind: "override" as const, value })),
    ...changes.swaps.map((value) => ({ kind: "swap" as const, value })),
  ].sort((a, b) => Date.parse(b.value.from) - Date.parse(a.value.from));
  return (
    <Card title={t("oncall.changes")} testId="oncall-changes">
      {items.length === 0 ? (
        <Empty icon="calendar" title={t("oncall.changes_none")} />
      ) : (
        <Limited items={items} first={10}>
          {(some) => (
            <ul className="rows">
              {some.map((item) => (
                <Change key={item.value.id} item={item} title={schedules.find((one) => one.name === item.value.schedule)?.title || item.value.schedule} changed={changed} />
              ))}
            </ul>
          )}
        </Limited>
      )}
    </Card>
  );
}

function Change({ item, title, changed }: { item: Item; title: string; changed: () => void }) {
  const { t } = useWords();
  const { session } = useSession();
  const may = useMay("respond");
  const now = useNow();
  const [asking, setAsking] = useState<"remove" | "take" | null>(null);
  const [taker, setTaker] = useState(session.user);
  const { value } = item;
  const open = item.kind === "swap" && item.value.taker === "";
  const over = Date.parse(value.to) <= now;
  return (
    <li data-testid={`oncall-${item.kind}`} data-id={value.id}>
      <p className="row-head">
        <Chip tone={open ? "warn" : over ? "quiet" : "info"} icon={open ? "question" : "person"}>
          {t(item.kind === "override" ? "oncall.override" : "oncall.swap")}
        </Chip>
        <b>
          {item.kind === "override"
            ? item.value.users.join(", ")
            : open
              ? t("oncall.swap_open", { who: item.value.person })
              : t("oncall.swap_taken", { who: item.value.person, taker: item.value.taker })}
        </b>
        {may && !over && (
          <span className="row-acts">
            {open && (
              <Button className="button-small" kind="main" onClick={() => setAsking("take")}>{t("oncall.take")}</Button>
            )}
            <Button className="button-small" kind="danger" onClick={() => setAsking("remove")} testId="change-remove">
              {t("common.remove")}
            </Button>
          </span>
        )}
      </p>
      <p className="muted">
        {title}
        {item.kind === "override" && item.value.role && <> ({item.value.role})</>} · <Moment time={value.from} /> – <Moment time={value.to} />
        {value.by && <> · {t("common.by", { who: value.by })}</>}
        {value.reason && <> · {value.reason}</>}
      </p>
      {asking === "remove" && (
        <Confirm title={t("oncall.remove_title")} yes={t("common.remove")} danger act={() => post(path`/oncall/changes/${value.id}/remove`).then(changed)} close={() => setAsking(null)} />
      )}
      {asking === "take" && (
        <Confirm title={t("oncall.take_title")} yes={t("oncall.take")} act={() => post(path`/oncall/swaps/${value.id}/take`, { taker }).then(changed)} close={() => setAsking(null)}>
          <p>
            {title}: <Moment time={value.from} /> – <Moment time={value.to} />
          </p>
          <TextField label={t("oncall.take_who")} value={taker} onChange={setTaker} required />
        </Confirm>
      )}
    </li>
  );
}
