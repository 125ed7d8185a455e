// Does the alarm work? A drill tells a receiver for real and waits for a person.
import { useState } from "react";
import { path, post } from "../api/client";
import type { FireDrill } from "../api/routing";
import { useWords } from "../i18n/i18n";
import { formatSeconds, secondsBetween } from "../i18n/quantities";
import { useResource } from "../live/live";
import { useMay } from "../session/session";
import { useAct } from "../ui/act";
import { Chip } from "../ui/Chip";
import type { Tone } from "../ui/Chip";
import { Confirm } from "../ui/Confirm";
import { Problem, Select, TextField } from "../ui/forms";
import { Limited } from "../ui/lists";
import { Button, Card, Empty, Moment, Ready } from "../ui/pieces";
import type { ReceiverView } from "./tree";

const kTones: Record<string, Tone> = { running: "info", delivered: "warn", failed: "bad", acknowledged: "good", overdue: "bad" };

export function FireDrills({ receivers }: { receivers: ReceiverView[] }) {
  const { t } = useWords();
  const may = useMay("respond");
  const [asking, setAsking] = useState(false);
  const drills = useResource<{ drills: FireDrill[] }>("/routing/drills", { topics: ["route.drill", "route.notification"], everyMs: 10_000, calmMs: 500 });
  const able = receivers.filter((one) => one.integrations.length > 0);
  return (
    <Card
      title={t("routing.drills")}
      aside={
        may && able.length > 0 ? (
          <Button icon="drill" className="button-small" onClick={() => setAsking(true)} testId="fire-drill-start">
            {t("routing.drill_start")}
          </Button>
        ) : undefined
      }
      testId="fire-drills"
    >
      <p className="muted">{t("routing.drills_text")}</p>
      <Ready of={drills}>
        {(data) =>
          data.drills.length === 0 ? (
            <Empty icon="drill" title={t("routing.drills_none")} />
          ) : (
            <Limited items={data.drills} first={5} step={20}>
              {(some) => (
                <ul className="rows">
                  {some.map((drill) => (
                    <Drill key={drill.id} drill={drill} reload={drills.reload} />
                  ))}
                </ul>
              )}
            </Limited>
          )
        }
      </Ready>
      {asking && <Start receivers={able} done={drills.reload} close={() => setAsking(false)} />}
    </Card>
  );
}

function Start({ receivers, done, close }: { receivers: ReceiverView[]; done: () => void; close: () => void }) {
  const { t } = useWords();
  const [receiver, setReceiver] = useState(receivers[0]?.name ?? "");
  const [note, setNote] = useState("");
  return (
    <Confirm title={t("routing.drill_start")} yes={t("routing.drill_start")} danger act={() => post("/routing/drills", { receiver, note }).then(done)} close={close}>
      <p>{t("routing.drill_confirm")}</p>
      <Select label={t("common.receiver")} value={receiver} onChange={setReceiver} options={receivers.map(({ name }) => ({ value: name, text: name }))} testId="fire-drill-receiver" />
      <TextField label={t("routing.drill_note")} value={note} onChange={setNote} />
    </Confirm>
  );
}

function Drill({ drill, reload }: { drill: FireDrill; reload: () => void }) {
  const { t, word, language } = useWords();
  const may = useMay("respond");
  const { busy, problem, run } = useAct();
  const open = drill.state === "running" || drill.state === "delivered";
  return (
    <li data-testid="fire-drill" data-state={drill.state}>
      <p className="row-head">
        <Chip tone={kTones[drill.state] ?? "quiet"}>{word("fire_drill_state", drill.state)}</Chip>
        <b>{drill.receiver}</b>
        {open && may && (
          <span className="row-acts">
            <Button className="button-small" disabled={busy} onClick={() => void run(() => post(path`/routing/drills/${drill.id}/ack`).then(reload))} testId="fire-drill-ack">
              {t("routing.drill_ack")}
            </Button>
          </span>
        )}
      </p>
      {drill.note && <p>{drill.note}</p>}
      <p className="muted">
        <Moment time={drill.started_at} /> {t("common.by", { who: drill.by || "–" })}
        {drill.acknowledged_at ? (
          <> · {t("routing.drill_acked", { who: drill.acknowledged_by, span: formatSeconds(secondsBetween(drill.started_at, drill.acknowledged_at), language) })}</>
        ) : (
          open && (
            <>
              {" · "}
              {t("routing.drill_due")} <Moment time={drill.due_at} />
            </>
          )
        )}
      </p>
      {drill.deliveries.map((line) => (
        <p key={line} className="muted code">
          {line}
        </p>
      ))}
      <Problem text={problem} />
    </li>
  );
}
