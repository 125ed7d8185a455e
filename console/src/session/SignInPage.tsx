import { useEffect, useState } from "react";
import type { FormEvent } from "react";
import { ApiError } from "../api/client";
import { useWords } from "../i18n/i18n";
import { LanguageToggle, ThemeToggle } from "../shell/toggles";
import { Anchor } from "../ui/Icon";
import { Button } from "../ui/pieces";

export function SignInPage({ signIn }: { signIn: (token: string) => Promise<void> }) {
  const { t } = useWords();
  const [token, setToken] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    document.title = `${t("sign_in.title")} · Holdfast`;
  }, [t]);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      await signIn(token.trim());
    } catch (error) {
      const { status, unreachable, message } = error as ApiError;
      setProblem(unreachable ? t("failed.unreachable") : status === 401 ? t("sign_in.refused") : message);
      setBusy(false);
    }
  };

  return (
    <main className="lone" data-testid="sign-in-page">
      <form className="card sign-in" onSubmit={submit}>
        <div className="brand brand-large">
          <Anchor size={44} />
          <h1>Holdfast</h1>
        </div>
        <label htmlFor="token">{t("sign_in.token")}</label>
        <input
          id="token"
          name="token"
          type="password"
          autoComplete="current-password"
          spellCheck={false}
          autoFocus
          required
          value={token}
          onChange={(event) => setToken(event.target.value)}
          aria-describedby="token-help"
          data-testid="sign-in-token"
        />
        <p id="token-help" className="muted">
          {t("sign_in.help")}
        </p>
        {problem && (
          <p className="problem" role="alert" data-testid="sign-in-problem">
            {problem}
          </p>
        )}
        <Button type="submit" kind="main" disabled={busy || token.trim() === ""} testId="sign-in-submit">
          {busy ? t("working") : t("sign_in.submit")}
        </Button>
        <div className="toggles">
          <LanguageToggle />
          <ThemeToggle />
        </div>
      </form>
    </main>
  );
}
