// The public status page, for those who publish: src/app/api/status_api.cc in TypeScript.
import type { Time } from "./types";

export const kComponentStates = ["operational", "under_maintenance", "degraded_performance", "partial_outage", "major_outage"] as const;
export const kIncidentStates = ["investigating", "identified", "monitoring", "resolved"] as const;
export const kMaintenanceStates = ["scheduled", "in_progress", "verifying", "completed"] as const;
export const kImpacts = ["none", "minor", "major", "critical"] as const;

export interface Component {
  id: string;
  name: string;
  group: string;
  service: string;
}

export interface Affected {
  id: string;
  status: string;
}

export interface Update {
  id: string;
  at: Time;
  status: string;
  body: string;
  by: string;
  draft: boolean;
  components: Affected[];
}

export interface Post {
  id: string;
  kind: "incident" | "maintenance";
  incident: string;
  name: string;
  impact: string;
  created_at: Time;
  published_at?: Time;
  scheduled_for?: Time;
  scheduled_until?: Time;
  updates: Update[];
}

export interface StatusDesk {
  configured: boolean;
  title: string;
  url: string;
  components: Component[];
  posts: Post[];
  subscribers: number;
}
