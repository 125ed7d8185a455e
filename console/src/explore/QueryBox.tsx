// The query box: Enter asks, Shift+Enter is a new line, arrows and Tab take a suggested name.
import { useEffect, useId, useRef, useState } from "react";
import type { KeyboardEvent } from "react";
import { metricNames } from "../api/prometheus";
import { useWords } from "../i18n/i18n";
import { Button } from "../ui/pieces";
import { suggestionsAt } from "./promql";
import type { Suggestion } from "./promql";

export function QueryBox({ query, ask }: { query: string; ask: (query: string) => void }) {
  const { t } = useWords();
  const [text, setText] = useState(query);
  const [metrics, setMetrics] = useState<string[]>([]);
  const [offered, setOffered] = useState<Suggestion[]>([]);
  const [chosen, setChosen] = useState(-1);
  const area = useRef<HTMLTextAreaElement>(null);
  const list = useId();

  useEffect(() => setText(query), [query]);
  useEffect(() => {
    metricNames().then(setMetrics, () => setMetrics([])); // without names the box still works
  }, []);

  const offer = (value: string, cursor: number) => {
    setOffered(suggestionsAt(value, cursor, metrics));
    setChosen(-1);
  };
  const take = (suggestion: Suggestion) => {
    const next = text.slice(0, suggestion.from) + suggestion.text + text.slice(suggestion.to);
    const cursor = suggestion.from + suggestion.text.length;
    setText(next);
    setOffered([]);
    requestAnimationFrame(() => {
      area.current?.focus();
      area.current?.setSelectionRange(cursor, cursor);
    });
  };
  const send = () => {
    setOffered([]);
    ask(text.trim());
  };
  const keys = (event: KeyboardEvent) => {
    if (offered.length > 0 && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      setChosen((chosen + step + offered.length + (chosen < 0 && step < 0 ? 1 : 0)) % offered.length);
    } else if (event.key === "Escape") {
      setOffered([]);
    } else if (offered.length > 0 && chosen >= 0 && (event.key === "Tab" || event.key === "Enter")) {
      event.preventDefault();
      take(offered[chosen]!);
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      send();
    }
  };

  return (
    <form className="query-box" onSubmit={(event) => { event.preventDefault(); send(); }}>
      <div className="query-area">
        <label className="visually-hidden" htmlFor={`${list}-query`}>
          {t("explore.query")}
        </label>
        <textarea
          id={`${list}-query`}
          ref={area}
          rows={Math.min(8, Math.max(2, text.split("\n").length))}
          value={text}
          spellCheck={false}
          autoCapitalize="off"
          placeholder="sum by (status) (rate(http_requests_total[30s]))"
          role="combobox"
          aria-autocomplete="list"
          aria-expanded={offered.length > 0}
          aria-controls={list}
          aria-activedescendant={chosen >= 0 ? `${list}-${chosen}` : undefined}
          onChange={(event) => {
            setText(event.target.value);
            offer(event.target.value, event.target.selectionStart);
          }}
          onKeyDown={keys}
          onBlur={() => setTimeout(() => setOffered([]), 150)}
          data-testid="explore-query"
        />
        {offered.length > 0 && (
          <ul className="suggestions" id={list} role="listbox" aria-label={t("explore.suggestions")}>
            {offered.map((suggestion, i) => (
              <li key={suggestion.text} id={`${list}-${i}`} role="option" aria-selected={i === chosen} onMouseDown={(event) => { event.preventDefault(); take(suggestion); }}>
                {suggestion.text}
              </li>
            ))}
          </ul>
        )}
      </div>
      <Button type="submit" kind="main" disabled={text.trim() === ""} testId="explore-run">
        {t("explore.run")}
      </Button>
    </form>
  );
}
