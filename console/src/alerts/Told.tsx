// What the router did about a group: each telling, its outcome, and what people said.
import type { HistoryItem } from "../api/routing";
import { useWords } from "../i18n/i18n";
import { formatCount } from "../i18n/quantities";
import { useResource } from "../live/live";
import { Chip } from "../ui/Chip";
import type { Tone } from "../ui/Chip";
import { Empty, Moment, Ready } from "../ui/pieces";

const kOutcomeTones: Record<string, Tone> = { decided: "info", delivered: "good", failed: "bad", held: "warn", cleared: "quiet", withdrawn: "quiet" };

const textOf = (value: unknown) => (typeof value === "string" ? value : "");

export function Told({ groupKey }: { groupKey: string }) {
  const { t } = useWords();
  const history = useResource<{ items: HistoryItem[] }>(`/routing/history?group_key=${encodeURIComponent(groupKey)}&limit=50`, {
    topics: ["route.notification", "route.acknowledged"],
    calmMs: 1_000,
  });
  return (
    <Ready of={history}>
      {({ items }) => (items.length === 0 ? <Empty icon="bell" title={t("alerts.told_nobody")} /> : <ToldList items={items} />)}
    </Ready>
  );
}

// A telling under way is one line, and its end another; once it has ended, only the end is news.
export function endsOnly(items: readonly HistoryItem[]): HistoryItem[] {
  const ended = new Set<string>();
  const of = (item: HistoryItem) => `${item.key} ${String(item.what["integration"])} ${String(item.what["transition"])}`;
  for (const item of items) if (["delivered", "failed"].includes(textOf(item.what["outcome"]))) ended.add(of(item));
  return items.filter((item) => item.what["outcome"] !== "decided" || !ended.has(of(item)));
}

export function ToldList({ items }: { items: readonly HistoryItem[] }) {
  return (
    <ul className="told" data-testid="told">
      {endsOnly(items).map((item) => (
        <ToldLine key={item.seq} item={item} />
      ))}
    </ul>
  );
}

function ToldLine({ item }: { item: HistoryItem }) {
  const { t, word } = useWords();
  const { what } = item;
  if (item.topic === "route.acknowledged") {
    const by = textOf(what["by"]);
    return (
      <li>
        <Moment time={item.at} /> <Chip tone="info" icon="person">{t(by ? "routed_state.acknowledged" : "alerts.withdraw")}</Chip> {by} {textOf(what["comment"])}
      </li>
    );
  }
  const outcome = textOf(what["outcome"]);
  const more = [
    textOf(what["reason"]),
    typeof what["attempts"] === "number" && what["attempts"] > 1 && t("told.attempts", { count: formatCount(what["attempts"]) }),
    textOf(what["in_place_of"]) && t("told.in_place_of", { name: textOf(what["in_place_of"]) }),
    textOf(what["detail"]),
    textOf(what["template_error"]) && t("told.template", { error: textOf(what["template_error"]) }),
  ].filter(Boolean);
  return (
    <li data-outcome={outcome}>
      <Moment time={item.at} /> <Chip tone={kOutcomeTones[outcome] ?? "quiet"}>{word("outcome", outcome)}</Chip> <b>{textOf(what["integration"])}</b>{" "}
      <span className="muted">{more.join(" · ")}</span>
    </li>
  );
}
