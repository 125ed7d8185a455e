// What is kept quiet, by whom, until when; and the form for it. The address says what is shown, so that a
// silence, or the wish for one, can be sent on: ?id= one, ?form=new&matchers=..., ?form=ID, ?again=ID.
import { useState } from "react";
import { call, kAlertmanager, path } from "../api/client";
import type { Silence } from "../api/routing";
import { useWords } from "../i18n/i18n";
import { formatAge, momentOf } from "../i18n/quantities";
import { useForeign, useNow } from "../live/live";
import { MatcherChips } from "../matchers/MatcherRows";
import { printMatchers } from "../matchers/matchers";
import { useMay } from "../session/session";
import { Chip } from "../ui/Chip";
import type { Tone } from "../ui/Chip";
import { Confirm } from "../ui/Confirm";
import { Limited } from "../ui/lists";
import { durationOf } from "../ui/moments";
import { Button, Card, Choice, Empty, Moment, Page, Ready } from "../ui/pieces";
import { Link, changeSearch, navigate, useAddress } from "../ui/router";
import { SilenceEditor } from "./SilenceEditor";
import "./silences.css";

type State = "current" | "active" | "pending" | "expired";
const kStates: State[] = ["current", "active", "pending", "expired"];
const kTones: Record<string, Tone> = { active: "good", pending: "info", expired: "quiet" };

export default function SilencesPage() {
  const { t } = useWords();
  const { search } = useAddress();
  const may = useMay("respond");
  const silences = useForeign<Silence[]>(`${kAlertmanager}/silences`, { topics: ["route.silence"], everyMs: 20_000, calmMs: 500 });
  const editing = search.has("form") || search.has("again");
  return (
    <Page
      title={t("nav.silences")}
      intro={t("silences.intro")}
      aside={
        may && !editing ? (
          <Button kind="main" icon="silence" onClick={() => navigate("/silences?form=new")} testId="silence-new">
            {t("silences.new")}
          </Button>
        ) : undefined
      }
      testId="silences-page"
    >
      <Ready of={silences}>
        {(all) => (
          <>
            {editing && <SilenceEditor key={search.toString()} all={all} search={search} done={silences.reload} />}
            <List all={all} reload={silences.reload} />
          </>
        )}
      </Ready>
    </Page>
  );
}

function List({ all, reload }: { all: Silence[]; reload: () => void }) {
  const { t, word } = useWords();
  const { search } = useAddress();
  const asked = search.get("state");
  const state: State = kStates.find((one) => one === asked) ?? "current";
  const only = search.get("id") ?? "";
  const fits = (silence: Silence, wanted: State) => (wanted === "current" ? silence.status.state !== "expired" : silence.status.state === wanted);
  const shown = only === "" ? all.filter((one) => fits(one, state)) : all.filter((one) => one.id === only);
  if (all.length === 0) return <Empty icon="silence" title={t("silences.none")}>{t("silences.none_text")}</Empty>;
  return (
    <Card
      title={t("nav.silences")}
      aside={
        only !== "" ? (
          <Button kind="ghost" onClick={() => changeSearch({ id: "" })}>{t("incidents.clear")}</Button>
        ) : (
          <Choice<State>
            label={t("silences.state")}
            value={state}
            options={kStates.map((value) => ({
              value,
              text: `${value === "current" ? t("common.now") : word("silence_state", value)} (${all.filter((one) => fits(one, value)).length})`,
            }))}
            onChange={(value) => changeSearch({ state: value === "current" ? "" : value })}
            testId="silence-state"
          />
        )
      }
      testId="silence-list"
    >
      {shown.length === 0 ? (
        <Empty icon="silence" title={t("silences.none_state")} />
      ) : (
        <Limited items={shown}>
          {(some) => (
            <ul className="rows">
              {some.map((silence) => (
                <Row key={silence.id} silence={silence} reload={reload} />
              ))}
            </ul>
          )}
        </Limited>
      )}
    </Card>
  );
}

function Row({ silence, reload }: { silence: Silence; reload: () => void }) {
  const { t, word, language } = useWords();
  const now = useNow();
  const may = useMay("respond");
  const [asking, setAsking] = useState(false);
  const { state } = silence.status;
  const left = ((momentOf(state === "pending" ? silence.startsAt : silence.endsAt) ?? now) - now) / 1000;
  return (
    <li data-testid="silence-row" data-silence={silence.id} data-state={state}>
      <div className="row-head">
        <Chip tone={kTones[state] ?? "quiet"} icon={state === "active" ? "silence" : "clock"}>
          {word("silence_state", state)}
        </Chip>
        <MatcherChips matchers={silence.matchers} />
        {may && (
          <span className="row-acts">
            {state === "expired" ? (
              <Button className="button-small" onClick={() => navigate(`/silences?again=${encodeURIComponent(silence.id)}`)}>{t("silences.again")}</Button>
            ) : (
              <>
                <Button className="button-small" onClick={() => navigate(`/silences?form=${encodeURIComponent(silence.id)}`)} testId="silence-edit">
                  {t("common.edit")}
                </Button>
                <Button className="button-small" kind="danger" onClick={() => setAsking(true)} testId="silence-expire">
                  {t("silences.expire")}
                </Button>
              </>
            )}
          </span>
        )}
      </div>
      {silence.comment && <p>{silence.comment}</p>}
      <p className="muted">
        {t("silences.made_by", { who: silence.createdBy })} · {t(silence.recurrence && state !== "expired" ? "silences.series" : state === "pending" ? "silences.starts" : state === "active" ? "silences.ends" : "silences.ended")}{" "}
        <Moment time={state === "pending" && !silence.recurrence ? silence.startsAt : silence.endsAt} />
        {state !== "expired" && !silence.recurrence && left > 0 && <> ({t("common.in", { span: formatAge(left, language) })})</>}
        {state === "active" && (
          <>
            {" · "}
            <Link to={`/alerts?filter=${encodeURIComponent(printMatchers(silence.matchers))}`}>{t("silences.hides_now")}</Link>
          </>
        )}
      </p>
      {silence.recurrence && (
        <p className="muted">
          {t("silences.recurs", {
            rule: silence.recurrence.rrule,
            span: formatAge((durationOf(silence.recurrence.duration) ?? 0) / 1000, language),
            zone: silence.recurrence.zone || "UTC",
          })}
        </p>
      )}
      {asking && (
        <Confirm
          title={t("silences.expire_title")}
          yes={t("silences.expire")}
          danger
          act={() => call("DELETE", kAlertmanager + path`/silence/${silence.id}`).then(reload)}
          close={() => setAsking(false)}
        >
          <MatcherChips matchers={silence.matchers} />
          <p>{t("silences.expire_text")}</p>
        </Confirm>
      )}
    </li>
  );
}
