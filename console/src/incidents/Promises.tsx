// Every promise with its clock: how long is left, or by how much it is broken.
import type { Incident } from "../api/types";
import { useWords } from "../i18n/i18n";
import { formatSeconds } from "../i18n/quantities";
import { useNow } from "../live/live";
import { Chip } from "../ui/Chip";
import type { Tone } from "../ui/Chip";
import { Moment } from "../ui/pieces";
import { promisesOf } from "./promises";
import type { PromiseReading } from "./promises";

const kTones: Record<PromiseReading["state"], Tone> = { running: "info", over: "bad", met: "good", met_late: "warn", stopped: "quiet" };

export function Promises({ incident }: { incident: Incident }) {
  const { t, word, language } = useWords();
  const now = useNow();
  const readings = promisesOf(incident, now);
  if (readings.length === 0) return null;
  const span = (seconds: number) => formatSeconds(Math.round(Math.abs(seconds)), language);
  const textOf = (one: PromiseReading) => {
    switch (one.state) {
      case "running":
        return t("promises.left", { span: span(one.left) });
      case "over":
        return t("promises.over", { span: span(one.left) });
      case "met":
        return t("promises.met", { span: span(one.took ?? 0) });
      case "met_late":
        return t("promises.met_late", { span: span(one.took ?? 0), late: span(one.left) });
      case "stopped":
        return t("promises.stopped");
    }
  };
  const nameOf = (kind: string) => (kind === "update" ? t("promises.update") : kind === "recovery" ? t("promises.recovery") : word("promise", kind));
  return (
    <ul className="promises" aria-label={t("promises.title")} data-testid="promises">
      {readings.map((one) => (
        <li key={one.kind} className={`promise-${one.state}`} data-testid={`promise-${one.kind}`} data-state={one.state}>
          <span className="muted">{nameOf(one.kind)}</span>
          <Chip tone={one.soon ? "warn" : kTones[one.state]} icon={one.state === "met" ? "check" : "clock"}>
            {textOf(one)}
          </Chip>
          <small className="muted">
            {t("promises.due")} <Moment time={one.dueAt} />
          </small>
        </li>
      ))}
    </ul>
  );
}
