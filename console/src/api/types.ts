// The API's values as JSON carries them: src/model/*.h written in TypeScript, member for member.
//
// Form        Times are RFC 3339 in UTC. A member the model holds as std::optional is absent when empty.
// Source      src/model/{alert,incident,operations,service}.h and the OpenAPI document of app.

import type { Handling, IncidentLink, IncidentRole, IncidentTask, PromiseClock, RecoveryCheck, Revision, WarRoom } from "./handling";

export type Time = string;
export type Labels = Record<string, string>;
export type RankWord = "critical" | "high" | "warning" | "low"; // rank 1 to 4

export interface Evidence {
  query: string;
  value: string;
  threshold: string;
  window: string;
  source: string;
  otherwise: string;
}

export type AlertState = "pending" | "firing" | "resolved";

export interface Alert {
  labels: Labels;
  annotations: Labels;
  state: AlertState;
  active_at: Time;
  fired_at?: Time;
  resolved_at?: Time;
  value: number | string; // a value JSON cannot write (NaN, +Inf) is its text
  evidence: Evidence;
}

export interface TimelineEntry {
  at: Time;
  kind: string;
  text: string;
  actor: string;
  evidence?: Evidence;
  source_seq: number;
  id?: string;
  pinned?: boolean;
  revisions?: Revision[];
}

export interface IncidentAlert {
  fingerprint: string;
  labels: Labels;
  state: AlertState;
}

export type IncidentState = "open" | "acknowledged" | "mitigated" | "resolved";

export interface Incident {
  id: string;
  title: string;
  service: string;
  group: Labels;
  rank: RankWord;
  scheme: string;
  state: IncidentState;
  drill: boolean;
  started_at: Time;
  opened_at: Time;
  acknowledged_at?: Time;
  acknowledged_by: string;
  mitigated_at?: Time;
  resolved_at?: Time;
  resolved_by: string;
  alerts: IncidentAlert[];
  timeline?: TimelineEntry[]; // absent in lists
  previous: string;
  phase?: string;
  source?: string;
  started_source?: string;
  level_names?: string[];
  extent?: string;
  user_impact?: string;
  ticket?: string;
  confirmed_at?: Time;
  confirmed_by?: string;
  recovery_started_at?: Time;
  expected_recovery_at?: Time;
  next_update_at?: Time;
  clocks?: PromiseClock[];
  roles?: IncidentRole[];
  tasks?: IncidentTask[];
  handling?: Handling;
  checks?: RecoveryCheck[];
  links?: IncidentLink[];
  war_room?: WarRoom;
  merged_into?: string;
  closed_at?: Time;
  closed_by?: string;
}

export type NotificationState = "pending" | "delivered" | "failed";

export interface Notification {
  id: string;
  incident: string;
  receiver: string;
  kind: string;
  event: string;
  state: NotificationState;
  attempts: number;
  detail: string;
  created_at: Time;
  delivered_at?: Time;
}

export type InstanceState = "starting" | "ready" | "unready" | "stopping" | "exited" | "failed";

export interface Instance {
  id: string;
  service: string;
  version: string;
  index: number;
  address: string;
  admin_address: string;
  pid: number;
  state: InstanceState;
  restarts: number;
  detail: string;
  since: Time;
}

export type RemedyState =
  | "planned"
  | "running"
  | "done"
  | "verified"
  | "not_helped"
  | "failed"
  | "refused"
  | "escalated";

export interface RemedyStep {
  name: string;
  ok: boolean;
  detail: string;
  at: Time;
}

export interface Remedy {
  id: string;
  fault_id: string;
  service: string;
  name: string;
  target: string;
  attempt: number;
  state: RemedyState;
  reason: string;
  steps: RemedyStep[];
  planned_at: Time;
  finished_at?: Time;
  verified_at?: Time;
  evidence: Evidence;
}

export type DrillState = "injecting" | "waiting" | "restoring" | "passed" | "failed" | "aborted";

export interface Drill {
  id: string;
  name: string;
  service: string;
  state: DrillState;
  target: string;
  started_by: string;
  started_at: Time;
  injected_at?: Time;
  detected_at?: Time;
  acknowledged_at?: Time;
  repaired_at?: Time;
  closed_at?: Time;
  restored_at?: Time;
  requests: number;
  requests_lost: number;
  incident: string;
  verdict: string;
}

export interface DrillKind {
  name: string;
  title: string;
  what: string;
  expect: string;
}

export interface Automation {
  stopped: boolean;
  by: string;
  reason: string;
  at: Time;
}

export type Health = "healthy" | "degraded" | "down" | "unknown";

export interface Server {
  name: string;
  group: string;
  instance: string;
  address: string;
  status: string;
  weight: number;
  sessions: number;
  requests_total: number;
  errors_total: number;
}

export interface Traffic {
  kind: string;
  reachable: boolean;
  error: string;
  wanted_percent: Record<string, number>;
  effective_percent: Record<string, number>;
  servers: Server[];
}

export interface Signal {
  value: number | string | null;
  query: string;
}

export interface ServiceView {
  name: string;
  owner: string;
  tier: string;
  severity_scheme: string;
  supervised_only: boolean;
  health: Health;
  reasons: string[];
  instances: Instance[];
  traffic?: Traffic | null;
  signals: Record<string, Signal>;
  incidents: string[];
  alerts_firing: number;
  replicas_wanted: number;
  stable: string;
  versions: string[];
  depends_on: string[];
}

export interface RemedyRule {
  match: Labels;
  remedy: string;
  cooldown: string | number; // a duration's text, or seconds
  attempts_max: number;
  verify_within: string | number;
}

export interface ServiceDetail extends ServiceView {
  remedies: RemedyRule[];
}

export interface Overview {
  now: Time;
  automation: Automation;
  services: ServiceView[];
  incidents: Incident[];
}

export interface Session {
  signed_in: boolean;
  auth: "on" | "off";
  version: string;
  user: string;
  name?: string;
  role?: string;
  permissions?: string[];
  provider?: string; // the name of the other way to sign in; empty: none
}

export interface IncidentDetail {
  incident: Incident;
  remedies: Remedy[];
  notifications: Notification[];
}

export interface Drills {
  kinds: DrillKind[];
  active: Drill | null;
  runs: Drill[];
}

// What the event stream carries, by event name.
export interface TopicBodies {
  "alert.changed": Alert;
  "incident.changed": Incident;
  "instance.changed": Instance;
  "fault.changed": unknown;
  "remedy.changed": Remedy;
  "drill.changed": Drill;
  "notification.changed": Notification;
  "automation.changed": Automation;
}
// Topics of which the console only hears that there is news; what it is, it asks.
export const kSilentTopics = [
  "route.alert",
  "route.notification",
  "route.silence",
  "route.acknowledged",
  "route.drill",
  "page.changed",
  "escalation.changed",
  "words.draft",
  "words.sent",
  "postmortem.changed",
  "incident.war_room",
] as const;
export type SilentTopic = (typeof kSilentTopics)[number];
export type Topic = keyof TopicBodies | SilentTopic;
export const kTopics: readonly (keyof TopicBodies)[] = [
  "alert.changed",
  "incident.changed",
  "instance.changed",
  "fault.changed",
  "remedy.changed",
  "drill.changed",
  "notification.changed",
  "automation.changed",
];
