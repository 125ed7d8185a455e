// Long lists stay fast: so many are drawn, the rest on request; what is folded is drawn when it is opened.
import { useState } from "react";
import type { ReactNode } from "react";
import { useWords } from "../i18n/i18n";
import { formatCount } from "../i18n/quantities";
import { Button } from "./pieces";

export function Limited<T>({ items, first = 50, step = 200, children }: { items: readonly T[]; first?: number; step?: number; children: (shown: readonly T[]) => ReactNode }) {
  const { t } = useWords();
  const [limit, setLimit] = useState(first);
  const rest = items.length - limit;
  return (
    <>
      {children(rest > 0 ? items.slice(0, limit) : items)}
      {rest > 0 && (
        <p className="more">
          <span className="muted">{t("common.shown", { shown: formatCount(limit), all: formatCount(items.length) })}</span>
          <Button kind="ghost" onClick={() => setLimit(limit + step)} testId="show-more">
            {t("common.show_more", { count: formatCount(Math.min(step, rest)) })}
          </Button>
        </p>
      )}
    </>
  );
}

export function Fold({ summary, children, open = false, testId }: { summary: ReactNode; children: () => ReactNode; open?: boolean; testId?: string }) {
  const [opened, setOpened] = useState(open);
  return (
    <details className="fold" open={opened} onToggle={(event) => setOpened(event.currentTarget.open)} data-testid={testId}>
      <summary>{summary}</summary>
      {opened && children()}
    </details>
  );
}
