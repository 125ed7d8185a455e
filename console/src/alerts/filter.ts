// Which of the router's groups are shown, and in what state an alert is for a person who reads it.
import type { AlertGroup, RoutedAlert } from "../api/routing";
import { matchesAll } from "../matchers/matchers";
import type { Matcher } from "../matchers/matchers";

export const kAlertStates = ["active", "acknowledged", "silenced", "inhibited", "muted", "unprocessed"] as const;
export type RoutedState = (typeof kAlertStates)[number];

// The strongest reason for its being quiet; what is quiet for none is active.
export function stateOf(alert: RoutedAlert): RoutedState {
  const { status } = alert;
  if (status.silencedBy.length > 0) return "silenced";
  if (status.inhibitedBy.length > 0) return "inhibited";
  if (status.mutedBy.length > 0) return "muted";
  if (status.acknowledged) return "acknowledged";
  return status.state === "unprocessed" ? "unprocessed" : "active";
}

export interface AlertFilter {
  matchers: readonly Matcher[];
  states: readonly RoutedState[]; // none: all
  receiver: string; // empty: all
}

export function filterGroups(groups: readonly AlertGroup[], filter: AlertFilter): AlertGroup[] {
  const found: AlertGroup[] = [];
  for (const group of groups) {
    if (filter.receiver !== "" && group.receiver.name !== filter.receiver) continue;
    const alerts = group.alerts.filter(
      (alert) => matchesAll(alert.labels, filter.matchers) && (filter.states.length === 0 || filter.states.includes(stateOf(alert))),
    );
    if (alerts.length > 0) found.push(alerts.length === group.alerts.length ? group : { ...group, alerts });
  }
  return found;
}

export type Counts = Record<RoutedState, number>;

// An alert that goes to several receivers is in several groups and one alert.
export function countStates(groups: readonly AlertGroup[]): { alerts: number; states: Counts } {
  const states: Counts = { active: 0, acknowledged: 0, silenced: 0, inhibited: 0, muted: 0, unprocessed: 0 };
  const seen = new Set<string>();
  for (const group of groups) {
    for (const alert of group.alerts) {
      const state = stateOf(alert);
      const once = `${alert.fingerprint}/${state}`;
      if (seen.has(once)) continue;
      seen.add(once);
      states[state] += 1;
    }
  }
  return { alerts: new Set([...seen].map((once) => once.slice(0, once.indexOf("/")))).size, states };
}

const kRanks: Record<string, number> = { critical: 0, page: 0, p0: 0, p1: 0, error: 1, high: 1, p2: 1, warning: 2, medium: 2, p3: 2, info: 3, low: 3, none: 4 };
const rankOf = (group: AlertGroup) =>
  group.alerts.reduce((worst, alert) => (stateOf(alert) === "active" ? Math.min(worst, kRanks[(alert.labels["severity"] ?? "").toLowerCase()] ?? 2) : worst), 9);

// What is loud and bad first; what is quiet last; the server's order among equals.
export function loudestFirst(groups: readonly AlertGroup[]): AlertGroup[] {
  return groups
    .map((group, i) => ({ group, rank: rankOf(group), i }))
    .sort((a, b) => a.rank - b.rank || a.i - b.i)
    .map(({ group }) => group);
}

// The chips of the address: "active,muted".
export const statesOf = (text: string | null): RoutedState[] =>
  (text ?? "").split(",").filter((one): one is RoutedState => (kAlertStates as readonly string[]).includes(one));
