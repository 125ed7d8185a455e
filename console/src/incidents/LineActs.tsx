// A line of the timeline is pinned with a press; corrected with a reason, and what it said before is kept.
import { useState } from "react";
import { path, post } from "../api/client";
import type { TimelineEntry } from "../api/types";
import { useWords } from "../i18n/i18n";
import { formatMoment, momentOf } from "../i18n/quantities";
import { useAct } from "../ui/act";
import { Confirm } from "../ui/Confirm";
import { MomentField, Problem, TextArea, TextField } from "../ui/forms";
import { Icon } from "../ui/Icon";
import { Fold } from "../ui/lists";
import { Moment } from "../ui/pieces";

interface LineProps {
  incident: string;
  entry: TimelineEntry;
  changed: () => void;
}

export function LineActs({ incident, entry, changed }: LineProps) {
  const { t } = useWords();
  const [correcting, setCorrecting] = useState(false);
  const { busy, problem, run } = useAct();
  if (!entry.id) return null;
  const pin = () => run(() => post(path`/incidents/${incident}/line`, { entry: entry.id, pinned: !entry.pinned }).then(changed));
  return (
    <span className="line-acts" role="group" aria-label={t("line.acts")}>
      <button type="button" disabled={busy} onClick={() => void pin()} aria-pressed={entry.pinned ?? false} title={t(entry.pinned ? "line.unpin" : "line.pin")} data-testid="line-pin">
        <Icon name="pin" size={16} />
        <span className="visually-hidden">{t(entry.pinned ? "line.unpin" : "line.pin")}</span>
      </button>
      <button type="button" onClick={() => setCorrecting(true)} title={t("line.correct")} data-testid="line-correct">
        <Icon name="note" size={16} />
        <span className="visually-hidden">{t("line.correct")}</span>
      </button>
      <Problem text={problem} />
      {correcting && <CorrectForm incident={incident} entry={entry} changed={changed} close={() => setCorrecting(false)} />}
    </span>
  );
}

function CorrectForm({ incident, entry, changed, close }: LineProps & { close: () => void }) {
  const { t } = useWords();
  const [text, setText] = useState(entry.text);
  const [at, setAt] = useState(entry.at);
  const [why, setWhy] = useState("");
  const body = { entry: entry.id, why, ...(text === entry.text ? {} : { text }), ...(at === entry.at ? {} : { at }) };
  return (
    <Confirm title={t("line.correct_title")} yes={t("line.correct")} act={() => post(path`/incidents/${incident}/line`, body).then(changed)} close={close}>
      <p>{t("line.keep")}</p>
      <TextArea label={t("line.text")} value={text} onChange={setText} rows={3} required autoFocus testId="line-text" />
      <MomentField label={t("common.when")} value={at} onChange={setAt} required />
      <TextField label={t("line.why")} value={why} onChange={setWhy} required testId="line-why" />
    </Confirm>
  );
}

export function Revisions({ entry }: { entry: TimelineEntry }) {
  const { t } = useWords();
  const revisions = entry.revisions ?? [];
  if (revisions.length === 0) return null;
  return (
    <Fold summary={t("line.revised", { count: revisions.length })}>
      {() => (
        <ul className="told muted">
          {revisions.map((one, i) => (
            <li key={i}>
              <Moment time={one.at} /> {one.by}: {one.why}. {t("line.was", { time: formatMoment(momentOf(one.was_at)), text: one.was_text })}
            </li>
          ))}
        </ul>
      )}
    </Fold>
  );
}
