// What is known: extent, users, cause and fixes; what was tried; and the three checks that recovery is real.
import { useState } from "react";
import { path, post } from "../api/client";
import type { Incident } from "../api/types";
import { useWords } from "../i18n/i18n";
import { useMay } from "../session/session";
import { Chip } from "../ui/Chip";
import { Confirm } from "../ui/Confirm";
import { MomentField, Select, TextArea, TextField } from "../ui/forms";
import { Button, Card, Moment } from "../ui/pieces";

const kChecks = ["function_verified", "metrics_confirmed", "users_informed"] as const;
const kAxes = ["restart", "rollback", "scale_out"] as const;
type Asking = "fields" | "confirm" | "act" | "move" | (typeof kChecks)[number];

interface ImpactProps {
  incident: Incident;
  changed: () => void;
}

export function Impact({ incident, changed }: ImpactProps) {
  const { t, word } = useWords();
  const may = useMay("respond") && !incident.closed_at;
  const [asking, setAsking] = useState<Asking | null>(null);
  const close = () => setAsking(null);
  const { handling } = incident;
  const known = (text: string | undefined) => text || <span className="muted">{t("impact.not_known")}</span>;
  return (
    <Card
      title={t("impact.title")}
      aside={
        may ? (
          <span className="row-acts">
            {!incident.confirmed_at && (
              <Button className="button-small" kind="main" onClick={() => setAsking("confirm")} testId="incident-confirm">
                {t("impact.confirm")}
              </Button>
            )}
            <Button className="button-small" onClick={() => setAsking("fields")} testId="impact-edit">
              {t("common.edit")}
            </Button>
          </span>
        ) : undefined
      }
      testId="incident-impact"
    >
      <dl className="facts">
        <dt>{t("impact.extent")}</dt>
        <dd>
          {known(incident.extent)} {incident.confirmed_by && <Chip tone="good">{t("impact.confirmed", { who: incident.confirmed_by })}</Chip>}
        </dd>
        <dt>{t("impact.user_impact")}</dt>
        <dd>{known(incident.user_impact)}</dd>
        <dt>{t("impact.began")}</dt>
        <dd>
          <Moment time={incident.started_at} />{" "}
          {incident.started_source && incident.started_source !== "signal" && <span className="muted">{t("impact.said_by", { who: incident.started_source })} </span>}
          {may && (
            <Button kind="ghost" className="button-small" onClick={() => setAsking("move")}>
              {t("impact.move")}
            </Button>
          )}
        </dd>
        <dt>{t("impact.found_by")}</dt>
        <dd>{word("incident_source", incident.source ?? "automatic")}</dd>
        {incident.ticket && (
          <>
            <dt>{t("impact.ticket")}</dt>
            <dd>{incident.ticket}</dd>
          </>
        )}
        <dt>{t("impact.root_cause")}</dt>
        <dd>{known(handling?.root_cause)}</dd>
        <dt>{t("impact.temporary_fix")}</dt>
        <dd>{known(handling?.temporary_fix)}</dd>
        <dt>{t("impact.permanent_fix")}</dt>
        <dd>{known(handling?.permanent_fix)}</dd>
      </dl>
      <p className="row-head">
        <b>{t("impact.acts")}</b>
        {may && (
          <Button className="button-small" onClick={() => setAsking("act")} testId="act-record">
            {t("impact.act")}
          </Button>
        )}
      </p>
      {(handling?.acts ?? []).map((act, i) => (
        <p key={i}>
          <Moment time={act.at} /> <b>{word("axis", act.axis)}</b> {act.text !== act.axis && act.text} <span className="muted">{t("common.by", { who: act.by })}</span>
        </p>
      ))}
      <h3>{t("checks.title")}</h3>
      <ul className="checks-list">
        {kChecks.map((name) => {
          const done = incident.checks?.find((one) => one.name === name);
          return (
            <li key={name} className="row-head" data-testid={`recovery-${name}`} data-done={done !== undefined}>
              <Chip tone={done ? "good" : "quiet"}>{t(`checks.${name}`)}</Chip>
              {done ? (
                <span className="muted">
                  <Moment time={done.at} /> {t("common.by", { who: done.by })} {done.note}
                </span>
              ) : (
                <>
                  <span className="muted">{t("checks.missing")}</span>
                  {may && (
                    <Button kind="ghost" className="button-small" onClick={() => setAsking(name)}>
                      {t("checks.record")}
                    </Button>
                  )}
                </>
              )}
            </li>
          );
        })}
      </ul>
      {(asking === "fields" || asking === "confirm") && <FieldsForm incident={incident} confirming={asking === "confirm"} changed={changed} close={close} />}
      {asking === "act" && <ActForm incident={incident} changed={changed} close={close} />}
      {asking === "move" && <MoveForm incident={incident} changed={changed} close={close} />}
      {(asking === "function_verified" || asking === "metrics_confirmed" || asking === "users_informed") && <CheckForm incident={incident} name={asking} changed={changed} close={close} />}
    </Card>
  );
}

