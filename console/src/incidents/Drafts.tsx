// What is said to people: drafted from a text with the incident's data, read and approved by a person, then sent.
import { useState } from "react";
import { path, post } from "../api/client";
import type { Draft, Text } from "../api/handling";
import type { Incident } from "../api/types";
import { useWords } from "../i18n/i18n";
import { useResource } from "../live/live";
import { useMay } from "../session/session";
import { samplesOf } from "../texts/samples";
import { Chip } from "../ui/Chip";
import type { Tone } from "../ui/Chip";
import { Confirm } from "../ui/Confirm";
import { Select, TextArea, TextField } from "../ui/forms";
import { Fold, Limited } from "../ui/lists";
import { Button, Card, Empty, Moment, Ready } from "../ui/pieces";

const kTones: Record<string, Tone> = { draft: "warn", approved: "info", rejected: "quiet", sent: "good" };
type Asking = "edit" | "approve" | "reject" | "send";

export function Drafts({ incident }: { incident: Incident }) {
  const { t } = useWords();
  const may = useMay("respond");
  const [writing, setWriting] = useState(false);
  const drafts = useResource<{ drafts: Draft[] }>(`/drafts?incident=${encodeURIComponent(incident.id)}`, { topics: ["words.draft", "words.sent"], everyMs: 30_000, calmMs: 300 });
  return (
    <Card
      title={t("drafts.title")}
      aside={
        may ? (
          <Button className="button-small" onClick={() => setWriting(true)} testId="draft-new">
            {t("drafts.new")}
          </Button>
        ) : undefined
      }
      testId="incident-drafts"
    >
      <Ready of={drafts}>
        {(data) =>
          data.drafts.length === 0 ? (
            <Empty icon="page" title={t("drafts.none")} />
          ) : (
            <Limited items={data.drafts} first={6}>
              {(some) => (
                <ul className="rows">
                  {some.map((draft) => (
                    <DraftRow key={draft.id} draft={draft} changed={drafts.reload} />
                  ))}
                </ul>
              )}
            </Limited>
          )
        }
      </Ready>
      {writing && <NewDraft incident={incident} changed={drafts.reload} close={() => setWriting(false)} />}
    </Card>
  );
}

function DraftRow({ draft, changed }: { draft: Draft; changed: () => void }) {
  const { t, word } = useWords();
  const may = useMay("respond");
  const [asking, setAsking] = useState<Asking | null>(null);
  const [text, setText] = useState({ subject: draft.subject, body: draft.body });
  const [note, setNote] = useState("");
  const close = () => setAsking(null);
  const act = (verb: Asking, body: unknown = {}) => post(path`/drafts/${draft.id}/` + verb, body).then(changed);
  const open = draft.state === "draft" || draft.state === "approved";
  const inside = draft.audience === "team";
  return (
    <li data-testid="draft-row" data-state={draft.state}>
      <p className="row-head">
        <Chip tone={kTones[draft.state] ?? "quiet"}>{word("draft_state", draft.state)}</Chip>
        <b>{word("text_name", draft.text)}</b>
        <span className="muted">{t("drafts.to", { who: word("audience", draft.audience) })}</span>
      </p>
      <p className="muted">
        <Moment time={draft.created_at} /> {t("common.by", { who: draft.written_by })}
        {draft.approved_by && <> · {word("draft_state", "approved")} {t("common.by", { who: draft.approved_by })}</>}
        {draft.sent_at && (
          <>
            {" · "}
            {word("draft_state", "sent")} <Moment time={draft.sent_at} /> {t("common.by", { who: draft.sent_by })},{" "}
            {draft.receivers.length > 0 ? t("drafts.sent_to", { names: draft.receivers.join(", ") }) : t("drafts.by_hand")}
          </>
        )}
        {draft.note && <> · {draft.note}</>}
      </p>
      <Fold summary={draft.subject || word("text_name", draft.text)}>{() => <p className="pre">{draft.body}</p>}</Fold>
      {may && open && (
        <p className="row-acts">
          {draft.state === "draft" && !inside && <Button className="button-small" kind="main" onClick={() => setAsking("approve")} testId="draft-approve">{t("drafts.approve")}</Button>}
          {(draft.state === "approved" || inside) && <Button className="button-small" kind="main" onClick={() => setAsking("send")} testId="draft-send">{t("drafts.send")}</Button>}
          <Button className="button-small" onClick={() => { setText({ subject: draft.subject, body: draft.body }); setAsking("edit"); }} testId="draft-edit">{t("common.edit")}</Button>
          <Button className="button-small" onClick={() => setAsking("reject")}>{t("drafts.reject")}</Button>
        </p>
      )}
      {asking === "edit" && (
        <Confirm title={t("drafts.edit")} yes={t("common.save")} wide act={() => act("edit", text)} close={close}>
          <TextField label={t("texts.subject")} value={text.subject} onChange={(subject) => setText({ ...text, subject })} />
          <TextArea label={t("texts.body")} value={text.body} onChange={(body) => setText({ ...text, body })} rows={14} required testId="draft-body" />
        </Confirm>
      )}
      {(asking === "approve" || asking === "send") && (
        <Confirm title={t(asking === "approve" ? "drafts.approve_title" : "drafts.send_title")} yes={t(asking === "approve" ? "drafts.approve" : "drafts.send")} wide danger={asking === "send"} act={() => act(asking)} close={close}>
          <p>
            <b>{draft.subject}</b> <span className="muted">{t("drafts.to", { who: word("audience", draft.audience) })}</span>
          </p>
          <p className="pre">{draft.body}</p>
        </Confirm>
      )}
      {asking === "reject" && (
        <Confirm title={t("drafts.reject")} yes={t("drafts.reject")} danger act={() => act("reject", { note })} close={close}>
          <TextField label={t("drafts.reject_why")} value={note} onChange={setNote} required autoFocus />
        </Confirm>
      )}
    </li>
  );
}

function NewDraft({ incident, changed, close }: { incident: Incident; changed: () => void; close: () => void }) {
  const { t, word, language: mine } = useWords();
  const texts = useResource<{ texts: Text[] }>("/texts");
  const [name, setName] = useState("incident_notice");
  const [language, setLanguage] = useState<string>(mine);
  // Texts of deployments ask for what no incident knows.
  const about = (texts.data?.texts ?? []).filter((one) => Object.keys(samplesOf(one.fields, true)).length === 0);
  const names = [...new Set(about.map((one) => one.name))];
  return (
    <Confirm title={t("drafts.new")} yes={t("drafts.new")} act={() => post("/drafts", { text: name, language, incident: incident.id }).then(changed)} close={close}>
      <Select label={t("drafts.which")} value={name} onChange={setName} options={(names.length > 0 ? names : [name]).map((value) => ({ value, text: word("text_name", value) }))} testId="draft-text" />
      <Select label={t("common.language")} value={language} onChange={setLanguage} options={["en", "zh"].map((value) => ({ value, text: word("language", value) }))} />
    </Confirm>
  );
}
