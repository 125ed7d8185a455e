// Keeps the console live: one event stream and one poll of the overview, for all pages.
//
// Purpose     LiveProvider runs both; useLive reads the state; useResource reads any other address and
//             reads it again when an event of its topics arrives, on a beat, and after a reconnect.
// Waiting     The browser reconnects a broken stream by itself. When it gives up (the server refused), a
//             new one is made after 1 s, doubling to 15 s.
import { createContext, useCallback, useContext, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import type { ReactNode } from "react";
import { ApiError, call, get, kApi } from "../api/client";
import { kSilentTopics, kTopics } from "../api/types";
import type { Overview, SilentTopic, Topic, TopicBodies } from "../api/types";
import { freshness, kInitialLive, reduce } from "./reduce";
import type { Freshness, LiveState, News } from "./reduce";

const kOverviewEveryMs = 2_000;
const kRetryMinMs = 1_000;
const kRetryMaxMs = 15_000;
const kGatherMs = 250; // ten thousand alerts that fire at once are one piece of news

class Store {
  private state: LiveState = kInitialLive;
  private listeners = new Set<() => void>();

  get = () => this.state;
  tell = (news: News) => {
    this.state = reduce(this.state, news);
    for (const listener of this.listeners) listener();
  };
  subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  };
}

function openStream(store: Store): () => void {
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let wait = kRetryMinMs;
  const quiet = gather(store);
  const open = () => {
    source = new EventSource(`${kApi}/events`);
    source.onopen = () => {
      wait = kRetryMinMs;
      store.tell({ type: "stream_opened", at: Date.now() });
    };
    source.onerror = () => {
      store.tell({ type: "stream_lost" });
      if (source?.readyState !== EventSource.CLOSED) return; // the browser is trying again
      timer = setTimeout(open, wait);
      wait = Math.min(wait * 2, kRetryMaxMs);
    };
    for (const topic of kTopics) {
      source.addEventListener(topic, (event) => hear(store, topic, event as MessageEvent<string>));
    }
    for (const topic of kSilentTopics) source.addEventListener(topic, () => quiet.hear(topic));
  };
  open();
  return () => {
    clearTimeout(timer);
    quiet.stop();
    source?.close();
  };
}

function gather(store: Store) {
  const heard = new Set<SilentTopic>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tell = () => {
    timer = undefined;
    store.tell({ type: "heard", topics: [...heard], at: Date.now() });
    heard.clear();
  };
  return {
    hear: (topic: SilentTopic) => {
      heard.add(topic);
      timer ??= setTimeout(tell, kGatherMs);
    },
    stop: () => clearTimeout(timer),
  };
}

function hear(store: Store, topic: keyof TopicBodies, event: MessageEvent<string>): void {
  try {
    const body: unknown = JSON.parse(event.data);
    store.tell({ type: "event", topic, seq: Number(event.lastEventId) || 0, body, at: Date.now() });
  } catch {
    // A body cut short cannot be shown; the next overview brings what it meant.
  }
}

function pollOverview(store: Store): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;
  const ask = async () => {
    try {
      const overview = await get<Overview>("/overview");
      if (!stopped) store.tell({ type: "overview", overview, at: Date.now() });
    } catch (error) {
      if (!stopped) store.tell(newsOf(error));
    }
    if (!stopped) timer = setTimeout(ask, kOverviewEveryMs);
  };
  void ask();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

function newsOf(error: unknown): News {
  // A server that answers with an error to the overview has not told us how things stand either.
  const answered = error instanceof ApiError && !error.unreachable && error.status < 500;
  return answered ? { type: "answered", at: Date.now() } : { type: "unreachable" };
}

const LiveContext = createContext<Store | null>(null);

export function LiveProvider({ children }: { children: ReactNode }) {
  const store = useMemo(() => new Store(), []);
  useEffect(() => {
    const closeStream = openStream(store);
    const stopPoll = pollOverview(store);
    return () => {
      closeStream();
      stopPoll();
    };
  }, [store]);
  return <LiveContext.Provider value={store}>{children}</LiveContext.Provider>;
}

function useStore(): Store {
  const store = useContext(LiveContext);
  if (!store) throw new Error("used outside LiveProvider");
  return store;
}

