// For those who publish: what waits for approval, what the public sees now, and what it saw.
import { useState } from "react";
import { path, remove } from "../api/client";
import type { Post, StatusDesk } from "../api/status";
import { useWords } from "../i18n/i18n";
import { formatCount } from "../i18n/quantities";
import { useNow, useResource } from "../live/live";
import { useMay } from "../session/session";
import { Chip } from "../ui/Chip";
import type { Tone } from "../ui/Chip";
import { Confirm } from "../ui/Confirm";
import { Fold, Limited } from "../ui/lists";
import { Button, Card, Empty, Moment, Page, Ready } from "../ui/pieces";
import { Link } from "../ui/router";
import { PostForm } from "./PostForm";
import type { Writing } from "./PostForm";
import { componentStates, draftOf, publishedOf, sorted } from "./posts";
import "./status.css";

const kComponentTones: Record<string, Tone> = { operational: "good", under_maintenance: "info", degraded_performance: "warn", partial_outage: "bad", major_outage: "bad" };
const kPostTones: Record<string, Tone> = { investigating: "bad", identified: "warn", monitoring: "info", resolved: "good", scheduled: "info", in_progress: "warn", verifying: "info", completed: "good" };

export default function StatusDeskPage() {
  const { t } = useWords();
  const may = useMay("respond");
  const [writing, setWriting] = useState<Writing | null>(null);
  const desk = useResource<StatusDesk>("/status-page", { topics: ["incident.changed"], everyMs: 10_000, calmMs: 1_000 });
  const configured = desk.data?.configured ?? false;
  return (
    <Page
      title={t("nav.status")}
      intro={t("status.intro")}
      aside={
        may && configured ? (
          <div className="acts">
            <Button kind="main" icon="incident" onClick={() => setWriting({ what: "new", kind: "incident" })} testId="status-new-incident">
              {t("status.new_incident")}
            </Button>
            <Button icon="wrench" onClick={() => setWriting({ what: "new", kind: "maintenance" })} testId="status-new-maintenance">
              {t("status.new_maintenance")}
            </Button>
          </div>
        ) : undefined
      }
      testId="status-desk-page"
    >
      <Ready of={desk}>
        {(data) =>
          data.configured ? (
            <>
              <Body desk={data} write={setWriting} reload={desk.reload} />
              {writing && <PostForm writing={writing} components={data.components} done={desk.reload} close={() => setWriting(null)} />}
            </>
          ) : (
            <Empty icon="page" title={t("status.none")}>{t("status.none_text")}</Empty>
          )
        }
      </Ready>
    </Page>
  );
}

interface ListProps {
  write: (writing: Writing) => void;
  reload: () => void;
}

function Body({ desk, write, reload }: { desk: StatusDesk } & ListProps) {
  const { t } = useWords();
  const { drafts, open, past } = sorted(desk.posts);
  return (
    <>
      <p className="row-head">
        <b>{desk.title}</b>
        {/^https?:/.test(desk.url) && (
          <a href={desk.url} rel="noreferrer" target="_blank" data-testid="status-public">
            {t("status.public")}
          </a>
        )}
        <span className="muted" data-testid="status-subscribers">{t("status.subscribers", { count: formatCount(desk.subscribers) })}</span>
      </p>
      <Components desk={desk} />
      <Posts title={t("status.drafts")} none={t("status.drafts_none")} posts={drafts} testId="status-drafts" tone={drafts.length > 0 ? "warn" : undefined} waiting {...{ write, reload }} />
      <Posts title={t("status.open")} none={t("status.post_none")} posts={open} testId="status-open" {...{ write, reload }} />
      <Posts title={t("status.past")} none={t("status.post_none")} posts={past} testId="status-past" {...{ write, reload }} />
    </>
  );
}

