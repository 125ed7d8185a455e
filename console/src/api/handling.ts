// What an incident carries beside its life: src/model/incident_record.h in TypeScript.
import type { Time } from "./types";

export interface Revision {
  at: Time;
  by: string;
  why: string;
  was_at: Time;
  was_text: string;
}

// A promise of the severity scheme: response, recovery_begins, resolution.
export interface PromiseClock {
  kind: string;
  due_at: Time;
  met_at?: Time;
  breached_at?: Time;
}

export interface IncidentRole {
  role: string;
  person: string;
  backup: string;
  since: Time;
  by: string;
  answer_by?: Time;
  backup_told_at?: Time;
}

export interface IncidentTask {
  id: string;
  kind: string; // task, checklist, summary, knowledge, improvement
  key: string;
  title: string;
  category: string;
  owner: string;
  due_at?: Time;
  state: string; // open, done, dropped
  created_at: Time;
  created_by: string;
  done_at?: Time;
  done_by: string;
  note: string;
}

export interface IncidentAct {
  axis: string;
  at: Time;
  by: string;
  text: string;
}

export interface Handling {
  root_cause: string;
  temporary_fix: string;
  permanent_fix: string;
  acts: IncidentAct[];
}

export interface RecoveryCheck {
  name: string;
  at: Time;
  by: string;
  note: string;
}

export interface IncidentLink {
  kind: string;
  incident: string;
  at: Time;
  by: string;
}

export interface WarRoom {
  name: string;
  state: string; // wanted, open, failed
  id: string;
  detail: string;
}

export interface Level {
  name: string;
  rank: number;
  title: string;
  title_zh: string;
  extent: string;
  extent_zh: string;
  immediate: boolean;
  next_working_day: boolean;
  respond_within_seconds?: number;
  resolve_within_seconds?: number;
  recovery_begins_within_seconds?: number;
  update_every_seconds?: number;
}

export interface Scheme {
  name: string;
  levels: Level[];
}

export interface Draft {
  id: string;
  incident: string;
  text: string;
  language: string;
  audience: string;
  subject: string;
  body: string;
  state: string; // draft, approved, rejected, sent
  created_at: Time;
  written_by: string;
  approved_by: string;
  approved_at?: Time;
  sent_by: string;
  sent_at?: Time;
  receivers: string[];
  note: string;
}

export interface Text {
  name: string;
  language: string;
  audience: string;
  subject: string;
  body: string;
  edited: boolean;
  edited_by: string;
  fields: string[];
}
