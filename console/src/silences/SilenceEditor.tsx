// The form of a silence: what it would hide stands beside it, before it hides anything.
import { useEffect, useState } from "react";
import type { FormEvent } from "react";
import { ApiError, call, kAlertmanager, post } from "../api/client";
import type { Silence, SilencePreview } from "../api/routing";
import { useWords } from "../i18n/i18n";
import type { Key } from "../i18n/i18n";
import { useNow } from "../live/live";
import { MatcherRows } from "../matchers/MatcherRows";
import { parseMatchers } from "../matchers/matchers";
import { useSession } from "../session/session";
import { useAct } from "../ui/act";
import { Check, MomentField, Problem, Select, TextArea, TextField } from "../ui/forms";
import { Limited } from "../ui/lists";
import { browserZone, isoOf } from "../ui/moments";
import { Button, Card, Choice, Labels, Moment } from "../ui/pieces";
import { recall, remember } from "../ui/remembered";
import { navigate } from "../ui/router";
import { bodyOf, emptyForm, formOf, kWeekdays, matcherProblem, problemOf } from "./form";
import type { Repeat, SilenceForm } from "./form";

const kHour = 3_600_000;
const kSpans = [
  [1, "1 h"],
  [2, "2 h"],
  [8, "8 h"],
  [24, "1 d"],
  [168, "7 d"],
] as const;
const kRepeats: Repeat[] = ["none", "daily", "weekly", "monthly", "custom"];
const kPreviewAfterMs = 350;

export function SilenceEditor({ all, search, done }: { all: Silence[]; search: URLSearchParams; done: () => void }) {
  const { t } = useWords();
  const { session } = useSession();
  const now = useNow();
  const [form, setForm] = useState<SilenceForm>(() => {
    const again = search.get("again");
    const known = all.find((one) => one.id === (again ?? search.get("form")));
    if (known) return formOf(known, now, again !== null);
    const name = recall("name") ?? session.name ?? session.user;
    return emptyForm(now, name, browserZone(), parseMatchers(search.get("matchers") ?? "").matchers);
  });
  const set = (change: Partial<SilenceForm>) => setForm((before) => ({ ...before, ...change }));
  const { busy, problem, run } = useAct();
  const [tried, setTried] = useState(false);
  const wrong = problemOf(form, now);
  const preview = usePreview(form);

  const save = async (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (wrong) return;
    remember("name", form.createdBy.trim());
    const saved = await run(() => call("POST", `${kAlertmanager}/silences`, { body: bodyOf(form, Date.now()) }));
    if (!saved) return;
    done();
    navigate("/silences");
  };
  return (
    <Card title={t(form.id === "" ? "silences.form_new" : "silences.form_edit")} tone="info" testId="silence-form">
      <form className="silence-form" onSubmit={save}>
        <div className="form">
          <MatcherRows matchers={form.matchers} onChange={(matchers) => set({ matchers })} />
          <Times form={form} set={set} now={now} />
          <Recurrence form={form} set={set} />
          <TextArea label={t("silences.comment")} rows={2} value={form.comment} onChange={(comment) => set({ comment })} testId="silence-comment" maxLength={4000} />
          <TextField label={t("silences.created_by")} value={form.createdBy} onChange={(createdBy) => set({ createdBy })} testId="silence-by" maxLength={100} />
          {tried && wrong && <Problem text={t(`silences.problem.${wrong.what}` as Key, { text: wrong.text })} />}
          <Problem text={problem} testId="silence-problem" />
          <div className="dialog-acts">
            <Button onClick={() => navigate("/silences")}>{t("cancel")}</Button>
            <Button type="submit" kind="main" icon="silence" disabled={busy} testId="silence-save">
              {busy ? t("working") : t(form.id === "" ? "silences.save" : "silences.save_edit")}
            </Button>
          </div>
        </div>
        <Preview preview={preview} ready={matcherProblem(form) === null} />
      </form>
    </Card>
  );
}

interface PartProps {
  form: SilenceForm;
  set: (change: Partial<SilenceForm>) => void;
}

function Times({ form, set, now }: PartProps & { now: number }) {
  const { t } = useWords();
  const begins = form.startsAt === "" ? now : Date.parse(form.startsAt);
  const hours = Math.round(((Date.parse(form.endsAt) - begins) / kHour) * 100) / 100;
  return (
    <>
      <div className="row-head">
        <span className="field-name">{t("silences.for")}</span>
        <Choice<number>
          label={t("silences.for")}
          value={kSpans.find(([span]) => Math.abs(span - hours) < 0.05)?.[0] ?? 0}
          options={kSpans.map(([value, text]) => ({ value, text }))}
          onChange={(span) => set({ endsAt: isoOf(begins + span * kHour) })}
          testId="silence-for"
        />
      </div>
      <div className="field-row">
        <MomentField label={t("silences.starts_at")} value={form.startsAt} onChange={(startsAt) => set({ startsAt })} hint={form.startsAt === "" ? t("common.now") : undefined} />
        <MomentField label={t("silences.ends_at")} value={form.endsAt} onChange={(endsAt) => set({ endsAt })} required />
      </div>
      <small className="hint">{t("common.times_local", { zone: browserZone() })}</small>
    </>
  );
}

