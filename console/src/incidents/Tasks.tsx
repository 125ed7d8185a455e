// The checklist of the first five minutes, and everything else that is to be done.
import { useState } from "react";
import { path, post } from "../api/client";
import type { IncidentTask } from "../api/handling";
import type { Incident } from "../api/types";
import { useWords } from "../i18n/i18n";
import type { Words } from "../i18n/i18n";
import { useNow } from "../live/live";
import { useMay } from "../session/session";
import { useAct } from "../ui/act";
import { Chip } from "../ui/Chip";
import { Confirm } from "../ui/Confirm";
import { MomentField, Problem, Select, TextArea, TextField } from "../ui/forms";
import { Icon } from "../ui/Icon";
import { Limited } from "../ui/lists";
import { Button, Card, Empty, Moment } from "../ui/pieces";

interface TaskProps {
  incident: Incident;
  changed: () => void;
}

const kKinds = ["task", "summary", "knowledge", "improvement"] as const;
const kCategories: Record<string, readonly string[]> = {
  improvement: ["technical", "process", "monitoring", "training"],
  knowledge: ["session", "documents", "best_practice", "lessons"],
};

// A built-in task is translated by its key; what people wrote stays as they wrote it.
function titleOf(task: IncidentTask, { word }: Words): string {
  if (!task.key) return task.title;
  const said = word("task_key", task.key);
  return said === task.key.replaceAll("_", " ") ? task.title : said;
}

export function Checklist({ incident, changed }: TaskProps) {
  const words = useWords();
  const { t } = words;
  const may = useMay("respond");
  const { busy, problem, run } = useAct();
  const items = (incident.tasks ?? []).filter((task) => task.kind === "checklist");
  if (items.length === 0) return null;
  const open = items.some((task) => task.state === "open");
  const tick = (task: IncidentTask) => run(() => post(path`/incidents/${incident.id}/task`, { id: task.id, state: task.state === "open" ? "done" : "open" }).then(changed));
  return (
    <Card title={t("tasks.checklist")} tone={open && incident.state !== "resolved" ? "warn" : undefined} testId="incident-checklist">
      <ul className="checklist">
        {items.map((task) => (
          <li key={task.id} data-state={task.state}>
            <button type="button" role="checkbox" aria-checked={task.state === "done"} disabled={!may || busy} onClick={() => void tick(task)} data-testid={`check-${task.key || task.id}`}>
              <span className="checklist-mark">{task.state === "done" ? <Icon name="check" size={18} /> : task.state === "dropped" ? <Icon name="cross" size={18} /> : null}</span>
              <span>
                {titleOf(task, words)}
                {task.done_by && (
                  <small className="muted">
                    {" "}
                    {t("tasks.done_by", { who: task.done_by })} <Moment time={task.done_at} />
                  </small>
                )}
              </span>
            </button>
          </li>
        ))}
      </ul>
      <Problem text={problem} />
    </Card>
  );
}

export function Tasks({ incident, changed }: TaskProps) {
  const words = useWords();
  const { t, word } = words;
  const may = useMay("respond");
  const now = useNow();
  const [editing, setEditing] = useState<IncidentTask | "new" | null>(null);
  const tasks = (incident.tasks ?? []).filter((task) => task.kind !== "checklist");
  const sorted = [...tasks.filter((task) => task.state === "open"), ...tasks.filter((task) => task.state !== "open")];
  return (
    <Card
      title={t("tasks.title")}
      aside={
        may ? (
          <Button className="button-small" onClick={() => setEditing("new")} testId="task-new">
            {t("tasks.new")}
          </Button>
        ) : undefined
      }
      testId="incident-tasks"
    >
      {sorted.length === 0 ? (
        <Empty icon="check" title={t("tasks.none")} />
      ) : (
        <Limited items={sorted} first={12}>
          {(some) => (
            <ul className="rows">
              {some.map((task) => (
                <li key={task.id} data-testid="task-row">
                  <p className="row-head">
                    <Chip tone={task.state === "done" ? "good" : task.state === "dropped" ? "quiet" : "warn"}>{word("action_state", task.state)}</Chip>
                    <b>{titleOf(task, words)}</b>
                    {may && (
                      <span className="row-acts">
                        <Button kind="ghost" className="button-small" onClick={() => setEditing(task)}>{t("common.edit")}</Button>
                      </span>
                    )}
                  </p>
                  <p className="muted">
                    {word("task_kind", task.kind)}
                    {task.category && <> · {word("task_category", task.category)}</>} · {task.owner || t("common.nobody")}
                    {task.due_at && (
                      <>
                        {" · "}
                        {t("postmortems.due")} <Moment time={task.due_at} />
                      </>
                    )}
                    {task.state === "open" && task.due_at && Date.parse(task.due_at) < now && <> <Chip tone="bad" icon="clock">{t("postmortems.overdue")}</Chip></>}
                  </p>
                  {task.note && <p className="muted">{task.note}</p>}
                </li>
              ))}
            </ul>
          )}
        </Limited>
      )}
      {editing !== null && <TaskForm incident={incident} task={editing === "new" ? null : editing} changed={changed} close={() => setEditing(null)} />}
    </Card>
  );
}

function TaskForm({ incident, task, changed, close }: TaskProps & { task: IncidentTask | null; close: () => void }) {
  const { t, word } = useWords();
  const [kind, setKind] = useState(task?.kind ?? "task");
  const [title, setTitle] = useState(task?.title ?? "");
  const [category, setCategory] = useState(task?.category ?? "");
  const [owner, setOwner] = useState(task?.owner ?? "");
  const [due, setDue] = useState(task?.due_at ?? "");
  const [state, setState] = useState(task?.state ?? "open");
  const [note, setNote] = useState(task?.note ?? "");
  const categories = kCategories[kind] ?? [];
  const body = {
    ...(task ? { id: task.id, state } : {}),
    kind,
    title,
    owner,
    note,
    ...(categories.length > 0 ? { category: categories.includes(category) ? category : categories[0] } : {}),
    ...(due === "" ? {} : { due_at: due }),
  };
  return (
    <Confirm title={t(task ? "tasks.edit" : "tasks.new")} yes={t("common.save")} act={() => post(path`/incidents/${incident.id}/task`, body).then(changed)} close={close}>
      <TextField label={t("common.title")} value={title} onChange={setTitle} required autoFocus testId="task-title" />
      <div className="field-row">
        <Select label={t("common.what")} value={kind} onChange={setKind} options={kKinds.map((value) => ({ value: value as string, text: word("task_kind", value) }))} />
        {categories.length > 0 && <Select label={t("common.category")} value={categories.includes(category) ? category : categories[0]!} onChange={setCategory} options={categories.map((value) => ({ value, text: word("task_category", value) }))} />}
      </div>
      <div className="field-row">
        <TextField label={t("common.owner")} value={owner} onChange={setOwner} required={kind === "improvement"} />
        <MomentField label={t("common.due")} value={due} onChange={setDue} required={kind === "improvement"} />
      </div>
      {task && <Select label={t("common.state")} value={state} onChange={setState} options={["open", "done", "dropped"].map((value) => ({ value, text: word("action_state", value) }))} />}
      <TextArea label={t("tasks.proof")} value={note} onChange={setNote} rows={2} required={state === "dropped"} />
    </Confirm>
  );
}