type FormProps = ImpactProps & { close: () => void };

function FieldsForm({ incident, confirming, changed, close }: FormProps & { confirming: boolean }) {
  const { t, word } = useWords();
  const before: Record<string, string> = {
    title: incident.title,
    extent: incident.extent ?? "",
    user_impact: incident.user_impact ?? "",
    ticket: incident.ticket ?? "",
    source: incident.source ?? "automatic",
    root_cause: incident.handling?.root_cause ?? "",
    temporary_fix: incident.handling?.temporary_fix ?? "",
    permanent_fix: incident.handling?.permanent_fix ?? "",
    expected_recovery_at: incident.expected_recovery_at ?? "",
  };
  const [fields, setFields] = useState(before);
  const set = (name: string) => (value: string) => setFields({ ...fields, [name]: value });
  const text = (name: string) => fields[name] ?? "";
  // Only what was changed is sent: what a colleague wrote meanwhile stays.
  const changes = Object.fromEntries(Object.entries(fields).filter(([name, value]) => value !== before[name]));
  return (
    <Confirm
      title={t(confirming ? "impact.confirm_title" : "impact.edit")}
      yes={t(confirming ? "impact.confirm" : "common.save")}
      wide={!confirming}
      act={() => post(path`/incidents/${incident.id}/` + (confirming ? "confirm" : "fields"), changes).then(changed)}
      close={close}
    >
      {!confirming && <TextField label={t("common.title")} value={text("title")} onChange={set("title")} required />}
      <TextArea label={t("impact.extent")} value={text("extent")} onChange={set("extent")} rows={2} required={confirming} autoFocus testId="field-extent" />
      <TextArea label={t("impact.user_impact")} value={text("user_impact")} onChange={set("user_impact")} rows={2} />
      <TextField label={t("impact.ticket")} value={text("ticket")} onChange={set("ticket")} hint={t("impact.ticket_hint")} />
      {!confirming && (
        <>
          <TextArea label={t("impact.root_cause")} value={text("root_cause")} onChange={set("root_cause")} rows={2} testId="field-root-cause" />
          <div className="field-row">
            <TextArea label={t("impact.temporary_fix")} value={text("temporary_fix")} onChange={set("temporary_fix")} rows={2} />
            <TextArea label={t("impact.permanent_fix")} value={text("permanent_fix")} onChange={set("permanent_fix")} rows={2} />
          </div>
          <div className="field-row">
            <MomentField label={t("impact.expected")} value={text("expected_recovery_at")} onChange={set("expected_recovery_at")} />
            <Select label={t("impact.found_by")} value={text("source")} onChange={set("source")} options={["automatic", "user_report", "proactive"].map((value) => ({ value, text: word("incident_source", value) }))} />
          </div>
        </>
      )}
    </Confirm>
  );
}

function ActForm({ incident, changed, close }: FormProps) {
  const { t, word } = useWords();
  const [axis, setAxis] = useState<string>("restart");
  const [text, setText] = useState("");
  return (
    <Confirm title={t("impact.act")} yes={t("checks.record")} act={() => post(path`/incidents/${incident.id}/act`, { axis, text }).then(changed)} close={close}>
      <Select label={t("common.what")} value={axis} onChange={setAxis} options={kAxes.map((value) => ({ value: value as string, text: word("axis", value) }))} />
      <TextField label={t("impact.act_text")} value={text} onChange={setText} />
    </Confirm>
  );
}

function CheckForm({ incident, name, changed, close }: FormProps & { name: (typeof kChecks)[number] }) {
  const { t } = useWords();
  const [note, setNote] = useState("");
  return (
    <Confirm title={t("checks.record_title", { name: t(`checks.${name}`) })} yes={t("checks.record")} act={() => post(path`/incidents/${incident.id}/check`, { name, note }).then(changed)} close={close}>
      <TextArea label={t("common.comment")} value={note} onChange={setNote} rows={2} autoFocus />
    </Confirm>
  );
}

function MoveForm({ incident, changed, close }: FormProps) {
  const { t } = useWords();
  const [at, setAt] = useState(incident.started_at);
  const [why, setWhy] = useState("");
  return (
    <Confirm title={t("impact.move")} yes={t("common.save")} act={() => post(path`/incidents/${incident.id}/impact`, { at, why }).then(changed)} close={close}>
      <MomentField label={t("impact.began")} value={at} onChange={setAt} required />
      <TextField label={t("impact.move_why")} value={why} onChange={setWhy} required />
    </Confirm>
  );
}
