// Just enough of PromQL's spelling for the console: is this a query at all, and what does it compare?
// The server's parser is the judge of everything else.

export interface Token {
  kind: "word" | "number" | "string" | "open" | "close" | "operator";
  text: string;
  start: number;
}

// Null when there is a character no query has.
export function tokensOf(query: string): Token[] | null {
  const pattern =
    /\s+|#[^\n]*|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)|((?:\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)(?:[a-z]+(?:\d+[a-z]+)*)?)|([A-Za-z_:][\w:.]*)|([({[])|([)}\]])|(==|!=|=~|!~|<=|>=|[-+*/%^<>=,@:])/y;
  const tokens: Token[] = [];
  let at = 0;
  while (at < query.length) {
    pattern.lastIndex = at;
    const match = pattern.exec(query);
    if (!match || match[0] === "") return null;
    const [text, string, number, word, open, close, operator] = match;
    const kind = string ? "string" : number ? "number" : word ? "word" : open ? "open" : close ? "close" : operator ? "operator" : null;
    if (kind) tokens.push({ kind, text, start: at });
    at += text.length;
  }
  return tokens;
}

// Words that may stand beside another word; two other words in a row are prose.
const kKeywords = new Set(["by", "without", "on", "ignoring", "group_left", "group_right", "and", "or", "unless", "offset", "bool", "atan2"]);

const kOnlyInside = new Set(["=", "=~", "!~", ",", ":"]);

// Evidence may be an observation ("exit by signal 9") as well as a query. Asking the server would tell
// them apart too, but with an error in the browser's log each time.
export function looksLikePromql(text: string): boolean {
  const tokens = tokensOf(text);
  if (!tokens || tokens.length === 0 || !tokens.some((token) => token.kind === "word")) return false;
  let depth = 0;
  for (let i = 0; i < tokens.length; i++) {
    const { kind, text: word } = tokens[i]!;
    const before = tokens[i - 1];
    depth += kind === "open" ? 1 : kind === "close" ? -1 : 0;
    if (depth < 0) return false;
    const plain = (token: Token | undefined) =>
      token !== undefined && ["word", "number", "string"].includes(token.kind) && !kKeywords.has(token.text.toLowerCase());
    if (before && plain(tokens[i]) && plain(before)) return false;
    if (depth === 0 && kOnlyInside.has(word)) return false;
  }
  const last = tokens.at(-1)!;
  return depth === 0 && last.kind !== "operator" && !(last.kind === "word" && kKeywords.has(last.text));
}

const kComparisons = new Set(["<", ">", "<=", ">=", "==", "!="]);

// "rate(x[5s]) > 0.05" is the query "rate(x[5s])" and the threshold 0.05. A query that ends otherwise
// is its own, without a threshold.
export function splitComparison(query: string): { query: string; threshold: number | null } {
  const tokens = tokensOf(query) ?? [];
  let depth = 0;
  let found = -1;
  tokens.forEach((token, i) => {
    depth += token.kind === "open" ? 1 : token.kind === "close" ? -1 : 0;
    if (depth === 0 && token.kind === "operator" && kComparisons.has(token.text)) found = i;
    if (depth === 0 && ["and", "or", "unless"].includes(token.text.toLowerCase())) found = -2;
  });
  if (found <= 0) return { query: query.trim(), threshold: null };
  const rest = query.slice(tokens[found]!.start + tokens[found]!.text.length).replace(/^\s*bool\b/, "").trim();
  const threshold = Number(rest);
  if (rest === "" || !Number.isFinite(threshold)) return { query: query.trim(), threshold: null };
  return { query: query.slice(0, tokens[found]!.start).trim(), threshold };
}

export const kFunctions = [
  "abs", "absent", "avg", "avg_over_time", "ceil", "changes", "clamp", "clamp_max", "clamp_min", "count", "count_over_time",
  "delta", "deriv", "floor", "histogram_quantile", "increase", "irate", "label_join", "label_replace", "last_over_time",
  "max", "max_over_time", "min", "min_over_time", "quantile", "quantile_over_time", "rate", "resets", "round", "scalar",
  "sort", "sort_desc", "stddev", "sum", "sum_over_time", "time", "timestamp", "topk", "bottomk", "vector",
];

export interface Suggestion {
  text: string;
  from: number; // what it replaces in the query
  to: number;
}

const kSuggestionsMax = 8;

// Names that begin with, then contain, the word before the cursor; nothing inside quotes or braces.
export function suggestionsAt(query: string, cursor: number, metrics: readonly string[]): Suggestion[] {
  const before = query.slice(0, cursor);
  const word = /[A-Za-z_:][\w:]*$/.exec(before)?.[0] ?? "";
  if (word.length < 2) return [];
  const outside = before.slice(0, before.length - word.length);
  if (outside.lastIndexOf("{") > outside.lastIndexOf("}")) return [];
  if ((outside.match(/"/g)?.length ?? 0) % 2 === 1) return [];
  const small = word.toLowerCase();
  const all = [...metrics, ...kFunctions];
  const begins = all.filter((name) => name.toLowerCase().startsWith(small));
  const contains = all.filter((name) => !name.toLowerCase().startsWith(small) && name.toLowerCase().includes(small));
  return [...new Set([...begins, ...contains])]
    .filter((name) => name !== word)
    .slice(0, kSuggestionsMax)
    .map((text) => ({ text, from: cursor - word.length, to: cursor }));
}
