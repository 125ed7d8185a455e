// One postmortem: the six parts of the report, its actions, its way through the states, and the report to hand on.
import { useState } from "react";
import { kApi, path, post } from "../api/client";
import type { Postmortem } from "../api/learn";
import { useWords } from "../i18n/i18n";
import type { Key } from "../i18n/i18n";
import { useResource } from "../live/live";
import { useMay } from "../session/session";
import { useAct } from "../ui/act";
import { Confirm } from "../ui/Confirm";
import { Problem, TextArea, TextField } from "../ui/forms";
import { Icon } from "../ui/Icon";
import { Limited } from "../ui/lists";
import { Button, Card, Empty, Moment, Page, Ready } from "../ui/pieces";
import { Link } from "../ui/router";
import { Actions } from "./Actions";
import { PostmortemState, nextStates } from "./PostmortemState";
import "./postmortems.css";

type Part = "overview" | "root_cause" | "impact" | "fix" | "lessons";

export default function PostmortemPage({ id }: { id: string }) {
  const { t } = useWords();
  const found = useResource<{ postmortem: Postmortem }>(path`/postmortems/${id}`, { topics: ["postmortem.changed"], everyMs: 30_000, calmMs: 500 });
  const postmortem = found.data?.postmortem;
  const missing = found.data === null && found.error?.status === 404;
  return (
    <Page
      title={postmortem ? postmortem.title : id}
      intro={postmortem && <Head postmortem={postmortem} />}
      aside={postmortem && <Acts postmortem={postmortem} changed={found.reload} />}
      testId="postmortem-page"
    >
      <p className="back">
        <Link to="/postmortems">← {t("nav.postmortems")}</Link>
      </p>
      {missing ? <Empty icon="book" title={t("postmortem.not_found")} /> : <Ready of={found}>{(data) => <Body postmortem={data.postmortem} changed={found.reload} />}</Ready>}
    </Page>
  );
}

function Head({ postmortem }: { postmortem: Postmortem }) {
  const { t } = useWords();
  return (
    <span className="chips">
      <PostmortemState postmortem={postmortem} large />
      <span className="muted">
        {t("postmortems.of")} <Link to={`/incidents/${encodeURIComponent(postmortem.incident)}`}>{postmortem.incident}</Link>{" "}
        {[postmortem.level, postmortem.service].filter(Boolean).map((one) => `· ${one} `)}· {t("postmortems.due")}{" "}
        <Moment time={postmortem.due_at} />
        {postmortem.changed_at && (
          <>
            {" · "}
            {t("postmortem.changed")} <Moment time={postmortem.changed_at} /> {t("common.by", { who: postmortem.changed_by })}
          </>
        )}
        {postmortem.reviewed_at && (
          <>
            {" · "}
            {t("postmortem.reviewed")} <Moment time={postmortem.reviewed_at} /> {t("common.by", { who: postmortem.reviewed_by })}
          </>
        )}
      </span>
    </span>
  );
}

function Acts({ postmortem, changed }: { postmortem: Postmortem; changed: () => void }) {
  const { t, word } = useWords();
  const may = useMay("respond");
  const [moving, setMoving] = useState<string | null>(null);
  const address = path`/postmortems/${postmortem.incident}`;
  return (
    <div className="acts">
      {may &&
        nextStates(postmortem.state).map((state, i) => (
          <Button key={state} kind={i === 0 ? "main" : "plain"} onClick={() => setMoving(state)} testId={`postmortem-to-${state}`}>
            {t(`postmortem.to_${state}` as Key)}
          </Button>
        ))}
      {(["markdown", "pdf"] as const).map((format) => (
        <a key={format} className="button" href={`${kApi}${address}?format=${format}`} download={`postmortem-${postmortem.incident}.${format === "pdf" ? "pdf" : "md"}`} data-testid={`postmortem-${format}`}>
          <Icon name="download" size={18} /> {t(`postmortem.${format}`)}
        </a>
      ))}
      {moving !== null && (
        <Confirm title={t(`postmortem.to_${moving}` as Key)} yes={t(`postmortem.to_${moving}` as Key)} act={() => post(`${address}/state`, { state: moving }).then(changed)} close={() => setMoving(null)}>
          <p>{t("postmortem.move_text", { state: word("postmortem_state", moving) })}</p>
        </Confirm>
      )}
    </div>
  );
}

