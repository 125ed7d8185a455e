// Users of the configuration and those made here; those of the configuration are changed there.
import { useState } from "react";
import { path, post } from "../api/client";
import { kRoles } from "../api/access";
import type { User } from "../api/access";
import { useWords } from "../i18n/i18n";
import { useResource } from "../live/live";
import { Chip } from "../ui/Chip";
import { Confirm } from "../ui/Confirm";
import { Check, Select, TextField } from "../ui/forms";
import { Limited } from "../ui/lists";
import { Ago, Button, Card, Ready, Table } from "../ui/pieces";

type Asking = { what: "new" } | { what: "edit" | "password" | "sessions"; user: User };

export function Users() {
  const { t, word } = useWords();
  const [asking, setAsking] = useState<Asking | null>(null);
  const users = useResource<{ users: User[] }>("/users", { everyMs: 30_000 });
  const close = () => setAsking(null);
  return (
    <Card
      title={t("access.users")}
      aside={
        <Button className="button-small" kind="main" icon="person" onClick={() => setAsking({ what: "new" })} testId="user-new">
          {t("access.user_new")}
        </Button>
      }
      testId="users"
    >
      <Ready of={users}>
        {(data) => (
          <Limited items={data.users} first={100}>
            {(some) => (
              <Table
                caption={t("access.users")}
                rows={[...some]}
                rowKey={(user) => user.id}
                rowTestId={() => "user-row"}
                columns={[
                  { title: t("access.user"), head: true, cell: (user) => <>{user.name || user.id} <span className="muted">{user.id}</span></> },
                  {
                    title: t("common.role"),
                    cell: (user) => (
                      <>
                        {word("role", user.role)}
                        {user.grants.map((grant, i) => (
                          <span key={i} className="muted"> · {t("access.grants", { services: grant.services.join(", "), role: word("role", grant.role) })}</span>
                        ))}
                      </>
                    ),
                  },
                  { title: t("access.state"), cell: (user) => <UserState user={user} /> },
                  { title: t("access.source"), cell: (user) => user.source },
                  { title: t("access.signed_in"), cell: (user) => <Ago time={user.signed_in_at} /> },
                  { title: t("access.sessions_count"), numeric: true, cell: (user) => user.sessions },
                  {
                    title: t("common.edit"),
                    cell: (user) => (
                      <span className="row-acts">
                        <Button kind="ghost" onClick={() => setAsking({ what: "edit", user })} testId="user-edit">{t("common.edit")}</Button>
                        <Button kind="ghost" onClick={() => setAsking({ what: "password", user })}>{t("access.set_password")}</Button>
                        {user.sessions > 0 && <Button kind="ghost" onClick={() => setAsking({ what: "sessions", user })}>{t("access.end_sessions")}</Button>}
                      </span>
                    ),
                  },
                ]}
              />
            )}
          </Limited>
        )}
      </Ready>
      {asking?.what === "new" && <UserForm user={null} done={users.reload} close={close} />}
      {asking?.what === "edit" && <UserForm user={asking.user} done={users.reload} close={close} />}
      {asking?.what === "password" && <PasswordForm user={asking.user} done={users.reload} close={close} />}
      {asking?.what === "sessions" && (
        <Confirm title={t("access.end_sessions")} yes={t("access.end_sessions")} danger act={() => post(path`/users/${asking.user.id}/sign_out`).then(users.reload)} close={close}>
          <p>{t("access.end_sessions_text", { id: asking.user.id })}</p>
        </Confirm>
      )}
    </Card>
  );
}

function UserState({ user }: { user: User }) {
  const { t } = useWords();
  if (user.disabled) return <Chip tone="warn">{t("access.disabled")}</Chip>;
  return user.has_password ? <Chip tone="good">{t("access.enabled")}</Chip> : <span className="muted">{t("access.no_password")}</span>;
}

interface FormProps {
  done: () => void;
  close: () => void;
}

function UserForm({ user, done, close }: FormProps & { user: User | null }) {
  const { t, word } = useWords();
  const [id, setId] = useState(user?.id ?? "");
  const [name, setName] = useState(user?.name ?? "");
  const [email, setEmail] = useState(user?.email ?? "");
  const [role, setRole] = useState(user?.role ?? "viewer");
  const [password, setPassword] = useState("");
  const [disabled, setDisabled] = useState(user?.disabled ?? false);
  const act = () =>
    user === null ? post("/users", { id: id.trim(), name, email, role, ...(password === "" ? {} : { password }) }) : post(path`/users/${user.id}`, { name, email, role, disabled });
  return (
    <Confirm title={user === null ? t("access.user_new") : t("access.user_edit", { id: user.id })} yes={t("common.save")} act={() => act().then(done)} close={close}>
      {user === null && <TextField label={t("access.user_id")} value={id} onChange={setId} required autoFocus testId="user-id" />}
      <TextField label={t("common.name")} value={name} onChange={setName} />
      <TextField label={t("common.email")} type="email" value={email} onChange={setEmail} />
      <Select label={t("common.role")} value={role} onChange={setRole} options={kRoles.map((value) => ({ value: value as string, text: word("role", value) }))} testId="user-role" />
      {user === null ? (
        <TextField label={t("sign_in.password")} type="password" autoComplete="new-password" value={password} onChange={setPassword} />
      ) : (
        <Check label={t("access.disable")} value={disabled} onChange={setDisabled} />
      )}
    </Confirm>
  );
}

function PasswordForm({ user, done, close }: FormProps & { user: User }) {
  const { t } = useWords();
  const [password, setPassword] = useState("");
  return (
    <Confirm title={`${t("access.set_password")}: ${user.id}`} yes={t("access.set_password")} danger act={() => post(path`/users/${user.id}/password`, { password }).then(done)} close={close}>
      <TextField label={t("access.password_new")} type="password" autoComplete="new-password" value={password} onChange={setPassword} hint={t("access.set_password_hint")} autoFocus />
    </Confirm>
  );
}
