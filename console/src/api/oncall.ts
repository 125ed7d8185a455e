// Who is on call: src/app/api/oncall_api.cc in TypeScript.
import type { Time } from "./types";

export interface OnCallPerson {
  id: string;
  name: string;
  role: string;
  phone: string;
  email: string;
  slack: string;
}

export interface OnCallNow {
  schedule: string;
  title: string;
  zone: string;
  people: OnCallPerson[];
  until: Time | null;
  source: string;
}

export interface Hole {
  from: Time;
  to: Time;
}

export interface ScheduleView {
  name: string;
  title: string;
  zone: string;
  roles: string[];
  layers: string[];
  quality: { score: number; covered: number; balance: number; hours: Record<string, number>; overloaded: Record<string, number> };
  gaps: Hole[];
}

export interface Shift {
  id: string;
  from: Time;
  to: Time;
  users: string[];
  source: string; // a layer's name, or "override"
  level: number;
  instead_of: string[];
}

export interface Override {
  id: string;
  schedule: string;
  from: Time;
  to: Time;
  users: string[];
  role: string;
  by: string;
  reason: string;
  made_at: Time;
}

export interface Swap {
  id: string;
  schedule: string;
  from: Time;
  to: Time;
  person: string;
  taker: string;
  by: string;
  reason: string;
  made_at: Time;
}

export interface Changes {
  overrides: Override[];
  swaps: Swap[];
}

export interface Finding {
  severity: string; // broken, weak
  what: string; // schedule, policy, person
  name: string;
  text: string;
  person: string;
  step?: number;
  minute?: number;
  from?: Time;
  to?: Time;
}

export interface Page {
  id: string;
  incident: string;
  person: string;
  urgency: string;
  method: { name: string; kind: string; target: string };
  why: string;
  step: number;
  state: string;
  attempts: number;
  detail: string;
  decided_at: Time;
  due_at: Time;
  text: string;
}

export interface Escalation {
  incident: string;
  policy: string;
  state: string; // active, held, exhausted, ended
  round: number;
  step: number;
  next_at?: Time;
  held_by: string;
  started_at: Time;
  ended_at?: Time;
  late: string[]; // ids of pages that missed their deadline
  pages: Page[];
}
