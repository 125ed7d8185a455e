// One dialog for everything that changes a service: says what will happen, may ask for words, waits for
// the server's answer, and shows a refusal where the question was asked.
import { useEffect, useId, useRef, useState } from "react";
import type { FormEvent, ReactNode } from "react";
import { ApiError } from "../api/client";
import { useWords } from "../i18n/i18n";
import { Button } from "./pieces";

interface ConfirmProps {
  title: string;
  children?: ReactNode;
  yes: string; // the act in its own words: "Restart", never "OK"
  danger?: boolean;
  wide?: boolean;
  act: () => Promise<unknown>;
  close: () => void;
}

export function Confirm({ title, children, yes, danger = false, wide = false, act, close }: ConfirmProps) {
  const { t } = useWords();
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);

  useEffect(() => {
    const shown = dialog.current;
    shown?.showModal(); // the browser keeps focus inside and gives it back afterwards
    return () => shown?.close();
  }, []);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      await act();
      close();
    } catch (error) {
      setBusy(false);
      setProblem(error instanceof ApiError && error.unreachable ? t("failed.unreachable") : String((error as Error).message));
    }
  };

  return (
    <dialog ref={dialog} className={wide ? "dialog dialog-wide" : "dialog"} aria-labelledby={heading} onCancel={(event) => { event.preventDefault(); close(); }} data-testid="confirm">
      <form onSubmit={submit}>
        <h2 id={heading}>{title}</h2>
        <div className="dialog-body">{children}</div>
        {problem && (
          <p className="problem" role="alert" data-testid="confirm-problem">
            {problem}
          </p>
        )}
        <div className="dialog-acts">
          <Button onClick={close} testId="confirm-no">
            {t("cancel")}
          </Button>
          <Button type="submit" kind={danger ? "danger" : "main"} disabled={busy} testId="confirm-yes">
            {busy ? t("working") : yes}
          </Button>
        </div>
      </form>
    </dialog>
  );
}