function Recurrence({ form, set }: PartProps) {
  const { t, word } = useWords();
  return (
    <>
      <Select<Repeat>
        label={t("silences.repeat")}
        value={form.repeat}
        onChange={(repeat) => set({ repeat })}
        options={kRepeats.map((value) => ({ value, text: t(`silences.repeat_${value}`) }))}
        hint={form.repeat === "none" ? undefined : t("silences.series_hint")}
        testId="silence-repeat"
      />
      {form.repeat === "weekly" && (
        <fieldset className="checks">
          <legend className="visually-hidden">{t("silences.repeat_weekly")}</legend>
          {kWeekdays.map((day) => (
            <Check
              key={day}
              label={word("weekday", day)}
              value={form.weekdays.includes(day)}
              onChange={(on) => set({ weekdays: on ? [...form.weekdays, day] : form.weekdays.filter((one) => one !== day) })}
            />
          ))}
        </fieldset>
      )}
      {form.repeat === "custom" && <TextField label="RRULE" value={form.rrule} onChange={(rrule) => set({ rrule })} hint={t("silences.rrule_hint")} />}
      {form.repeat !== "none" && (
        <div className="field-row">
          <TextField label={t("silences.each")} value={form.each} onChange={(each) => set({ each })} hint={t("silences.each_hint")} />
          <TextField label={t("common.zone")} value={form.zone} onChange={(zone) => set({ zone })} />
        </div>
      )}
    </>
  );
}

interface PreviewState {
  preview: SilencePreview | null;
  problem: string | null;
}

// What the server would hide, a moment after the last change.
function usePreview(form: SilenceForm): PreviewState {
  const [state, setState] = useState<PreviewState>({ preview: null, problem: null });
  const { matchers, startsAt, endsAt, repeat, weekdays, rrule, each, zone, id } = form;
  const asked = JSON.stringify({ matchers, startsAt, endsAt, repeat, weekdays, rrule, each, zone, id });
  useEffect(() => {
    let stopped = false;
    const body = bodyOf({ ...form, comment: form.comment || "-", createdBy: form.createdBy || "-" }, Date.now());
    if (matcherProblem(form) !== null || form.endsAt === "") {
      setState({ preview: null, problem: null });
      return;
    }
    const timer = setTimeout(async () => {
      try {
        const preview = await post<SilencePreview>("/routing/silences/preview", body);
        if (!stopped) setState({ preview, problem: null });
      } catch (error) {
        if (!stopped) setState({ preview: null, problem: (error as ApiError).message });
      }
    }, kPreviewAfterMs);
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
    // `asked` is all of the form that the preview depends on.
  }, [asked]);
  return state;
}

function Preview({ preview: { preview, problem }, ready }: { preview: PreviewState; ready: boolean }) {
  const { t } = useWords();
  return (
    <aside className="silence-preview" aria-live="polite" data-testid="silence-preview" data-count={preview?.hides.length ?? ""}>
      <h3>{t("silences.preview")}</h3>
      {!ready && <p className="muted">{t("silences.preview_wait")}</p>}
      {problem && <Problem text={t("silences.preview_failed", { why: problem })} />}
      {preview?.refused && <Problem text={t("silences.preview_refused", { why: preview.refused })} />}
      {ready && preview && (
        <>
          <p>
            <b>{preview.hides.length === 0 ? t("silences.preview_none") : t("silences.preview_count", { count: preview.hides.length })}</b>
          </p>
          <Limited items={preview.hides} first={8} step={50}>
            {(some) => (
              <ul className="rows">
                {some.map((alert) => (
                  <li key={alert.fingerprint}>
                    <b>{alert.labels["alertname"]}</b>
                    <Labels labels={alert.labels} without={["alertname"]} />
                  </li>
                ))}
              </ul>
            )}
          </Limited>
          {preview.occurrences.length > 0 && (
            <>
              <h3>{t("silences.preview_next")}</h3>
              <ul>
                {preview.occurrences.map((at) => (
                  <li key={at}>
                    <Moment time={at} />
                  </li>
                ))}
              </ul>
            </>
          )}
        </>
      )}
    </aside>
  );
}
