// What a person does with an incident. Acknowledging is one press: it stops the escalation and harms
// nothing; closing, noting and changing the severity ask first.
import { useState } from "react";
import { ApiError, path, post } from "../api/client";
import type { Incident, RankWord } from "../api/types";
import { useWords } from "../i18n/i18n";
import { useSession } from "../session/session";
import { severityName } from "../ui/Chip";
import { Confirm } from "../ui/Confirm";
import { Button } from "../ui/pieces";
import { recall, remember } from "../ui/remembered";

const kRanks: RankWord[] = ["critical", "high", "warning", "low"];
type Act = "resolve" | "note" | "severity";

export function IncidentActs({ incident, changed }: { incident: Incident; changed: () => void }) {
  const { t } = useWords();
  const { session } = useSession();
  const [by, setBy] = useState(() => recall("name") ?? session.user);
  const [asking, setAsking] = useState<Act | null>(null);
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
  return (
    <div className="acts" data-testid="incident-acts">
      {incident.state === "open" && (
        <Button kind="main" icon="person" onClick={() => void acknowledge()} testId="incident-ack">
          {t("incident.ack")}
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
      {problem && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
      {(asking === "resolve" || asking === "note") && (
        <WordsForm act={asking} incident={incident} by={by} setBy={name} close={() => setAsking(null)} changed={changed} />
      )}
      {asking === "severity" && <SeverityForm incident={incident} close={() => setAsking(null)} changed={changed} />}
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

function SeverityForm({ incident, close, changed }: FormProps) {
  const { t, word } = useWords();
  const [rank, setRank] = useState(kRanks.indexOf(incident.rank) + 1);
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
          const name = severityName(one, incident.scheme);
          return (
            <label key={one}>
              <input type="radio" name="rank" checked={rank === i + 1} onChange={() => setRank(i + 1)} data-testid={`severity-rank-${i + 1}`} />
              <b>{name || word("rank", one)}</b> {name && word(`severity_${incident.scheme}`, one)}
            </label>
          );
        })}
      </fieldset>
    </Confirm>
  );
}
