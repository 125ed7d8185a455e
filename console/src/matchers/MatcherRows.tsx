// Conditions as rows: label, operator, value; and as chips where they are only read.
import { useWords } from "../i18n/i18n";
import { Button } from "../ui/pieces";
import { matcherOf, opOf } from "./matchers";
import type { Matcher, Op } from "./matchers";

const kOps: Op[] = ["=", "!=", "=~", "!~"];

export function MatcherRows({ matchers, onChange }: { matchers: Matcher[]; onChange: (matchers: Matcher[]) => void }) {
  const { t } = useWords();
  const set = (index: number, changed: Matcher) => onChange(matchers.map((one, i) => (i === index ? changed : one)));
  return (
    <fieldset className="matcher-rows">
      <legend>{t("silences.matchers")}</legend>
      {matchers.map((matcher, i) => (
        <div key={i} className="matcher-row" data-testid="matcher-row">
          <input
            aria-label={t("silences.label")}
            placeholder={t("silences.label")}
            value={matcher.name}
            onChange={(event) => set(i, { ...matcher, name: event.target.value })}
            spellCheck={false}
            className="code"
            data-testid="matcher-name"
          />
          <select aria-label={t("silences.op")} value={opOf(matcher)} onChange={(event) => set(i, matcherOf(matcher.name, event.target.value as Op, matcher.value))} className="code">
            {kOps.map((op) => (
              <option key={op}>{op}</option>
            ))}
          </select>
          <input
            aria-label={t("silences.value")}
            placeholder={t("silences.value")}
            value={matcher.value}
            onChange={(event) => set(i, { ...matcher, value: event.target.value })}
            spellCheck={false}
            className="code"
            data-testid="matcher-value"
          />
          <Button
            kind="ghost"
            icon="cross"
            className="square"
            aria-label={t("silences.remove_matcher")}
            title={t("silences.remove_matcher")}
            disabled={matchers.length === 1}
            onClick={() => onChange(matchers.filter((_, index) => index !== i))}
          />
        </div>
      ))}
      <p className="row-head">
        <Button className="button-small" onClick={() => onChange([...matchers, matcherOf("", "=", "")])} testId="matcher-add">
          {t("silences.add_matcher")}
        </Button>
        <small className="hint">{t("silences.matchers_hint")}</small>
      </p>
    </fieldset>
  );
}

export function MatcherChips({ matchers }: { matchers: readonly Matcher[] }) {
  return (
    <ul className="labels">
      {matchers.map((one, i) => (
        <li key={i}>
          <span>{one.name}</span>
          <b>{opOf(one)}</b>
          {one.value === "" ? '""' : one.value}
        </li>
      ))}
    </ul>
  );
}
