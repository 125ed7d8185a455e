// Alerts as the router holds them: src/app/api/{alertmanager_json,routing_api}.cc in TypeScript.
import type { Labels, Time } from "./types";

export interface AlertStatus {
  state: "active" | "suppressed" | "unprocessed";
  silencedBy: string[];
  inhibitedBy: string[]; // fingerprints
  mutedBy: string[]; // names of time intervals
  acknowledged?: boolean;
  flapping?: boolean;
}

export interface RoutedAlert {
  labels: Labels;
  annotations: Labels;
  fingerprint: string;
  generatorURL: string;
  startsAt: Time;
  endsAt: Time;
  updatedAt: Time;
  receivers: { name: string }[];
  status: AlertStatus;
}

export interface AlertGroup {
  key: string;
  labels: Labels;
  routeLabels: Labels;
  receiver: { name: string };
  alerts: RoutedAlert[];
  next_flush: Time;
  muted_by: string[];
}

export interface SilenceMatcher {
  name: string;
  value: string;
  isRegex: boolean;
  isEqual: boolean;
}

export interface Recurrence {
  rrule: string;
  zone: string;
  duration: string;
  except?: Time[];
}

export interface Silence {
  id: string;
  status: { state: "active" | "pending" | "expired" };
  updatedAt: Time;
  comment: string;
  createdBy: string;
  startsAt: Time;
  endsAt: Time;
  matchers: SilenceMatcher[];
  recurrence?: Recurrence;
}

export interface SilencePreview {
  hides: RoutedAlert[];
  refused: string;
  occurrences: Time[];
}

export interface HistoryItem {
  seq: number;
  at: Time;
  topic: string;
  key: string;
  what: Record<string, unknown>;
}

export interface Held {
  group_key: string;
  receiver: string;
  fingerprint: string;
  why: string;
  since: Time;
  count: number;
}

export interface ExplainTarget {
  receiver: string;
  route: string[]; // keys from the root
  group_key: string;
  told: boolean;
  why: string;
  next?: Time;
  integrations: string[];
}

export interface Explanation {
  at: Time;
  silenced_by: string[];
  inhibited_by: string[];
  targets: ExplainTarget[];
}

export interface FireDrill {
  id: string;
  receiver: string;
  by: string;
  note: string;
  started_at: Time;
  due_at: Time;
  state: string; // running, delivered, failed, acknowledged, overdue
  deliveries: string[];
  acknowledged_at?: Time;
  acknowledged_by: string;
}

export interface RouterStatus {
  config: { original: string };
  uptime: Time;
}
