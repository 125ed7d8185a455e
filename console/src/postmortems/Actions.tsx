// What is to be done so that it does not happen again: each with an owner and a day.
import { useState } from "react";
import { path, post } from "../api/client";
import type { Postmortem, PostmortemAction } from "../api/learn";
import { useWords } from "../i18n/i18n";
import { useNow } from "../live/live";
import { useMay } from "../session/session";
import { Chip } from "../ui/Chip";
import { Confirm } from "../ui/Confirm";
import { MomentField, Select, TextField } from "../ui/forms";
import { Button, Card, Empty, Moment } from "../ui/pieces";

const kCategories = ["technical", "process", "monitoring", "training"] as const;
const kStates = ["open", "done", "dropped"] as const;

export function Actions({ postmortem, changed }: { postmortem: Postmortem; changed: () => void }) {
  const { t, word } = useWords();
  const may = useMay("respond");
  const now = useNow();
  const [editing, setEditing] = useState<PostmortemAction | "new" | null>(null);
  return (
    <Card
      title={t("postmortem.improvements")}
      aside={
        may ? (
          <Button className="button-small" onClick={() => setEditing("new")} testId="action-new">
            {t("postmortem.action_new")}
          </Button>
        ) : undefined
      }
      testId="postmortem-actions"
    >
      {postmortem.actions.length === 0 ? (
        <Empty icon="check" title={t("postmortem.no_actions")} />
      ) : (
        <ul className="rows">
          {postmortem.actions.map((action) => (
            <li key={action.id} data-testid="action-row">
              <p className="row-head">
                <Chip tone={action.state === "done" ? "good" : action.state === "dropped" ? "quiet" : "warn"}>{word("action_state", action.state)}</Chip>
                <b>{action.title}</b>
                {may && (
                  <span className="row-acts">
                    <Button kind="ghost" className="button-small" onClick={() => setEditing(action)}>{t("common.edit")}</Button>
                  </span>
                )}
              </p>
              <p className="muted">
                {word("action_category", action.category)} · {action.owner || t("common.nobody")} · {t("postmortems.due")} <Moment time={action.due_at} />
                {action.state === "open" && action.due_at && Date.parse(action.due_at) < now && <> <Chip tone="bad" icon="clock">{t("postmortems.overdue")}</Chip></>}
                {action.ticket && <> · {action.ticket}</>}
              </p>
            </li>
          ))}
        </ul>
      )}
      {editing !== null && <ActionForm incident={postmortem.incident} action={editing === "new" ? null : editing} changed={changed} close={() => setEditing(null)} />}
    </Card>
  );
}

function ActionForm({ incident, action, changed, close }: { incident: string; action: PostmortemAction | null; changed: () => void; close: () => void }) {
  const { t, word } = useWords();
  const [title, setTitle] = useState(action?.title ?? "");
  const [category, setCategory] = useState(action?.category ?? "technical");
  const [owner, setOwner] = useState(action?.owner ?? "");
  const [due, setDue] = useState(action?.due_at ?? "");
  const [state, setState] = useState(action?.state ?? "open");
  const [ticket, setTicket] = useState(action?.ticket ?? "");
  const body = { ...(action ? { id: action.id, state } : {}), title, category, owner, ticket, ...(due === "" ? {} : { due_at: due }) };
  return (
    <Confirm title={t(action ? "postmortem.action_edit" : "postmortem.action_new")} yes={t("common.save")} act={() => post(path`/postmortems/${incident}/action`, body).then(changed)} close={close}>
      <TextField label={t("postmortem.action")} value={title} onChange={setTitle} required autoFocus testId="action-title" />
      <div className="field-row">
        <TextField label={t("common.owner")} value={owner} onChange={setOwner} testId="action-owner" />
        <MomentField label={t("common.due")} value={due} onChange={setDue} testId="action-due" />
      </div>
      <div className="field-row">
        <Select label={t("common.category")} value={category} onChange={setCategory} options={kCategories.map((value) => ({ value: value as string, text: word("action_category", value) }))} />
        {action && <Select label={t("common.state")} value={state} onChange={setState} options={kStates.map((value) => ({ value: value as string, text: word("action_state", value) }))} />}
      </div>
      <TextField label={t("postmortem.ticket")} value={ticket} onChange={setTicket} />
    </Confirm>
  );
}
