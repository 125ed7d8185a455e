// "Where would an alert with these labels go, at that moment, who would be woken, and why?"
import { useState } from "react";
import type { FormEvent } from "react";
import { post } from "../api/client";
import type { OnCallNow } from "../api/oncall";
import type { Explanation, ExplainTarget } from "../api/routing";
import { useWords } from "../i18n/i18n";
import { useResource } from "../live/live";
import { parseMatchers } from "../matchers/matchers";
import { useAct } from "../ui/act";
import { Chip } from "../ui/Chip";
import { MomentField, Problem, TextField } from "../ui/forms";
import { Button, Card, Moment, Ready } from "../ui/pieces";
import { Link, changeSearch, useAddress } from "../ui/router";

interface ExplainProps {
  explanation: Explanation | null;
  setExplanation: (explanation: Explanation | null) => void;
}

export function Explain({ explanation, setExplanation }: ExplainProps) {
  const { t } = useWords();
  const { search } = useAddress();
  const [text, setText] = useState(search.get("labels") ?? "");
  const [at, setAt] = useState("");
  const [wrong, setWrong] = useState(false);
  const { busy, problem, run } = useAct();
  const ask = async (event: FormEvent) => {
    event.preventDefault();
    const { matchers, problem: unread } = parseMatchers(text);
    const bad = unread !== null || matchers.length === 0 || matchers.some((one) => one.isRegex || !one.isEqual);
    setWrong(bad);
    if (bad) return;
    const labels = Object.fromEntries(matchers.map((one) => [one.name, one.value]));
    changeSearch({ labels: text });
    await run(async () => setExplanation(await post<Explanation>("/routing/explain", { labels, ...(at === "" ? {} : { at }) })));
  };
  return (
    <Card title={t("routing.explain")} testId="explain">
      <form className="form" onSubmit={ask}>
        <p className="muted">{t("routing.explain_text")}</p>
        <div className="explain-row">
          <TextField label={t("routing.labels")} value={text} onChange={setText} placeholder={t("routing.labels_hint")} testId="explain-labels" />
          <MomentField label={t("routing.at")} value={at} onChange={setAt} hint={at === "" ? t("routing.at_now") : undefined} testId="explain-at" />
          <Button type="submit" kind="main" disabled={busy} testId="explain-ask">
            {busy ? t("working") : t("routing.ask")}
          </Button>
        </div>
        {wrong && <Problem text={t("routing.labels_problem")} />}
        <Problem text={problem} />
      </form>
      {explanation && <Answer explanation={explanation} />}
    </Card>
  );
}

function Answer({ explanation }: { explanation: Explanation }) {
  const { t } = useWords();
  return (
    <div className="explain-answer" aria-live="polite" data-testid="explain-answer">
      <p className="muted">
        <Moment time={explanation.at} />
        {explanation.silenced_by.map((id) => (
          <span key={id}>
            {" · "}
            <Link to={`/silences?id=${encodeURIComponent(id)}`}>{t("routing.silenced_by")}</Link>
          </span>
        ))}
        {explanation.inhibited_by.length > 0 && (
          <>
            {" · "}
            {t("routing.inhibited_by")} <code>{explanation.inhibited_by.join(", ")}</code>
          </>
        )}
      </p>
      {explanation.targets.length === 0 && <p>{t("routing.no_target")}</p>}
      <ul className="rows">
        {explanation.targets.map((target) => (
          <Target key={`${target.group_key} ${target.receiver}`} target={target} />
        ))}
      </ul>
      <OnCallThen at={explanation.at} />
    </div>
  );
}

function Target({ target }: { target: ExplainTarget }) {
  const { t } = useWords();
  return (
    <li data-testid="explain-target" data-told={target.told}>
      <p className="row-head">
        <Chip tone={target.told ? "bad" : "quiet"} icon={target.told ? "bell" : "silence"}>
          {t(target.told ? "routing.would_tell" : "routing.would_not_tell")}
        </Chip>
        <b>{target.receiver}</b>
      </p>
      <dl className="facts">
        <dt>{t("routing.why")}</dt>
        <dd>{target.why || "–"}</dd>
        {target.next && (
          <>
            <dt>{t("routing.when_told")}</dt>
            <dd>
              <Moment time={target.next} />
            </dd>
          </>
        )}
        {target.integrations.length > 0 && (
          <>
            <dt>{t("routing.by_way")}</dt>
            <dd>{target.integrations.join(", ")}</dd>
          </>
        )}
        <dt>{t("routing.tree")}</dt>
        <dd className="code">{target.route.at(-1)}</dd>
      </dl>
    </li>
  );
}

function OnCallThen({ at }: { at: string }) {
  const { t } = useWords();
  const onCall = useResource<{ on_call: OnCallNow[] }>(`/oncall/now?at=${encodeURIComponent(at)}`);
  return (
    <>
      <h3>{t("routing.on_call_then")}</h3>
      <Ready of={onCall}>
        {({ on_call }) =>
          on_call.every((one) => one.people.length === 0) ? (
            <p className="muted">{t("routing.nobody_on_call")}</p>
          ) : (
            <dl className="facts">
              {on_call.map((one) => (
                <div key={one.schedule} className="facts-pair">
                  <dt>{one.title || one.schedule}</dt>
                  <dd>{one.people.length === 0 ? t("common.nobody") : one.people.map((person) => (person.role ? `${person.name} (${person.role})` : person.name)).join(", ")}</dd>
                </div>
              ))}
            </dl>
          )
        }
      </Ready>
    </>
  );
}
