// Who is being called right now: how far each escalation is, what is next and when, and every page with its chain.
import { useState } from "react";
import { path, post } from "../api/client";
import type { Escalation, Page } from "../api/oncall";
import { useWords } from "../i18n/i18n";
import { formatAge, formatCount, momentOf } from "../i18n/quantities";
import { useNow, useResource } from "../live/live";
import { useMay } from "../session/session";
import { useAct } from "../ui/act";
import { Chip } from "../ui/Chip";
import type { Tone } from "../ui/Chip";
import { Confirm } from "../ui/Confirm";
import { Problem, TextField } from "../ui/forms";
import { Fold, Limited } from "../ui/lists";
import { Ago, Button, Card, Moment, Ready } from "../ui/pieces";
import { Link } from "../ui/router";

const kTones: Record<string, Tone> = { active: "bad", held: "info", exhausted: "bad", ended: "quiet" };
const kPageTones: Record<string, Tone> = { waiting: "info", queued: "info", handed_over: "good", failed: "bad", withdrawn: "quiet" };

export function useEscalations() {
  return useResource<{ escalations: Escalation[] }>("/oncall/escalations", { topics: ["escalation.changed", "page.changed", "incident.changed"], everyMs: 10_000, calmMs: 500 });
}

export function Escalations() {
  const { t } = useWords();
  const escalations = useEscalations();
  return (
    <Ready of={escalations}>
      {(data) => (
        <Card title={t("oncall.escalations")} tone={data.escalations.some((one) => one.state !== "held") ? "bad" : undefined} testId="escalations">
          {data.escalations.length === 0 ? (
            <p className="muted">{t("oncall.no_escalations")}</p>
          ) : (
            <Limited items={data.escalations} first={20}>
              {(some) => (
                <ul className="rows">
                  {some.map((one) => (
                    <li key={one.incident}>
                      <EscalationView escalation={one} reload={escalations.reload} linked />
                    </li>
                  ))}
                </ul>
              )}
            </Limited>
          )}
        </Card>
      )}
    </Ready>
  );
}

export function EscalationView({ escalation, reload, linked = false }: { escalation: Escalation; reload: () => void; linked?: boolean }) {
  const { t, word, language } = useWords();
  const now = useNow();
  const may = useMay("respond");
  const { busy, problem, run } = useAct();
  const [asking, setAsking] = useState<"escalate" | "ask" | null>(null);
  const [target, setTarget] = useState("");
  const next = momentOf(escalation.next_at);
  const open = escalation.state !== "ended";
  const verb = (name: string, body: unknown = {}) => post(path`/oncall/escalations/${escalation.incident}/` + name, body).then(reload);
  return (
    <div data-testid="escalation" data-incident={escalation.incident}>
      <div className="row-head">
        <Chip tone={kTones[escalation.state] ?? "quiet"} icon={escalation.state === "held" ? "person" : "up"}>
          {word("escalation_state", escalation.state)}
        </Chip>
        {linked && <Link to={`/incidents/${encodeURIComponent(escalation.incident)}`}>{escalation.incident}</Link>}
        <span>
          {escalation.policy} · {t("oncall.step", { round: escalation.round + 1, step: escalation.step })}
        </span>
        {escalation.held_by && <span className="muted">{t("oncall.held_by", { who: escalation.held_by })}</span>}
        {escalation.late.length > 0 && <Chip tone="warn">{t("oncall.late", { count: formatCount(escalation.late.length) })}</Chip>}
        {may && open && (
          <span className="row-acts">
            {escalation.state === "held" && (
              <Button className="button-small" disabled={busy} onClick={() => void run(() => verb("confirm"))}>{t("oncall.confirm")}</Button>
            )}
            <Button className="button-small" onClick={() => setAsking("ask")} testId="escalation-ask">{t("oncall.ask_in")}</Button>
            <Button className="button-small" icon="up" onClick={() => setAsking("escalate")} testId="escalation-next">{t("oncall.escalate")}</Button>
          </span>
        )}
      </div>
      <p className="muted">
        {t("oncall.next_step")}:{" "}
        {next === null ? (
          t("oncall.no_next")
        ) : (
          <>
            <Moment time={escalation.next_at} /> ({next > now ? t("common.in", { span: formatAge((next - now) / 1000, language) }) : t("common.now")})
          </>
        )}
        {" · "}
        <Ago time={escalation.started_at} />
      </p>
      <Problem text={problem} />
      <Fold summary={t("oncall.pages", { count: formatCount(escalation.pages.length) })} open={escalation.pages.length > 0 && escalation.pages.length <= 4}>
        {() => <Pages pages={escalation.pages} />}
      </Fold>
      {asking === "escalate" && (
        <Confirm title={t("oncall.escalate")} yes={t("oncall.escalate")} danger act={() => verb("escalate")} close={() => setAsking(null)}>
          <p>{t("oncall.escalate_text")}</p>
        </Confirm>
      )}
      {asking === "ask" && (
        <Confirm title={t("oncall.ask_in")} yes={t("oncall.ask_in")} act={() => verb("ask", { target: target.trim() })} close={() => setAsking(null)}>
          <TextField label={t("oncall.ask_target")} value={target} onChange={setTarget} required hint={t("oncall.ask_hint")} autoFocus />
        </Confirm>
      )}
    </div>
  );
}

function Pages({ pages }: { pages: Page[] }) {
  const { word } = useWords();
  return (
    <Limited items={pages} first={30}>
      {(some) => (
        <ul className="told">
          {some.map((page) => (
            <li key={page.id} data-testid="page-line">
              <Moment time={page.decided_at} /> <Chip tone={kPageTones[page.state] ?? "quiet"}>{word("page_state", page.state)}</Chip>{" "}
              <b>{page.person || page.method.name}</b> <span className="muted">{[page.method.kind, page.why, page.detail].filter(Boolean).join(" · ")}</span>
            </li>
          ))}
        </ul>
      )}
    </Limited>
  );
}
