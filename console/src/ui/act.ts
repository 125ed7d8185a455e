// A press that changes something: busy while it goes on, its refusal in words.
import { useCallback, useState } from "react";
import { ApiError } from "../api/client";
import { useWords } from "../i18n/i18n";

export interface Act {
  busy: boolean;
  problem: string | null;
  run: (act: () => Promise<unknown>) => Promise<boolean>; // whether it was done
}

export function useAct(): Act {
  const { t } = useWords();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const run = useCallback(
    async (act: () => Promise<unknown>) => {
      setBusy(true);
      setProblem(null);
      try {
        await act();
        return true;
      } catch (error) {
        setProblem(error instanceof ApiError && error.unreachable ? t("failed.unreachable") : String((error as Error).message));
        return false;
      } finally {
        setBusy(false);
      }
    },
    [t],
  );
  return { busy, problem, run };
}
