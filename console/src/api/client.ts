// One way to call the server: JSON in, JSON out, every failure an ApiError.
//
// Errors      status 0 means that no answer came (unreachable, timed out); the console then says that
//             the connection is lost. Any other status is the server's own word.
// Session     The cookie set by POST /session rides along by itself; a 401 is told to `onSignedOut`.

export const kApi = "/api/holdfast/v1";
const kTimeoutMs = 10_000;

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = "ApiError";
  }
  get unreachable(): boolean {
    return this.status === 0;
  }
}

export interface CallOptions {
  body?: unknown;
  signal?: AbortSignal;
}

let signedOut: () => void = () => {};
export function onSignedOut(listener: () => void): void {
  signedOut = listener;
}

interface ErrorBody {
  error?: { code?: string; message?: string } | string; // the Prometheus API says it as plain text
  message?: string; // Alertmanager's form of a bad body
}

async function errorOf(response: Response): Promise<ApiError> {
  let code = String(response.status);
  let message = response.statusText || `HTTP ${response.status}`;
  try {
    const body = (await response.json()) as ErrorBody | string;
    if (typeof body === "string") message = body; // Alertmanager's form of any other
    else if (typeof body.error === "string") message = body.error;
    else if (body.message) message = body.message;
    else if (body.error) {
      code = body.error.code ?? code;
      message = body.error.message ?? message;
    }
  } catch {
    // Not JSON (a proxy's page): the status line is all there is to say.
  }
  return new ApiError(response.status, code, message);
}

export async function call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), kTimeoutMs);
  const cancel = () => abort.abort();
  options.signal?.addEventListener("abort", cancel);
  try {
    const init: RequestInit = { method, signal: abort.signal, credentials: "same-origin" };
    if (options.body !== undefined) {
      init.body = JSON.stringify(options.body);
      init.headers = { "Content-Type": "application/json" };
    }
    const response = await fetch(path, init);
    if (!response.ok) {
      if (response.status === 401 && !path.endsWith("/session")) signedOut();
      throw await errorOf(response);
    }
    const text = await response.text();
    return (text === "" ? undefined : JSON.parse(text)) as T;
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError(0, "unreachable", error instanceof Error ? error.message : String(error));
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", cancel);
  }
}

export const get = <T>(path: string, signal?: AbortSignal) =>
  call<T>("GET", kApi + path, signal ? { signal } : {});
export const post = <T>(path: string, body: unknown = {}) => call<T>("POST", kApi + path, { body });
export const remove = <T>(path: string) => call<T>("DELETE", kApi + path);

// Alertmanager's own addresses, which stand beside ours.
export const kAlertmanager = "/api/v2";

// A path of fixed words and names that may hold any character.
export function path(strings: TemplateStringsArray, ...names: string[]): string {
  return strings.reduce((all, part, i) => all + part + (i < names.length ? encodeURIComponent(names[i]!) : ""), "");
}