function Body({ postmortem, changed }: { postmortem: Postmortem; changed: () => void }) {
  const { t } = useWords();
  return (
    <div className="incident-columns">
      <div className="incident-side">
        <PartCard part="overview" postmortem={postmortem} changed={changed} />
        <Card title={t("postmortem.timeline")}>
          <Lines lines={postmortem.timeline ?? []} />
        </Card>
        <PartCard part="root_cause" postmortem={postmortem} changed={changed} />
        <PartCard part="impact" postmortem={postmortem} changed={changed} />
        <PartCard part="fix" postmortem={postmortem} changed={changed} />
      </div>
      <div className="incident-side">
        <Owner postmortem={postmortem} changed={changed} />
        <Actions postmortem={postmortem} changed={changed} />
        <PartCard part="lessons" postmortem={postmortem} changed={changed} />
      </div>
    </div>
  );
}

function Lines({ lines }: { lines: NonNullable<Postmortem["timeline"]> }) {
  const { t } = useWords();
  if (lines.length === 0) return <Empty icon="clock" title={t("timeline.empty")} />;
  return (
    <Limited items={lines} first={60}>
      {(some) => (
        <ol className="postmortem-lines">
          {some.map((line, i) => (
            <li key={i}>
              <Moment time={line.at} /> <span>{line.text}</span>
            </li>
          ))}
        </ol>
      )}
    </Limited>
  );
}

interface PartProps {
  postmortem: Postmortem;
  changed: () => void;
}

// Read as it stands; written in place, so that what was typed is not lost when news come in.
function PartCard({ part, postmortem, changed }: PartProps & { part: Part }) {
  const { t } = useWords();
  const may = useMay("respond");
  const [text, setText] = useState<string | null>(null); // null: it is only read
  const { busy, problem, run } = useAct();
  const written = postmortem[part];
  const save = () => run(() => post(path`/postmortems/${postmortem.incident}`, { [part]: text })).then((done) => {
    if (!done) return;
    setText(null);
    changed();
  });
  return (
    <Card
      title={t(`postmortem.${part}`)}
      aside={
        may && text === null && postmortem.state !== "closed" ? (
          <Button className="button-small" onClick={() => setText(written)} testId={`part-edit-${part}`}>
            {t("common.edit")}
          </Button>
        ) : undefined
      }
      testId={`part-${part}`}
    >
      {text === null ? (
        written.trim() === "" ? <p className="muted">{t("postmortem.empty_part")}</p> : <p className="markdown">{written}</p>
      ) : (
        <form
          className="form"
          onSubmit={(event) => {
            event.preventDefault();
            void save();
          }}
        >
          <TextArea label={t(`postmortem.${part}`)} value={text} onChange={setText} rows={8} autoFocus testId={`part-text-${part}`} />
          <Problem text={problem} />
          <div className="acts">
            <Button type="submit" kind="main" disabled={busy} testId={`part-save-${part}`}>
              {t("postmortem.save_part")}
            </Button>
            <Button onClick={() => setText(null)}>{t("cancel")}</Button>
          </div>
        </form>
      )}
    </Card>
  );
}

function Owner({ postmortem, changed }: PartProps) {
  const { t } = useWords();
  const may = useMay("respond");
  const [asking, setAsking] = useState(false);
  const [owner, setOwner] = useState(postmortem.owner);
  return (
    <Card title={t("postmortem.owner")} aside={may ? <Button className="button-small" onClick={() => setAsking(true)}>{t("common.edit")}</Button> : undefined}>
      <p>{postmortem.owner || t("common.nobody")}</p>
      {asking && (
        <Confirm title={t("postmortem.owner")} yes={t("common.save")} act={() => post(path`/postmortems/${postmortem.incident}`, { owner }).then(changed)} close={() => setAsking(false)}>
          <TextField label={t("postmortem.owner")} value={owner} onChange={setOwner} autoFocus />
        </Confirm>
      )}
    </Card>
  );
}
