// The words of notices: read, edited, tried with a real incident's data, taken back.
import { useState } from "react";
import { path, post, remove } from "../api/client";
import type { Text } from "../api/handling";
import type { Incident } from "../api/types";
import { useWords } from "../i18n/i18n";
import { useResource } from "../live/live";
import { useMay } from "../session/session";
import { useAct } from "../ui/act";
import { Chip } from "../ui/Chip";
import { Confirm } from "../ui/Confirm";
import { Problem, Select, TextArea, TextField } from "../ui/forms";
import { Button, Card, Empty, Page, Ready } from "../ui/pieces";
import { Link, useAddress } from "../ui/router";
import { samplesOf } from "./samples";
import "./texts.css";

const addressOf = (text: Text) => `/texts?text=${encodeURIComponent(text.name)}&language=${encodeURIComponent(text.language)}`;

export default function TextsPage() {
  const { t, word, language } = useWords();
  const { search } = useAddress();
  const texts = useResource<{ texts: Text[] }>("/texts", { everyMs: 60_000 });
  const wanted = search.get("text");
  const tongue = search.get("language") ?? language;
  return (
    <Page title={t("nav.texts")} intro={t("texts.intro")} testId="texts-page">
      <Ready of={texts}>
        {({ texts: all }) => {
          if (all.length === 0) return <Empty icon="note" title={t("texts.none")} />;
          const chosen = all.find((one) => one.name === wanted && one.language === tongue) ?? all.find((one) => one.name === "incident_notice" && one.language === tongue) ?? all[0]!;
          const names = [...new Set(all.map((one) => one.name))];
          return (
            <div className="texts">
              <Card title={t("nav.texts")} testId="text-list">
                <ul className="text-list">
                  {names.map((name) => (
                    <li key={name}>
                      <b>{word("text_name", name)}</b>
                      <span className="muted">
                        {t("texts.for")} {word("audience", all.find((one) => one.name === name)!.audience)}
                      </span>
                      <span className="row-head">
                        {all
                          .filter((one) => one.name === name)
                          .map((one) => (
                            <Link key={one.language} to={addressOf(one)} aria-current={one === chosen ? "true" : undefined}>
                              {word("language", one.language)}
                              {one.edited && " *"}
                            </Link>
                          ))}
                      </span>
                    </li>
                  ))}
                </ul>
              </Card>
              <Editor key={`${chosen.name}/${chosen.language}/${chosen.edited_by}`} text={chosen} changed={texts.reload} />
            </div>
          );
        }}
      </Ready>
    </Page>
  );
}

function Editor({ text, changed }: { text: Text; changed: () => void }) {
  const { t, word } = useWords();
  const may = useMay("operate");
  const [subject, setSubject] = useState(text.subject);
  const [body, setBody] = useState(text.body);
  const [saved, setSaved] = useState(0);
  const [asking, setAsking] = useState(false);
  const { busy, problem, run } = useAct();
  const address = path`/texts/${text.name}/${text.language}`;
  const differs = subject !== text.subject || body !== text.body;
  return (
    <div className="text-columns">
      <Card
        title={`${word("text_name", text.name)} (${word("language", text.language)})`}
        aside={text.edited ? <Chip tone="info" icon="note">{t("texts.edited", { who: text.edited_by })}</Chip> : <span className="muted">{t("texts.built_in")}</span>}
        testId="text-editor"
      >
        <form
          className="form"
          onSubmit={(event) => {
            event.preventDefault();
            void run(() => post(address, { subject, body })).then((done) => {
              if (!done) return;
              setSaved(saved + 1);
              changed();
            });
          }}
        >
          <TextField label={t("texts.subject")} value={subject} onChange={setSubject} required testId="text-subject" />
          <TextArea label={t("texts.body")} value={body} onChange={setBody} rows={16} required code testId="text-body" />
          <p className="hint">{t("texts.fields_hint", { open: "{", close: "}" })}</p>
          <ul className="labels">
            {text.fields.map((field) => (
              <li key={field}>{`{${field}}`}</li>
            ))}
          </ul>
          <Problem text={problem} />
          {may && (
            <div className="acts">
              <Button type="submit" kind="main" disabled={busy || !differs} testId="text-save">{t("texts.save")}</Button>
              {text.edited && <Button onClick={() => setAsking(true)}>{t("texts.restore")}</Button>}
            </div>
          )}
        </form>
      </Card>
      <Preview address={address} fields={text.fields} revision={saved} unsaved={differs} />
      {asking && (
        <Confirm title={t("texts.restore")} yes={t("texts.restore")} danger act={() => remove(address).then(changed)} close={() => setAsking(false)}>
          <p>{t("texts.restore_text")}</p>
        </Confirm>
      )}
    </div>
  );
}

function Preview({ address, fields, revision, unsaved }: { address: string; fields: string[]; revision: number; unsaved: boolean }) {
  const { t } = useWords();
  const incidents = useResource<{ incidents: Incident[] }>("/incidents?state=all&limit=20");
  const [incident, setIncident] = useState("");
  const [shown, setShown] = useState<{ subject: string; body: string; revision: number } | null>(null);
  const { busy, problem, run } = useAct();
  const ask = () =>
    run(async () => {
      const body = { fields: samplesOf(fields, incident !== ""), ...(incident === "" ? {} : { incident }) };
      setShown({ ...(await post<{ subject: string; body: string }>(`${address}/preview`, body)), revision });
    });
  return (
    <Card title={t("texts.preview")} testId="text-preview">
      <div className="form">
        <Select
          label={t("texts.preview_with")}
          value={incident}
          onChange={setIncident}
          options={[{ value: "", text: t("texts.preview_none") }, ...(incidents.data?.incidents ?? []).map((one) => ({ value: one.id, text: `${one.id} ${one.title}` }))]}
        />
        <div className="row-head">
          <Button onClick={() => void ask()} disabled={busy} testId="text-preview-ask">{t("texts.preview")}</Button>
          {unsaved && <small className="hint">{t("texts.preview_saved")}</small>}
        </div>
        <Problem text={problem} />
        {shown && shown.revision === revision && (
          <div aria-live="polite" data-testid="text-rendered">
            <p>
              <b>{shown.subject}</b>
            </p>
            <p className="pre">{shown.body}</p>
          </div>
        )}
      </div>
    </Card>
  );
}
