// Repairs: what was tried, why, step by step, and whether the signal was seen to be good afterwards.
import type { Remedy } from "../api/types";
import { useWords } from "../i18n/i18n";
import { formatSeconds, secondsBetween } from "../i18n/quantities";
import { StateChip } from "../ui/Chip";
import { Moment } from "../ui/pieces";
import { Icon } from "../ui/Icon";
import { EvidenceFold } from "./EvidenceView";

export function RemedyList({ remedies }: { remedies: Remedy[] }) {
  return (
    <ul className="remedies">
      {remedies.map((remedy) => (
        <RemedyItem key={remedy.id} remedy={remedy} />
      ))}
    </ul>
  );
}

function RemedyItem({ remedy }: { remedy: Remedy }) {
  const { t, word, language } = useWords();
  const finished = secondsBetween(remedy.planned_at, remedy.finished_at);
  const verified = secondsBetween(remedy.planned_at, remedy.verified_at);
  return (
    <li data-testid="remedy" data-remedy={remedy.name} data-state={remedy.state}>
      <p className="remedy-head">
        <b>{word("remedy", remedy.name)}</b>
        {remedy.target && <span className="code">{remedy.target}</span>}
        <StateChip of="remedy_state" state={remedy.state} />
      </p>
      <p className="muted">
        <Moment time={remedy.planned_at} /> · {t("remedy.attempt", { count: remedy.attempt })}
        {finished !== null && <> · {t("remedy.took", { span: formatSeconds(finished, language) })}</>}
        {verified !== null && <> · {t("remedy.verified_after", { span: formatSeconds(verified, language) })}</>}
      </p>
      {remedy.reason && <p>{remedy.reason}</p>}
      {remedy.steps.length > 0 && (
        <details className="fold" open={remedy.state === "running" || remedy.state === "failed"}>
          <summary>{t("remedy.steps", { count: remedy.steps.length })}</summary>
          <ol className="steps">
            {remedy.steps.map((step, i) => (
              <li key={i} className={step.ok ? "step-ok" : "step-bad"}>
                <Icon name={step.ok ? "check" : "cross"} size={16} />
                <span className="visually-hidden">{step.ok ? t("remedy.step_ok") : t("remedy.step_failed")}</span>
                <span>
                  <b>{word("step", step.name)}</b> {step.detail && <span className="muted">{step.detail}</span>}
                </span>
                <Moment time={step.at} tenths />
              </li>
            ))}
          </ol>
        </details>
      )}
      <EvidenceFold evidence={remedy.evidence} />
    </li>
  );
}
