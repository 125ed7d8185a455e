// Users, tokens, sessions and the audit log: src/app/api/access_api.cc in TypeScript.
import type { Time } from "./types";

export const kRoles = ["viewer", "auditor", "responder", "operator", "admin"] as const;
export const kScopes = ["read", "audit", "respond", "send", "operate", "configure", "administer"] as const;

export interface User {
  id: string;
  name: string;
  email: string;
  role: string;
  grants: { services: string[]; role: string }[];
  source: string;
  disabled: boolean;
  has_password: boolean;
  created_at: Time | null;
  signed_in_at: Time | null;
  sessions: number;
}

export interface Token {
  id: string;
  name: string;
  user: string;
  scopes: string[];
  services: string[];
  created_by: string;
  created_at: Time | null;
  expires_at: Time | null;
  used_at: Time | null;
  used_from: string;
  token?: string; // in the answer of its making alone
}

export interface SessionRow {
  how: string;
  address: string;
  user_agent: string;
  created_at: Time | null;
  used_at: Time | null;
}

export interface AuditRecord {
  timestamp: Time;
  user_id: string;
  action: string;
  resource: string;
  result: string;
  ip_address: string;
  user_agent: string;
  additional_info: { seq: number; count: number; via?: string; method?: string; path?: string; class?: string; service?: string; status?: number };
}

export interface Contacts {
  hotline: string;
  hotline_dialled: string;
  support_mail: string;
  emergency_mail: string;
  team: { name: string; role: string; phone: string; email: string; slack: string; duties: string }[];
  vendors: { provider: string; contact: string; phone: string; email: string; service: string }[];
  channels: { purpose: string; name: string }[];
  roles: { role: string; person: string; backup: string; service: string; when_about: string }[];
}
