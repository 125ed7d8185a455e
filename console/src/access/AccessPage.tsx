// Who may do what, and what was done: one's own sessions and tokens; for administrators users; for auditors the log.
import { useState } from "react";
import { post, remove } from "../api/client";
import type { SessionRow } from "../api/access";
import { useWords } from "../i18n/i18n";
import { useResource } from "../live/live";
import { useMay, useSession } from "../session/session";
import { useAct } from "../ui/act";
import { Confirm } from "../ui/Confirm";
import { Problem, TextField } from "../ui/forms";
import { Ago, Button, Card, Choice, Empty, Page, Ready, Table } from "../ui/pieces";
import { changeSearch, useAddress } from "../ui/router";
import { AuditLog } from "./AuditLog";
import { Tokens } from "./Tokens";
import { Users } from "./Users";

type Part = "mine" | "users" | "tokens" | "audit";

export default function AccessPage() {
  const { t, word } = useWords();
  const { search } = useAddress();
  const { session } = useSession();
  const administers = useMay("administer");
  const audits = useMay("audit");
  const parts: Part[] = ["mine", "tokens", ...(administers ? (["users"] as const) : []), ...(audits ? (["audit"] as const) : [])];
  const part = parts.find((one) => one === search.get("part")) ?? "mine";
  return (
    <Page
      title={t("nav.access")}
      intro={t("access.intro")}
      aside={
        <Choice<Part>
          label={t("access.part")}
          value={part}
          options={parts.map((value) => ({ value, text: t(`access.${value}`) }))}
          onChange={(value) => changeSearch({ part: value === "mine" ? "" : value })}
          testId="access-part"
        />
      }
      testId="access-page"
    >
      <p data-testid="who-am-i">
        {session.auth === "off" ? t("access.auth_off") : t("access.who_am_i", { name: session.name || session.user, user: session.user, role: word("role", session.role ?? "") })}
      </p>
      {part === "mine" && <Mine />}
      {part === "users" && <Users />}
      {part === "tokens" && <Tokens />}
      {part === "audit" && <AuditLog />}
    </Page>
  );
}

function Mine() {
  const { t } = useWords();
  const { session, signOut } = useSession();
  const [asking, setAsking] = useState(false);
  const sessions = useResource<{ sessions: SessionRow[] }>("/sessions", { everyMs: 30_000 });
  return (
    <div className="grid-2">
      <Card
        title={t("access.sessions")}
        aside={
          session.auth === "on" ? (
            <Button className="button-small" kind="danger" onClick={() => setAsking(true)}>{t("access.sign_out_all")}</Button>
          ) : undefined
        }
        testId="my-sessions"
      >
        <Ready of={sessions}>
          {(data) =>
            data.sessions.length === 0 ? (
              <Empty icon="key" title={t("access.no_sessions")} />
            ) : (
              <Table
                caption={t("access.sessions")}
                rows={data.sessions}
                rowKey={(row) => `${row.created_at} ${row.address}`}
                columns={[
                  { title: t("access.how"), head: true, cell: (row) => row.how },
                  { title: t("access.address"), cell: (row) => row.address || "–" },
                  { title: t("access.browser"), cell: (row) => <span title={row.user_agent}>{shortAgent(row.user_agent)}</span> },
                  { title: t("access.began"), cell: (row) => <Ago time={row.created_at} /> },
                  { title: t("access.used"), cell: (row) => <Ago time={row.used_at} /> },
                ]}
              />
            )
          }
        </Ready>
      </Card>
      {session.auth === "on" && <Password />}
      {asking && (
        <Confirm title={t("access.sign_out_all")} yes={t("access.sign_out_all")} danger act={() => remove("/sessions").then(signOut)} close={() => setAsking(false)}>
          <p>{t("access.sign_out_all_text")}</p>
        </Confirm>
      )}
    </div>
  );
}

// "Firefox/128.0" of what browsers say about themselves.
export function shortAgent(agent: string): string {
  const known = /(Edg|OPR|Firefox|Chrome|Safari|curl|python-requests|Go-http-client)\/[\d.]+/.exec(agent);
  return known ? known[0] : agent.slice(0, 40) || "–";
}

function Password() {
  const { t } = useWords();
  const [old, setOld] = useState("");
  const [fresh, setFresh] = useState("");
  const [done, setDone] = useState(false);
  const { busy, problem, run } = useAct();
  return (
    <Card title={t("access.password")}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          void run(() => post("/password", { old, new: fresh })).then((changed) => {
            setDone(changed);
            if (changed) {
              setOld("");
              setFresh("");
            }
          });
        }}
      >
        <TextField label={t("access.password_old")} type="password" autoComplete="current-password" value={old} onChange={setOld} required />
        <TextField label={t("access.password_new")} type="password" autoComplete="new-password" value={fresh} onChange={setFresh} required />
        <Problem text={problem} />
        {done && <p role="status">{t("access.password_done")}</p>}
        <div className="acts">
          <Button type="submit" disabled={busy}>{t("access.password")}</Button>
        </div>
      </form>
    </Card>
  );
}