export function useLive(): LiveState {
  const store = useStore();
  return useSyncExternalStore(store.subscribe, store.get);
}

function useBeat(everyMs: number): number {
  const [at, setAt] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setAt(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return at;
}

export function useFreshness(): Freshness {
  const { connection } = useLive();
  useBeat(1_000);
  return freshness(connection, Date.now());
}

// The server's time, moving while the data is fresh; once it is not, the moment the data is from, so
// that no running clock pretends to know that something still lasts.
export function useNow(): number {
  const { connection, skewMs } = useLive();
  useBeat(1_000);
  const fresh = freshness(connection, Date.now()) !== "stale";
  return (fresh ? Date.now() : (connection.asOf ?? Date.now())) + skewMs;
}

export interface Resource<T> {
  data: T | null;
  error: ApiError | null;
  asOf: number | null;
  reload: () => void;
}

interface ResourceOptions {
  topics?: readonly Topic[];
  everyMs?: number;
  calmMs?: number; // news asks again no sooner than so long after the last answer
}

// Reads `path` (null: nothing). One request is under way at a time: news that arrives meanwhile asks once
// more afterwards, so a storm of events cannot starve the page.
export function useResource<T>(path: string | null, options: ResourceOptions = {}): Resource<T> {
  const read = useCallback((signal: AbortSignal) => get<T>(path ?? "", signal), [path]);
  return useReading(path, read, options);
}

// The same of an address that is not ours alone (Alertmanager's).
export function useForeign<T>(path: string | null, options: ResourceOptions = {}): Resource<T> {
  const read = useCallback((signal: AbortSignal) => call<T>("GET", path ?? "", { signal }), [path]);
  return useReading(path, read, options);
}

export function useReading<T>(
  key: string | null,
  read: (signal: AbortSignal) => Promise<T>,
  { topics = [], everyMs = 0, calmMs = 0 }: ResourceOptions = {},
): Resource<T> {
  const store = useStore();
  const live = useLive();
  const [held, setHeld] = useState<{ key: string | null; data: T | null; error: ApiError | null; asOf: number | null }>(
    { key, data: null, error: null, asOf: null },
  );
  const again = useRef<() => void>(() => {});
  const later = useRef<() => void>(() => {});

  useEffect(() => {
    if (key === null) return;
    const abort = new AbortController();
    let busy = false;
    let asked = false;
    let answered = 0;
    let calming: ReturnType<typeof setTimeout> | undefined;
    const ask = async () => {
      if (busy) {
        asked = true;
        return;
      }
      busy = true;
      try {
        const data = await read(abort.signal);
        if (abort.signal.aborted) return;
        const at = Date.now();
        store.tell({ type: "answered", at });
        setHeld({ key, data, error: null, asOf: at });
      } catch (error) {
        if (abort.signal.aborted) return;
        const problem = error instanceof ApiError ? error : new ApiError(0, "unreachable", String(error));
        if (problem.unreachable) store.tell({ type: "unreachable" });
        setHeld((before) => (before.key === key ? { ...before, error: problem } : { key, data: null, error: problem, asOf: null }));
      }
      busy = false;
      answered = Date.now();
      if (asked) {
        asked = false;
        void ask();
      }
    };
    const hearNews = () => {
      clearTimeout(calming);
      calming = setTimeout(() => void ask(), Math.max(0, answered + calmMs - Date.now()));
    };
    again.current = () => void ask();
    later.current = hearNews;
    void ask();
    const timer = everyMs > 0 ? setInterval(() => void ask(), everyMs) : undefined;
    return () => {
      abort.abort();
      clearInterval(timer);
      clearTimeout(calming);
    };
  }, [key, read, everyMs, calmMs, store]);

  const news = `${live.connection.opened}:${topics.map((topic) => live.revisions[topic] ?? 0).join(",")}`;
  const heard = useRef(news);
  useEffect(() => {
    if (heard.current === news) return;
    heard.current = news;
    later.current();
  }, [news]);

  const reload = useCallback(() => again.current(), []);
  const current = held.key === key;
  return {
    data: current ? held.data : null,
    error: current ? held.error : null,
    asOf: current ? held.asOf : null,
    reload,
  };
}