function Components({ desk }: { desk: StatusDesk }) {
  const { t, word } = useWords();
  const states = componentStates(desk, useNow());
  const groups = [...new Set(desk.components.map((one) => one.group))];
  return (
    <Card title={t("status.components")} testId="status-components">
      {desk.components.length === 0 && <Empty icon="box" title={t("status.no_components")} />}
      {groups.map((group) => (
        <div key={group} className="component-group">
          {group !== "" && <h3>{group}</h3>}
          <ul className="components">
            {desk.components
              .filter((one) => one.group === group)
              .map((one) => {
                const state = states.get(one.id) ?? "operational";
                return (
                  <li key={one.id}>
                    <span>
                      {one.name} {one.service && <small className="muted">{t("status.of_service", { name: one.service })}</small>}
                    </span>
                    <Chip tone={kComponentTones[state] ?? "quiet"}>{word("component_status", state)}</Chip>
                  </li>
                );
              })}
          </ul>
        </div>
      ))}
    </Card>
  );
}

function Posts({ title, none, posts, testId, tone, waiting = false, write, reload }: { title: string; none: string; posts: Post[]; testId: string; tone?: "warn" | undefined; waiting?: boolean } & ListProps) {
  return (
    <Card title={title} testId={testId} tone={tone}>
      {posts.length === 0 ? (
        <Empty icon="check" title={none} />
      ) : (
        <Limited items={posts} first={10}>
          {(some) => (
            <ul className="rows">
              {some.map((post) => (
                <PostRow key={post.id} post={post} waiting={waiting} write={write} reload={reload} />
              ))}
            </ul>
          )}
        </Limited>
      )}
    </Card>
  );
}

function PostRow({ post, waiting, write, reload }: { post: Post; waiting: boolean } & ListProps) {
  const { t, word } = useWords();
  const may = useMay("respond");
  const [asking, setAsking] = useState(false);
  const draft = draftOf(post);
  const published = publishedOf(post);
  const state = published.at(-1)?.status;
  return (
    <li data-testid="status-post" data-post={post.id}>
      <div className="row-head">
        {state && <Chip tone={kPostTones[state] ?? "quiet"}>{word("post_status", state)}</Chip>}
        {waiting && draft && <Chip tone="warn" icon="note">{t("status.draft")}: {word("post_status", draft.status)}</Chip>}
        <b>{post.name}</b>
        <span className="muted">
          {post.kind === "maintenance" ? t("status.kind_maintenance") : `${t("status.kind_incident")} · ${t("status.impact")}: ${word("post_impact", post.impact)}`}
        </span>
        {may && (
          <span className="row-acts">
            {waiting ? (
              <>
                <Button className="button-small" kind="main" onClick={() => write({ what: "publish", post })} testId="status-review">
                  {t("status.review")}
                </Button>
                <Button className="button-small" kind="danger" onClick={() => setAsking(true)} testId="status-discard">{t("status.discard")}</Button>
              </>
            ) : (
              <Button className="button-small" onClick={() => write({ what: "update", post })} testId="status-update">{t("status.update")}</Button>
            )}
          </span>
        )}
      </div>
      <p className="muted">
        {post.incident && (
          <>
            {t("status.drafted_from")} <Link to={`/incidents/${encodeURIComponent(post.incident)}`}>{post.incident}</Link> ·{" "}
          </>
        )}
        {post.scheduled_for && (
          <>
            {t("status.planned")} <Moment time={post.scheduled_for} /> – <Moment time={post.scheduled_until} /> ·{" "}
          </>
        )}
        <Moment time={post.published_at ?? post.created_at} />
      </p>
      {waiting && draft && <p className="pre">{draft.body}</p>}
      {published.length > 0 && (
        <Fold summary={`${word("post_status", state ?? "")} (${published.length})`} open={!waiting && published.length <= 3}>
          {() => (
            <ul className="told">
              {[...published].reverse().map((update) => (
                <li key={update.id}>
                  <Moment time={update.at} /> <b>{word("post_status", update.status)}</b> <span className="post-body">{update.body}</span> <span className="muted">{t("common.by", { who: update.by })}</span>
                </li>
              ))}
            </ul>
          )}
        </Fold>
      )}
      {asking && (
        <Confirm title={t("status.discard")} yes={t("status.discard")} danger act={() => remove(path`/status-page/posts/${post.id}/draft`).then(reload)} close={() => setAsking(false)}>
          <p>{t("status.discard_text")}</p>
        </Confirm>
      )}
    </li>
  );
}
