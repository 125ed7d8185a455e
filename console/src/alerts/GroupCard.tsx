// One group: what its alerts share, who is told of it, and each alert with what keeps it quiet.
import { createContext, useContext, useState } from "react";
import { post } from "../api/client";
import type { AlertGroup, RoutedAlert } from "../api/routing";
import type { Labels as LabelMap } from "../api/types";
import { useWords } from "../i18n/i18n";
import { formatAge, formatCount, momentOf } from "../i18n/quantities";
import { useNow } from "../live/live";
import { exactMatchers, printMatchers } from "../matchers/matchers";
import { useMay } from "../session/session";
import { Chip } from "../ui/Chip";
import type { Tone } from "../ui/Chip";
import { Confirm } from "../ui/Confirm";
import { TextField } from "../ui/forms";
import type { IconName } from "../ui/Icon";
import { Fold, Limited } from "../ui/lists";
import { Ago, Button, Card, Labels } from "../ui/pieces";
import { Link, navigate } from "../ui/router";
import { Told } from "./Told";
import { stateOf } from "./filter";
import type { RoutedState } from "./filter";

export const kStateLook: Record<RoutedState, { tone: Tone; icon: IconName }> = {
  active: { tone: "bad", icon: "bell" },
  acknowledged: { tone: "info", icon: "person" },
  silenced: { tone: "quiet", icon: "silence" },
  inhibited: { tone: "quiet", icon: "route" },
  muted: { tone: "quiet", icon: "moon" },
  unprocessed: { tone: "warn", icon: "clock" },
};

// What an alert's fingerprint is called, so that an inhibited one names what inhibits it.
export const AlertNames = createContext<ReadonlyMap<string, string>>(new Map());

const openForm = (labels: LabelMap) => navigate(`/silences?form=new&matchers=${encodeURIComponent(printMatchers(exactMatchers(labels)))}`);

export function GroupCard({ group, open, reload }: { group: AlertGroup; open: boolean; reload: () => void }) {
  const { t, language } = useWords();
  const now = useNow();
  const may = useMay("respond");
  const [asking, setAsking] = useState<"ack" | "withdraw" | null>(null);
  const counts = new Map<RoutedState, number>();
  for (const alert of group.alerts) counts.set(stateOf(alert), (counts.get(stateOf(alert)) ?? 0) + 1);
  const next = momentOf(group.next_flush);
  const shared = Object.keys(group.labels).length > 0;
  const loud = (counts.get("active") ?? 0) > 0;
  return (
    <Card tone={loud ? "bad" : "quiet"} testId="alert-group">
      <div className="row-head">
        <h2 className="group-name">{group.labels["alertname"] ?? (shared ? Object.values(group.labels).join(" · ") : t("alerts.group_of"))}</h2>
        {[...counts].map(([state, count]) => (
          <Chip key={state} tone={kStateLook[state].tone} icon={kStateLook[state].icon} testId={`group-${state}`}>
            {t(`routed_state.${state}`)} {formatCount(count)}
          </Chip>
        ))}
        {may && (
          <span className="row-acts">
            {loud && (
              <Button className="button-small" icon="person" onClick={() => setAsking("ack")} testId="group-ack">
                {t("alerts.ack_group")}
              </Button>
            )}
            {(counts.get("acknowledged") ?? 0) > 0 && (
              <Button className="button-small" onClick={() => setAsking("withdraw")}>{t("alerts.withdraw")}</Button>
            )}
            {shared && (
              <Button className="button-small" icon="silence" onClick={() => openForm(group.labels)} testId="group-silence">
                {t("alerts.silence_group")}
              </Button>
            )}
          </span>
        )}
      </div>
      <Labels labels={group.labels} without={["alertname"]} />
      <p className="muted">
        {t("alerts.to")} <Link to={`/routing?receiver=${encodeURIComponent(group.receiver.name)}`}>{group.receiver.name}</Link>
        {group.muted_by.length > 0 && <> · {t("alerts.muted_by", { names: group.muted_by.join(", ") })}</>}
        {next !== null && <> · {t("alerts.next_flush", { when: next > now ? t("common.in", { span: formatAge((next - now) / 1000, language) }) : t("common.now") })}</>}
      </p>
      <Fold summary={t("alerts.expand", { count: formatCount(group.alerts.length) })} open={open || group.alerts.length === 1} testId="group-alerts">
        {() => (
          <Limited items={group.alerts} first={25} step={100}>
            {(some) => (
              <ul className="rows alert-rows">
                {some.map((alert) => (
                  <AlertRow key={alert.fingerprint} alert={alert} shared={Object.keys(group.labels)} reload={reload} />
                ))}
              </ul>
            )}
          </Limited>
        )}
      </Fold>
      <Fold summary={t("alerts.told")} testId="group-told">
        {() => <Told groupKey={group.key} />}
      </Fold>
      {asking === "ack" && <AckForm title={t("alerts.ack_group")} text={t("alerts.ack_text")} target={{ group_key: group.key }} done={reload} close={() => setAsking(null)} />}
      {asking === "withdraw" && (
        <Confirm title={t("alerts.withdraw")} yes={t("alerts.withdraw")} act={() => post("/routing/withdraw", { key: group.key }).then(reload)} close={() => setAsking(null)}>
          <Labels labels={group.labels} />
        </Confirm>
      )}
    </Card>
  );
}

