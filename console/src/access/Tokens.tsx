// API tokens: made for a purpose, shown once, revoked at once.
import { useState } from "react";
import { path, post, remove } from "../api/client";
import { kScopes } from "../api/access";
import type { Token } from "../api/access";
import { useWords } from "../i18n/i18n";
import { useResource } from "../live/live";
import { useMay, useSession } from "../session/session";
import { Confirm } from "../ui/Confirm";
import { Check, TextField } from "../ui/forms";
import { Limited } from "../ui/lists";
import { Ago, Button, Card, Empty, Moment, Ready, Table } from "../ui/pieces";

export function Tokens() {
  const { t, word } = useWords();
  const mayMake = useMay("read");
  const [made, setMade] = useState<Token | null>(null);
  const [asking, setAsking] = useState<Token | "new" | null>(null);
  const tokens = useResource<{ tokens: Token[] }>("/tokens", { everyMs: 30_000 });
  return (
    <Card
      title={t("access.tokens")}
      aside={
        mayMake ? (
          <Button className="button-small" kind="main" icon="key" onClick={() => setAsking("new")} testId="token-new">
            {t("access.token_new")}
          </Button>
        ) : undefined
      }
      testId="tokens"
    >
      {made?.token && <Made token={made.token} />}
      <Ready of={tokens}>
        {(data) =>
          data.tokens.length === 0 ? (
            <Empty icon="key" title={t("access.no_tokens")} />
          ) : (
            <Limited items={data.tokens} first={100}>
              {(some) => (
                <Table
                  caption={t("access.tokens")}
                  rows={[...some]}
                  rowKey={(token) => token.id}
                  rowTestId={() => "token-row"}
                  columns={[
                    { title: t("access.token_name"), head: true, cell: (token) => token.name },
                    { title: t("access.token_of"), cell: (token) => token.user },
                    { title: t("access.scopes"), cell: (token) => (token.scopes.length === 0 ? t("common.all") : token.scopes.map((one) => word("scope", one)).join(", ")) },
                    { title: t("access.services"), cell: (token) => (token.services.length === 0 ? t("common.all") : token.services.join(", ")) },
                    { title: t("access.expires"), cell: (token) => (token.expires_at ? <Moment time={token.expires_at} /> : t("access.never")) },
                    {
                      title: t("access.used"),
                      cell: (token) => (
                        <>
                          <Ago time={token.used_at} /> {token.used_from && <span className="muted">{token.used_from}</span>}
                        </>
                      ),
                    },
                    {
                      title: t("access.revoke"),
                      cell: (token) => (
                        <Button kind="ghost" onClick={() => setAsking(token)} testId="token-revoke">
                          {t("access.revoke")}
                        </Button>
                      ),
                    },
                  ]}
                />
              )}
            </Limited>
          )
        }
      </Ready>
      {asking === "new" && (
        <TokenForm
          made={(token) => {
            setMade(token);
            tokens.reload();
          }}
          close={() => setAsking(null)}
        />
      )}
      {asking !== null && asking !== "new" && (
        <Confirm title={t("access.revoke_title", { name: asking.name })} yes={t("access.revoke")} danger act={() => remove(path`/tokens/${asking.id}`).then(tokens.reload)} close={() => setAsking(null)}>
          <p>{t("access.revoke_text")}</p>
        </Confirm>
      )}
    </Card>
  );
}

function Made({ token }: { token: string }) {
  const { t } = useWords();
  const [copied, setCopied] = useState(false);
  return (
    <div className="pre" role="status" data-testid="token-made">
      <p>{t("access.token_made")}</p>
      <p className="row-head">
        <code>{token}</code>
        <Button className="button-small" onClick={() => void navigator.clipboard?.writeText(token).then(() => setCopied(true))}>
          {t(copied ? "access.copied" : "access.copy")}
        </Button>
      </p>
    </div>
  );
}

function TokenForm({ made, close }: { made: (token: Token) => void; close: () => void }) {
  const { t, word } = useWords();
  const { session } = useSession();
  const administers = useMay("administer");
  const [name, setName] = useState("");
  const [user, setUser] = useState("");
  const [scopes, setScopes] = useState<string[]>([]);
  const [services, setServices] = useState("");
  const [life, setLife] = useState("90d");
  const body = {
    name: name.trim(),
    scopes,
    services: services.split(/[,，\s]+/).filter((one) => one !== ""),
    ...(user.trim() === "" ? {} : { user: user.trim() }),
    ...(life.trim() === "" ? {} : { expires_in: life.trim() }),
  };
  return (
    <Confirm title={t("access.token_new")} yes={t("access.token_new")} act={() => post<Token>("/tokens", body).then(made)} close={close}>
      <TextField label={t("access.token_name")} value={name} onChange={setName} required autoFocus testId="token-name" />
      {administers && <TextField label={t("access.token_of")} value={user} onChange={setUser} placeholder={session.user} />}
      <fieldset className="checks">
        <legend>{t("access.scopes")}</legend>
        {kScopes.map((scope) => (
          <Check key={scope} label={word("scope", scope)} value={scopes.includes(scope)} onChange={(on) => setScopes(on ? [...scopes, scope] : scopes.filter((one) => one !== scope))} />
        ))}
      </fieldset>
      <small className="hint">{t("access.scopes_hint")}</small>
      <TextField label={t("access.services")} value={services} onChange={setServices} hint={t("access.services_hint")} />
      <TextField label={t("access.expires_in")} value={life} onChange={setLife} hint={t("access.expires_hint")} />
    </Confirm>
  );
}
