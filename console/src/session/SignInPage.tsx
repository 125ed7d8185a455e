// By the admin token or an API token; by user and password; or by the company's own provider, where there is one.
import { useEffect, useState } from "react";
import type { FormEvent } from "react";
import { ApiError, kApi } from "../api/client";
import { useWords } from "../i18n/i18n";
import { LanguageToggle, ThemeToggle } from "../shell/toggles";
import { Anchor } from "../ui/Icon";
import { Button, Choice } from "../ui/pieces";
import { recall, remember } from "../ui/remembered";
import type { Credentials } from "./session";

type Way = "token" | "password";

export function SignInPage({ signIn, provider }: { signIn: (credentials: Credentials) => Promise<void>; provider: string }) {
  const { t } = useWords();
  const [way, setWay] = useState<Way>(() => (recall("sign_in") === "password" ? "password" : "token"));
  const [token, setToken] = useState("");
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    document.title = `${t("sign_in.title")} · Holdfast`;
  }, [t]);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    remember("sign_in", way);
    try {
      await signIn(way === "token" ? { token: token.trim() } : { user: user.trim(), password });
    } catch (error) {
      const { status, unreachable, message } = error as ApiError;
      const refused = way === "token" ? t("sign_in.refused") : t("sign_in.refused_password");
      setProblem(unreachable ? t("failed.unreachable") : status === 401 ? refused : message);
      setBusy(false);
    }
  };
  const ready = way === "token" ? token.trim() !== "" : user.trim() !== "" && password !== "";
  return (
    <main className="lone" data-testid="sign-in-page">
      <form className="card sign-in" onSubmit={submit}>
        <div className="brand brand-large">
          <Anchor size={44} />
          <h1>Holdfast</h1>
        </div>
        <Choice<Way>
          label={t("sign_in.way")}
          value={way}
          options={[
            { value: "token", text: t("sign_in.by_token") },
            { value: "password", text: t("sign_in.by_password") },
          ]}
          onChange={(chosen) => {
            setWay(chosen);
            setProblem(null);
          }}
          testId="sign-in-way"
        />
        {way === "token" ? (
          <Secret id="token" label={t("sign_in.token")} value={token} onChange={setToken} help={t("sign_in.help")} testId="sign-in-token" />
        ) : (
          <>
            <label htmlFor="user">{t("sign_in.user")}</label>
            <input id="user" name="user" autoComplete="username" spellCheck={false} autoFocus required value={user} onChange={(event) => setUser(event.target.value)} data-testid="sign-in-user" />
            <Secret id="password" label={t("sign_in.password")} value={password} onChange={setPassword} testId="sign-in-password" />
          </>
        )}
        {problem && (
          <p className="problem" role="alert" data-testid="sign-in-problem">
            {problem}
          </p>
        )}
        <Button type="submit" kind="main" disabled={busy || !ready} testId="sign-in-submit">
          {busy ? t("working") : t("sign_in.submit")}
        </Button>
        {provider !== "" && (
          <a className="button" href={`${kApi}/session/oidc`} data-testid="sign-in-provider">
            {t("sign_in.provider", { name: provider })}
          </a>
        )}
        <div className="toggles">
          <LanguageToggle />
          <ThemeToggle />
        </div>
      </form>
    </main>
  );
}

function Secret({ id, label, value, onChange, help, testId }: { id: string; label: string; value: string; onChange: (value: string) => void; help?: string; testId: string }) {
  return (
    <>
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        name={id}
        type="password"
        autoComplete="current-password"
        spellCheck={false}
        autoFocus={id === "token"}
        required
        value={value}
        onChange={(event) => onChange(event.target.value)}
        aria-describedby={help ? `${id}-help` : undefined}
        data-testid={testId}
      />
      {help && (
        <p id={`${id}-help`} className="muted">
          {help}
        </p>
      )}
    </>
  );
}
