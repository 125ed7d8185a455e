import type { Postmortem } from "../api/learn";
import { useWords } from "../i18n/i18n";
import { formatCount } from "../i18n/quantities";
import { useResource } from "../live/live";
import { Chip } from "../ui/Chip";
import { Limited } from "../ui/lists";
import { Card, Choice, Empty, Moment, Page, Ready, Table } from "../ui/pieces";
import { Link, changeSearch, useAddress } from "../ui/router";
import { PostmortemState } from "./PostmortemState";

type Filter = "open" | "all";

export default function PostmortemsPage() {
  const { t } = useWords();
  const { search } = useAddress();
  const filter: Filter = search.get("state") === "all" ? "all" : "open";
  const postmortems = useResource<{ postmortems: Postmortem[] }>("/postmortems", { topics: ["postmortem.changed"], everyMs: 30_000, calmMs: 500 });
  return (
    <Page title={t("nav.postmortems")} intro={t("postmortems.intro")} testId="postmortems-page">
      <div className="filters">
        <Choice<Filter>
          label={t("postmortems.state")}
          value={filter}
          options={[
            { value: "open", text: t("postmortems.open") },
            { value: "all", text: t("common.all") },
          ]}
          onChange={(value) => changeSearch({ state: value === "open" ? "" : value })}
        />
      </div>
      <Ready of={postmortems}>
        {(data) => {
          if (data.postmortems.length === 0) return <Empty icon="book" title={t("postmortems.none")}>{t("postmortems.none_text")}</Empty>;
          const shown = data.postmortems.filter((one) => filter === "all" || one.state !== "closed");
          if (shown.length === 0) return <Empty icon="book" title={t("postmortems.none_state")} />;
          return (
            <Card>
              <Limited items={shown} first={100}>
                {(some) => <List postmortems={[...some]} />}
              </Limited>
            </Card>
          );
        }}
      </Ready>
    </Page>
  );
}

function List({ postmortems }: { postmortems: Postmortem[] }) {
  const { t } = useWords();
  return (
    <Table
      caption={t("nav.postmortems")}
      rows={postmortems}
      rowKey={(one) => one.incident}
      rowTestId={() => "postmortem-row"}
      columns={[
        { title: t("common.title"), head: true, cell: (one) => <Link to={`/postmortems/${encodeURIComponent(one.incident)}`}>{one.title || one.incident}</Link> },
        { title: t("common.service"), cell: (one) => [one.level, one.service].filter(Boolean).join(" · ") },
        { title: t("postmortems.state"), cell: (one) => <PostmortemState postmortem={one} /> },
        { title: t("common.owner"), cell: (one) => one.owner || t("common.nobody") },
        { title: t("postmortems.due"), cell: (one) => <Moment time={one.due_at} /> },
        { title: t("postmortem.action"), cell: (one) => <Actions postmortem={one} /> },
      ]}
    />
  );
}

function Actions({ postmortem }: { postmortem: Postmortem }) {
  const { t } = useWords();
  const open = postmortem.actions.filter((one) => one.state === "open").length;
  if (postmortem.actions.length === 0) return <span className="muted">{t("postmortems.actions_none")}</span>;
  return open > 0 ? <Chip tone="warn">{t("postmortems.actions_open", { count: formatCount(open) })}</Chip> : <Chip tone="good">{t("postmortems.actions_open", { count: 0 })}</Chip>;
}
