// State in colour, shape and words at once; nobody has to tell red from green at three in the morning.
import type { ReactNode } from "react";
import type { AlertState, DrillState, Health, IncidentState, InstanceState, NotificationState, RankWord, RemedyState } from "../api/types";
import { useWords } from "../i18n/i18n";
import { Icon } from "./Icon";
import type { IconName } from "./Icon";

export type Tone = "good" | "warn" | "bad" | "info" | "quiet";

const kShapes: Record<Tone, IconName> = {
  good: "check",
  warn: "incident",
  bad: "cross",
  info: "clock",
  quiet: "question",
};

interface ChipProps {
  tone: Tone;
  children: ReactNode;
  icon?: IconName | null;
  large?: boolean;
  testId?: string;
  title?: string;
}

export function Chip({ tone, children, icon = kShapes[tone], large = false, testId, title }: ChipProps) {
  return (
    <span className={`chip chip-${tone}${large ? " chip-large" : ""}`} data-testid={testId} title={title}>
      {icon && <Icon name={icon} size={large ? 18 : 15} />}
      <span>{children}</span>
    </span>
  );
}

export const kHealthTone: Record<Health, Tone> = { healthy: "good", degraded: "warn", down: "bad", unknown: "quiet" };
const kIncidentTone: Record<IncidentState, Tone> = { open: "bad", acknowledged: "warn", mitigated: "info", resolved: "good" };
const kInstanceTone: Record<InstanceState, Tone> = {
  starting: "info",
  ready: "good",
  unready: "warn",
  stopping: "info",
  exited: "bad",
  failed: "bad",
};
const kAlertTone: Record<AlertState, Tone> = { pending: "warn", firing: "bad", resolved: "good" };
const kRemedyTone: Record<RemedyState, Tone> = {
  planned: "info",
  running: "info",
  done: "info",
  verified: "good",
  not_helped: "warn",
  failed: "bad",
  refused: "warn",
  escalated: "bad",
};
const kDrillTone: Record<DrillState, Tone> = {
  injecting: "info",
  waiting: "info",
  restoring: "info",
  passed: "good",
  failed: "bad",
  aborted: "warn",
};
const kNoticeTone: Record<NotificationState, Tone> = { pending: "info", delivered: "good", failed: "bad" };
const kRankTone: Record<RankWord, Tone> = { critical: "bad", high: "bad", warning: "warn", low: "quiet" };

// A state a newer server may know and we do not is shown in its own word, in quiet colour.
function toned<K extends string>(tones: Record<K, Tone>, state: string): Tone {
  return state in tones ? tones[state as K] : "quiet";
}

export function HealthChip({ health, testId, large = true }: { health: Health; testId?: string; large?: boolean }) {
  const { word } = useWords();
  return (
    <Chip tone={toned(kHealthTone, health)} large={large} {...(testId ? { testId } : {})}>
      {word("health", health)}
    </Chip>
  );
}

const kTonesBySubject = {
  incident_state: kIncidentTone,
  instance_state: kInstanceTone,
  alert_state: kAlertTone,
  remedy_state: kRemedyTone,
  drill_state: kDrillTone,
  notification_state: kNoticeTone,
} as const;

export function StateChip({ of, state, large = false, testId }: { of: keyof typeof kTonesBySubject; state: string; large?: boolean; testId?: string }) {
  const { word } = useWords();
  return (
    <Chip tone={toned<string>(kTonesBySubject[of], state)} large={large} {...(testId ? { testId } : {})}>
      {word(of, state)}
    </Chip>
  );
}

const kRankIndex: Record<RankWord, number> = { critical: 0, high: 1, warning: 2, low: 3 };

// Scheme A calls the ranks P1..P4, B P0..P3; an incident of a configured scheme carries its names.
export function severityName(rank: RankWord, scheme: string): string {
  const index = kRankIndex[rank];
  if (scheme === "A") return `P${index + 1}`;
  if (scheme === "B") return `P${index}`;
  return "";
}

export function SeverityChip({ rank, scheme, names, large = false, titled = false }: {
  rank: RankWord;
  scheme: string;
  names?: string[] | undefined; // of a configured scheme, the worst first
  large?: boolean;
  titled?: boolean;
}) {
  const { word } = useWords();
  const name = names?.[kRankIndex[rank]] ?? severityName(rank, scheme);
  const title = severityName(rank, scheme) ? word(`severity_${scheme}`, rank) : word("rank", rank);
  return (
    <Chip tone={toned(kRankTone, rank)} icon={null} large={large} title={title} testId="severity">
      <strong>{name || title}</strong>
      {titled && name && <span className="chip-more"> {title}</span>}
    </Chip>
  );
}
