// What fires right now: as people are told of it, or as the rules say. Filters stand in the address.
import { useMemo, useState } from "react";
import type { AlertGroup } from "../api/routing";
import { useWords } from "../i18n/i18n";
import { formatCount } from "../i18n/quantities";
import { useResource } from "../live/live";
import { parseMatchers } from "../matchers/matchers";
import { Problem, Select } from "../ui/forms";
import { Limited } from "../ui/lists";
import { Button, Choice, Empty, Page, Ready } from "../ui/pieces";
import { changeSearch, useAddress } from "../ui/router";
import { AlertNames, GroupCard } from "./GroupCard";
import { RuleAlerts } from "./RuleAlerts";
import { countStates, filterGroups, kAlertStates, loudestFirst, statesOf } from "./filter";
import "./alerts.css";

type View = "groups" | "rules";

export default function AlertsPage() {
  const { t } = useWords();
  const { search } = useAddress();
  const view: View = search.get("view") === "rules" ? "rules" : "groups";
  return (
    <Page
      title={t("nav.alerts")}
      intro={t(view === "rules" ? "alerts.intro" : "alerts.groups_intro")}
      aside={
        <Choice<View>
          label={t("alerts.view")}
          value={view}
          options={[
            { value: "groups", text: t("alerts.by_group") },
            { value: "rules", text: t("alerts.by_rule") },
          ]}
          onChange={(value) => changeSearch({ view: value === "rules" ? "rules" : "" })}
          testId="alert-view"
        />
      }
      testId="alerts-page"
    >
      {view === "rules" ? <RuleAlerts /> : <Groups />}
    </Page>
  );
}

function Groups() {
  const groups = useResource<{ groups: AlertGroup[] }>("/routing/groups", {
    topics: ["route.alert", "route.silence", "route.acknowledged", "route.notification"],
    everyMs: 15_000,
    calmMs: 1_000,
  });
  return <Ready of={groups}>{(data) => <Filtered groups={data.groups} reload={groups.reload} />}</Ready>;
}

function Filtered({ groups, reload }: { groups: AlertGroup[]; reload: () => void }) {
  const { t } = useWords();
  const { search } = useAddress();
  const [text, setText] = useState(search.get("filter") ?? "");
  const typed = search.get("filter") ?? "";
  // The address may change under the field: a link to what a silence hides.
  const [seen, setSeen] = useState(typed);
  if (seen !== typed) {
    setSeen(typed);
    if (parseMatchers(text).problem === null) setText(typed);
  }
  const { matchers, problem } = useMemo(() => parseMatchers(text), [text]);
  const states = statesOf(search.get("state"));
  const receiver = search.get("receiver") ?? "";
  const matched = useMemo(() => filterGroups(groups, { matchers, states: [], receiver }), [groups, matchers, receiver]);
  const shown = useMemo(() => loudestFirst(filterGroups(matched, { matchers: [], states, receiver: "" })), [matched, states.join()]);
  const counts = useMemo(() => countStates(matched), [matched]);
  const names = useMemo(() => new Map(groups.flatMap((group) => group.alerts.map((alert) => [alert.fingerprint, alert.labels["alertname"] ?? ""]))), [groups]);
  const receivers = [...new Set([...groups.map((one) => one.receiver.name), ...(receiver ? [receiver] : [])])].sort();

  const change = (value: string) => {
    setText(value);
    if (parseMatchers(value).problem === null) {
      setSeen(value);
      changeSearch({ filter: value });
    }
  };
  if (groups.length === 0) return <Empty title={t("alerts.none")}>{t("alerts.none_text")}</Empty>;
  return (
    <>
      <div className="alert-filters">
        <label className="field">
          <span>{t("alerts.filter")}</span>
          <input className="code" value={text} onChange={(event) => change(event.target.value)} placeholder={t("alerts.filter_hint")} spellCheck={false} data-testid="alert-filter" />
        </label>
        <Select
          label={t("common.receiver")}
          value={receiver}
          onChange={(value) => changeSearch({ receiver: value })}
          options={[{ value: "", text: t("alerts.any_receiver") }, ...receivers.map((value) => ({ value, text: value }))]}
          testId="alert-receiver"
        />
      </div>
      <Problem text={problem === null ? null : t("alerts.filter_problem", { text: problem })} />
      <div className="row-head">
        <div className="choice" role="group" aria-label={t("alerts.status")} data-testid="alert-states">
          {kAlertStates.map((state) => (
            <button
              key={state}
              type="button"
              aria-pressed={states.includes(state)}
              onClick={() => changeSearch({ state: (states.includes(state) ? states.filter((one) => one !== state) : [...states, state]).join(",") })}
              data-testid={`alert-state-${state}`}
            >
              {t(`routed_state.${state}`)} {formatCount(counts.states[state])}
            </button>
          ))}
        </div>
        <span className="muted">{t("alerts.totals", { alerts: formatCount(countStates(shown).alerts), groups: formatCount(shown.length) })}</span>
      </div>
      {shown.length === 0 ? (
        <Empty title={t("alerts.none_match")}>
          <Button onClick={() => { setText(""); changeSearch({ filter: "", state: "", receiver: "" }); }}>{t("incidents.clear")}</Button>
        </Empty>
      ) : (
        <AlertNames.Provider value={names}>
          <Limited items={shown} first={40} step={100}>
            {(some) => some.map((group) => <GroupCard key={`${group.key}${group.receiver.name}`} group={group} open={shown.length <= 5} reload={reload} />)}
          </Limited>
        </AlertNames.Provider>
      )}
    </>
  );
}
