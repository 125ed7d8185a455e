// What the public will read: written by hand, or a draft of Holdfast's that a person reads, changes and publishes.
import { useState } from "react";
import { path, post as send } from "../api/client";
import { kComponentStates, kImpacts, kIncidentStates, kMaintenanceStates } from "../api/status";
import type { Component, Post } from "../api/status";
import { useWords } from "../i18n/i18n";
import { useNow } from "../live/live";
import { Confirm } from "../ui/Confirm";
import { MomentField, Select, TextArea, TextField } from "../ui/forms";
import { browserZone, isoOf } from "../ui/moments";
import { draftOf, publishedOf } from "./posts";

export type Writing = { what: "new"; kind: "incident" | "maintenance" } | { what: "publish" | "update"; post: Post };

const kHour = 3_600_000;

export function PostForm({ writing, components, done, close }: { writing: Writing; components: Component[]; done: () => void; close: () => void }) {
  const { t, word } = useWords();
  const now = useNow();
  const known = writing.what === "new" ? null : writing.post;
  const kind = writing.what === "new" ? writing.kind : writing.post.kind;
  const draft = known && writing.what === "publish" ? draftOf(known) : null;
  const before = known ? publishedOf(known).at(-1) : undefined;
  const states: readonly string[] = kind === "maintenance" ? kMaintenanceStates : kIncidentStates;
  const [name, setName] = useState(known?.name ?? "");
  const [status, setStatus] = useState(draft?.status ?? before?.status ?? states[0]!);
  const [impact, setImpact] = useState(known?.impact ?? "minor");
  const [body, setBody] = useState(draft?.body ?? "");
  const [from, setFrom] = useState(() => isoOf(now + 24 * kHour));
  const [to, setTo] = useState(() => isoOf(now + 26 * kHour));
  const [harm, setHarm] = useState<Record<string, string>>(() =>
    Object.fromEntries((draft?.components.length ? draft.components : (before?.components ?? [])).map((one) => [one.id, one.status])),
  );
  const maintenance = kind === "maintenance";
  const content = {
    status,
    body,
    name,
    ...(maintenance ? {} : { impact }),
    ...(Object.keys(harm).length === 0 ? {} : { components: harm }),
  };
  const act = () => {
    if (known) return send(path`/status-page/posts/${known.id}/publish`, content);
    return send("/status-page/posts", { ...content, kind, ...(maintenance ? { scheduled_for: from, scheduled_until: to } : {}) });
  };
  const title = known ? (writing.what === "publish" ? t("status.review") : t("status.update")) : t(maintenance ? "status.new_maintenance" : "status.new_incident");
  return (
    <Confirm title={title} yes={t(known ? "status.publish" : "status.save_draft")} wide danger={known !== null} act={() => act().then(done)} close={close}>
      {known && <p>{t("status.publish_text")}</p>}
      <TextField label={t("status.name")} value={name} onChange={setName} required testId="post-name" maxLength={300} />
      <div className="field-row">
        <Select label={t("status.state")} value={status} onChange={setStatus} options={states.map((value) => ({ value, text: word("post_status", value) }))} testId="post-status" />
        {!maintenance && <Select label={t("status.impact")} value={impact} onChange={setImpact} options={kImpacts.map((value) => ({ value: value as string, text: word("post_impact", value) }))} />}
      </div>
      {maintenance && !known && (
        <>
          <div className="field-row">
            <MomentField label={t("status.starts")} value={from} onChange={setFrom} required />
            <MomentField label={t("status.ends")} value={to} onChange={setTo} required />
          </div>
          <small className="hint">{t("common.times_local", { zone: browserZone() })}</small>
        </>
      )}
      <TextArea label={t("status.body")} value={body} onChange={setBody} rows={5} required testId="post-body" maxLength={10_000} />
      {components.length > 0 && (
        <fieldset className="component-states">
          <legend>{t("status.components_then")}</legend>
          {components.map((one) => (
            <Select
              key={one.id}
              label={one.group ? `${one.group} / ${one.name}` : one.name}
              value={harm[one.id] ?? ""}
              onChange={(value) => setHarm(value === "" ? without(harm, one.id) : { ...harm, [one.id]: value })}
              options={[{ value: "", text: t("status.as_they_are") }, ...kComponentStates.map((value) => ({ value: value as string, text: word("component_status", value) }))]}
            />
          ))}
        </fieldset>
      )}
    </Confirm>
  );
}

function without(map: Record<string, string>, name: string): Record<string, string> {
  const { [name]: _, ...rest } = map;
  return rest;
}