function AckForm({ title, text, target, done, close }: { title: string; text: string; target: Record<string, string>; done: () => void; close: () => void }) {
  const { t } = useWords();
  const [comment, setComment] = useState("");
  return (
    <Confirm title={title} yes={t("alerts.ack")} act={() => post("/routing/acknowledge", { ...target, comment }).then(done)} close={close}>
      <p>{text}</p>
      <TextField label={t("common.comment")} value={comment} onChange={setComment} testId="ack-comment" />
    </Confirm>
  );
}

function AlertRow({ alert, shared, reload }: { alert: RoutedAlert; shared: string[]; reload: () => void }) {
  const { t } = useWords();
  const may = useMay("respond");
  const [asking, setAsking] = useState(false);
  const names = useContext(AlertNames);
  const state = stateOf(alert);
  const { annotations, status } = alert;
  const text = annotations["summary"] ?? annotations["description"] ?? annotations["message"];
  const runbook = annotations["runbook_url"];
  return (
    <li data-testid="routed-alert" data-alert={alert.labels["alertname"]} data-state={state}>
      <div className="row-head">
        <Chip tone={kStateLook[state].tone} icon={kStateLook[state].icon}>
          {t(`routed_state.${state}`)}
        </Chip>
        {status.flapping && <Chip tone="warn">{t("alerts.flapping")}</Chip>}
        {!shared.includes("alertname") && <b>{alert.labels["alertname"]}</b>}
        {text && <span className="alert-text">{text}</span>}
        {may && (
          <span className="row-acts">
            {state === "active" && (
              <Button className="button-small" onClick={() => setAsking(true)} testId="alert-ack">
                {t("alerts.ack")}
              </Button>
            )}
            <Button className="button-small" icon="silence" onClick={() => openForm(alert.labels)} testId="alert-silence">
              {t("alerts.silence")}
            </Button>
          </span>
        )}
      </div>
      <Labels labels={alert.labels} without={shared.includes("alertname") ? shared : [...shared, "alertname"]} />
      <p className="muted">
        {t("alerts.since")} <Ago time={alert.startsAt} />
        {status.silencedBy.map((id) => (
          <span key={id}>
            {" · "}
            <Link to={`/silences?id=${encodeURIComponent(id)}`} data-testid="alert-silenced-by">{t("routed_state.silenced")}</Link>
          </span>
        ))}
        {status.inhibitedBy.length > 0 && <> · {t("alerts.inhibited_by", { names: status.inhibitedBy.map((one) => names.get(one) || one).join(", ") })}</>}
        {status.mutedBy.length > 0 && <> · {t("alerts.muted_by", { names: status.mutedBy.join(", ") })}</>}
        {/^https?:/.test(alert.generatorURL) && (
          <>
            {" · "}
            <a href={alert.generatorURL} rel="noreferrer">{t("alerts.source")}</a>
          </>
        )}
        {runbook && /^https?:/.test(runbook) && (
          <>
            {" · "}
            <a href={runbook} rel="noreferrer">{t("alerts.runbook")}</a>
          </>
        )}
      </p>
      {asking && <AckForm title={t("alerts.ack")} text={t("alerts.ack_text_one")} target={{ fingerprint: alert.fingerprint }} done={reload} close={() => setAsking(false)} />}
    </li>
  );
}
