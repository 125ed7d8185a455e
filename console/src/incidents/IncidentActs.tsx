// What a person does with an incident. Acknowledging is one press: it stops the escalation and harms
// nothing; closing, noting and changing the severity ask first.
import { useState } from "react";
import { ApiError, path, post } from "../api/client";
import type { Level, Scheme } from "../api/handling";
import type { Incident, RankWord } from "../api/types";
import { useWords } from "../i18n/i18n";
import { useResource } from "../live/live";
import { useMay, useSession } from "../session/session";
import { severityName } from "../ui/Chip";
import { Confirm } from "../ui/Confirm";
import { MomentField, TextArea } from "../ui/forms";
import { Button } from "../ui/pieces";
import { recall, remember } from "../ui/remembered";
import { LinkForm, MergeForm, SplitForm } from "./Relations";

const kRanks: RankWord[] = ["critical", "high", "warning", "low"];
type Act = "mitigate" | "resolve" | "note" | "severity" | "update" | "close" | "link" | "merge" | "split";

export function IncidentActs({ incident, changed }: { incident: Incident; changed: () => void }) {
  const { t } = useWords();
  const { session } = useSession();
  const [by, setBy] = useState(() => recall("name") ?? session.user);
  const may = useMay("respond");
  const [asking, setAsking] = useState<Act | null>(null);
  const [more, setMore] = useState(false);
  const close = () => setAsking(null);
  const [problem, setProblem] = useState<string | null>(null);
  const name = (text: string) => {
    setBy(text);
    remember("name", text);
  };
  const acknowledge = async () => {
    setProblem(null);
    try {
      await post(path`/incidents/${incident.id}/ack`, { by });
      changed();
    } catch (error) {
      setProblem(error instanceof ApiError && error.unreachable ? t("failed.unreachable") : (error as Error).message);
    }
  };
  const active = incident.state !== "resolved";
  if (!may) return null;
  return (
    <div className="acts" data-testid="incident-acts">
      {incident.state === "open" && (
        <Button kind="main" icon="person" onClick={() => void acknowledge()} testId="incident-ack">
          {t("incident.ack")}
        </Button>
      )}
      {(incident.state === "open" || incident.state === "acknowledged") && (
        <Button onClick={() => setAsking("mitigate")} testId="incident-mitigate">
          {t("mitigate.button")}
        </Button>
      )}
      {active && (
        <Button icon="check" onClick={() => setAsking("resolve")} testId="incident-resolve">
          {t("incident.resolve")}
        </Button>
      )}
      <Button icon="note" onClick={() => setAsking("note")} testId="incident-note">
        {t("incident.note")}
      </Button>
      {active && (
        <Button icon="up" onClick={() => setAsking("severity")} testId="incident-severity">
          {t("incident.severity")}
        </Button>
      )}
      <Button icon="more" aria-expanded={more} onClick={() => setMore(!more)} testId="incident-more">
        {t("incident.more_acts")}
      </Button>
      {more && (
        <div className="acts more-acts">
          {!incident.closed_at && <Button icon="page" onClick={() => setAsking("update")} testId="incident-update">{t("update.button")}</Button>}
          <Button icon="route" onClick={() => setAsking("link")} testId="incident-link">{t("links.add")}</Button>
          {active && <Button onClick={() => setAsking("merge")} testId="incident-merge">{t("links.merge")}</Button>}
          {active && incident.alerts.length > 1 && <Button onClick={() => setAsking("split")} testId="incident-split">{t("links.split")}</Button>}
          {!active && !incident.closed_at && !incident.merged_into && <Button onClick={() => setAsking("close")} testId="incident-close">{t("close.button")}</Button>}
        </div>
      )}
      {problem && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
      {asking === "link" && <LinkForm incident={incident} changed={changed} close={close} />}
      {asking === "merge" && <MergeForm incident={incident} changed={changed} close={close} />}
      {asking === "split" && <SplitForm incident={incident} changed={changed} close={close} />}
      {asking === "update" && <UpdateForm incident={incident} changed={changed} close={close} />}
      {asking === "mitigate" && (
        <Confirm title={t("mitigate.title")} yes={t("mitigate.button")} act={() => post(path`/incidents/${incident.id}/mitigate`, { by }).then(changed)} close={close}>
          <p>{t("mitigate.text")}</p>
        </Confirm>
      )}
      {asking === "close" && (
        <Confirm title={t("close.title", { id: incident.id })} yes={t("close.button")} act={() => post(path`/incidents/${incident.id}/close`).then(changed)} close={close}>
          <p>{t("close.text")}</p>
        </Confirm>
      )}
      {(asking === "resolve" || asking === "note") && (
        <WordsForm act={asking} incident={incident} by={by} setBy={name} close={close} changed={changed} />
      )}
      {asking === "severity" && <SeverityForm incident={incident} close={close} changed={changed} />}
    </div>
  );
}

interface FormProps {
  incident: Incident;
  close: () => void;
  changed: () => void;
}

function WordsForm({ act, incident, by, setBy, close, changed }: FormProps & { act: "resolve" | "note"; by: string; setBy: (by: string) => void }) {
  const { t } = useWords();
  const [text, setText] = useState("");
  return (
    <Confirm
      title={act === "resolve" ? t("incident.resolve_title", { id: incident.id }) : t("incident.note_title", { id: incident.id })}
      yes={act === "resolve" ? t("incident.resolve") : t("incident.note_save")}
      act={() => post(path`/incidents/${incident.id}/${act}`, { by, text }).then(changed)}
      close={close}
    >
      {act === "resolve" && <p>{t("incident.resolve_text")}</p>}
      <label className="field">
        <span>{act === "resolve" ? t("incident.resolve_why") : t("incident.note_text")}</span>
        <textarea rows={3} autoFocus required={act === "note"} maxLength={4000} value={text} onChange={(event) => setText(event.target.value)} data-testid="incident-text" />
      </label>
      <label className="field">
        <span>{t("incident.by")}</span>
        <input required maxLength={100} value={by} onChange={(event) => setBy(event.target.value)} data-testid="incident-by" />
      </label>
    </Confirm>
  );
}

// What people outside hear; the clock for the next one begins anew.
function UpdateForm({ incident, close, changed }: FormProps) {
  const { t } = useWords();
  const [text, setText] = useState("");
  const [next, setNext] = useState("");
  return (
    <Confirm
      title={t("update.title", { id: incident.id })}
      yes={t("update.save")}
      act={() => post(path`/incidents/${incident.id}/update`, { text, ...(next === "" ? {} : { next_at: next }) }).then(changed)}
      close={close}
    >
      <TextArea label={t("update.text")} value={text} onChange={setText} rows={4} required autoFocus testId="update-text" />
      {incident.state !== "resolved" && <MomentField label={t("update.next")} value={next} onChange={setNext} />}
    </Confirm>
  );
}

function SeverityForm({ incident, close, changed }: FormProps) {
  const { t, word, language } = useWords();
  const severity = useResource<{ schemes: Scheme[] }>("/severity");
  const levels = severity.data?.schemes.find((one) => one.name === incident.scheme)?.levels ?? [];
  const [rank, setRank] = useState(kRanks.indexOf(incident.rank) + 1);
  const titleOf = (level: Level | undefined) => (language === "zh" && level?.title_zh) || level?.title;
  const extentOf = (level: Level | undefined) => (language === "zh" && level?.extent_zh) || level?.extent;
  return (
    <Confirm
      title={t("incident.severity_title", { id: incident.id })}
      yes={t("incident.severity_set")}
      act={() => post(path`/incidents/${incident.id}/severity`, { rank }).then(changed)}
      close={close}
    >
      <fieldset className="radios">
        <legend className="visually-hidden">{t("incident.severity")}</legend>
        {kRanks.map((one, i) => {
          const name = incident.level_names?.[i] ?? severityName(one, incident.scheme);
          return (
            <label key={one}>
              <input type="radio" name="rank" checked={rank === i + 1} onChange={() => setRank(i + 1)} data-testid={`severity-rank-${i + 1}`} />
              <span>
                <b>{name || word("rank", one)}</b> {titleOf(levels[i]) || (severityName(one, incident.scheme) && word(`severity_${incident.scheme}`, one))}
                {extentOf(levels[i]) && <small className="hint"> {extentOf(levels[i])}</small>}
              </span>
            </label>
          );
        })}
      </fieldset>
    </Confirm>
  );
}
