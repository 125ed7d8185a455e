// What the console knows right now, and how each piece of news changes it.
//
// Purpose     A pure reducer: the stream's events, the polls' answers and their failures come in, the
//             next state goes out. Pages read the state; nothing else keeps server data for the whole console.
// Freshness   Data is fresh while the stream is open, the last call was answered, and the last word from
//             the server is younger than kFreshForMs. Otherwise the banner says since when it is old.
// Order       Within one connection events come by rising seq; a repeated one is ignored. A new connection
//             starts the count anew, because a restored server may count from elsewhere.
import type { Automation, Incident, Instance, Overview, Topic, TopicBodies } from "../api/types";

export const kFreshForMs = 8_000;

export type Stream = "connecting" | "open" | "lost";

export interface Connection {
  stream: Stream;
  reachable: boolean; // the last call got an answer
  asOf: number | null; // browser's clock, ms: when the server last said anything
  opened: number; // how many times the stream has opened; a page reloads when this grows
}

export interface LiveState {
  overview: Overview | null;
  skewMs: number; // server's clock minus the browser's
  connection: Connection;
  lastSeq: number;
  revisions: Partial<Record<Topic, number>>; // grows with every event of a topic
}

export const kInitialLive: LiveState = {
  overview: null,
  skewMs: 0,
  connection: { stream: "connecting", reachable: true, asOf: null, opened: 0 },
  lastSeq: 0,
  revisions: {},
};

export type News =
  | { type: "stream_opened"; at: number }
  | { type: "stream_lost" }
  | { type: "event"; topic: keyof TopicBodies; seq: number; body: unknown; at: number }
  | { type: "heard"; topics: Topic[]; at: number }
  | { type: "overview"; overview: Overview; at: number }
  | { type: "answered"; at: number }
  | { type: "unreachable" };

export function reduce(state: LiveState, news: News): LiveState {
  switch (news.type) {
    case "stream_opened":
      return {
        ...state,
        lastSeq: 0,
        connection: { ...state.connection, stream: "open", asOf: news.at, opened: state.connection.opened + 1 },
      };
    case "stream_lost":
      return { ...state, connection: { ...state.connection, stream: "lost" } };
    case "answered":
      return { ...state, connection: { ...state.connection, reachable: true, asOf: news.at } };
    case "unreachable":
      return { ...state, connection: { ...state.connection, reachable: false } };
    case "overview":
      return {
        ...state,
        overview: news.overview,
        skewMs: Date.parse(news.overview.now) - news.at || 0,
        connection: { ...state.connection, reachable: true, asOf: news.at },
      };
    case "heard":
      return {
        ...state,
        connection: { ...state.connection, asOf: news.at },
        revisions: news.topics.reduce((all, topic) => ({ ...all, [topic]: (all[topic] ?? 0) + 1 }), state.revisions),
      };
    case "event":
      return applyEvent(state, news);
  }
}

function applyEvent(state: LiveState, news: Extract<News, { type: "event" }>): LiveState {
  if (news.seq > 0 && news.seq <= state.lastSeq) return state;
  return {
    ...state,
    lastSeq: Math.max(state.lastSeq, news.seq),
    connection: { ...state.connection, asOf: news.at },
    revisions: { ...state.revisions, [news.topic]: (state.revisions[news.topic] ?? 0) + 1 },
    overview: state.overview && patched(state.overview, news.topic, news.body),
  };
}

// Only what the event itself proves is changed at once; health and reasons follow with the next overview.
function patched(overview: Overview, topic: Topic, body: unknown): Overview {
  switch (topic) {
    case "instance.changed":
      return withInstance(overview, body as Instance);
    case "incident.changed":
      return withIncident(overview, body as Incident);
    case "automation.changed":
      return { ...overview, automation: body as Automation };
    default:
      return overview;
  }
}

function withInstance(overview: Overview, instance: Instance): Overview {
  return {
    ...overview,
    services: overview.services.map((service) =>
      service.name !== instance.service
        ? service
        : { ...service, instances: service.instances.map((one) => (one.id === instance.id ? instance : one)) },
    ),
  };
}

function withIncident(overview: Overview, incident: Incident): Overview {
  const { timeline: _, ...listed } = incident;
  const others = overview.incidents.filter((one) => one.id !== incident.id);
  const incidents = incident.state === "resolved" ? others : [listed, ...others];
  incidents.sort((a, b) => Date.parse(b.opened_at) - Date.parse(a.opened_at));
  return { ...overview, incidents };
}

export type Freshness = "starting" | "fresh" | "stale";

export function freshness(connection: Connection, nowMs: number): Freshness {
  if (connection.asOf === null) {
    return connection.reachable && connection.stream !== "lost" ? "starting" : "stale";
  }
  if (connection.stream === "connecting" && connection.opened === 0 && connection.reachable) return "starting";
  const young = nowMs - connection.asOf < kFreshForMs;
  return connection.stream === "open" && connection.reachable && young ? "fresh" : "stale";
}
