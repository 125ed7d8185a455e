// Matchers as people write them: alertname="HighLatency", service=~"pay.*|cart", {a!="b", c!~"d"}.
//
// Purpose     Reads and prints them, and tries labels against them, so that a list is filtered while one types.
// Difference  The server's regular expressions are RE2; ours are the browser's, anchored at both ends like its.
//             What only one of the two understands is refused here with the browser's words, never guessed.
import type { SilenceMatcher } from "../api/routing";
import type { Labels } from "../api/types";

export type Matcher = SilenceMatcher;
export type Op = "=" | "!=" | "=~" | "!~";

export interface ParsedMatchers {
  matchers: Matcher[];
  problem: string | null; // what could not be read
}

export const opOf = (matcher: Matcher): Op => (matcher.isRegex ? (matcher.isEqual ? "=~" : "!~") : matcher.isEqual ? "=" : "!=");

export function matcherOf(name: string, op: Op, value: string): Matcher {
  return { name, value, isRegex: op.endsWith("~"), isEqual: op.startsWith("=") };
}

const kPlainName = /^[A-Za-z_][A-Za-z0-9_]*$/;

export function printMatcher(matcher: Matcher): string {
  const name = kPlainName.test(matcher.name) ? matcher.name : JSON.stringify(matcher.name);
  return `${name}${opOf(matcher)}${JSON.stringify(matcher.value)}`;
}

export const printMatchers = (matchers: readonly Matcher[]) => matchers.map(printMatcher).join(", ");

// As the router writes them into the keys of its routes: {a="b",c=~"d"}.
export const routeKeyOf = (matchers: readonly Matcher[]) => `{${matchers.map(printMatcher).join(",")}}`;

export function parseMatchers(text: string): ParsedMatchers {
  let rest = text.trim();
  if (rest.startsWith("{")) {
    if (!rest.endsWith("}")) return { matchers: [], problem: rest };
    rest = rest.slice(1, -1).trim();
  }
  const matchers: Matcher[] = [];
  while (rest !== "") {
    const read = readOne(rest);
    if (read === null) return { matchers, problem: rest };
    matchers.push(read.matcher);
    rest = read.rest.trim();
    if (rest === "") break;
    if (!rest.startsWith(",")) return { matchers, problem: rest };
    rest = rest.slice(1).trim();
  }
  const bad = matchers.find((one) => one.isRegex && regexOf(one.value) === null);
  return { matchers, problem: bad ? printMatcher(bad) : null };
}

function readOne(text: string): { matcher: Matcher; rest: string } | null {
  const name = readWord(text, /^[^\s"=!~,{}]+/);
  if (name === null || name.word === "") return null;
  const op = /^\s*(=~|!~|!=|=)\s*/.exec(name.rest);
  if (!op) return null;
  const value = readWord(name.rest.slice(op[0].length), /^[^\s",{}=!~][^\s",{}]*/);
  if (value === null) return null;
  return { matcher: matcherOf(name.word, op[1] as Op, value.word), rest: value.rest };
}

// A quoted text with its escapes, or a bare one.
function readWord(text: string, bare: RegExp): { word: string; rest: string } | null {
  const quoted = /^"((?:[^"\\]|\\.)*)"/.exec(text);
  if (quoted) return { word: unescaped(quoted[1]!), rest: text.slice(quoted[0].length) };
  if (text.startsWith('"')) return null;
  const match = bare.exec(text);
  return match ? { word: match[0], rest: text.slice(match[0].length) } : null;
}

// Go's escapes; one that is none of its (as in "\d") stays as it stands, which is what a regular expression wants.
function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (whole, letter: string) => ({ n: "\n", t: "\t", '"': '"', "\\": "\\" })[letter] ?? whole);
}

const regexes = new Map<string, RegExp | null>();
const kRegexesMax = 200;

export function regexOf(value: string): RegExp | null {
  const known = regexes.get(value);
  if (known !== undefined) return known;
  let made: RegExp | null = null;
  try {
    const flagged = /^\(\?i\)/.exec(value);
    made = new RegExp(`^(?:${flagged ? value.slice(4) : value})$`, flagged ? "isu" : "su");
  } catch {
    made = null;
  }
  if (regexes.size >= kRegexesMax) regexes.clear();
  regexes.set(value, made);
  return made;
}

export function matches(labels: Labels, matcher: Matcher): boolean {
  const value = labels[matcher.name] ?? "";
  const hit = matcher.isRegex ? (regexOf(matcher.value)?.test(value) ?? false) : value === matcher.value;
  return hit === matcher.isEqual;
}

export const matchesAll = (labels: Labels, matchers: readonly Matcher[]) => matchers.every((one) => matches(labels, one));

// Those of one alert, as a silence of just it would have them.
export const exactMatchers = (labels: Labels): Matcher[] =>
  Object.entries(labels)
    .sort(([a], [b]) => (a === "alertname" ? -1 : b === "alertname" ? 1 : a < b ? -1 : 1))
    .map(([name, value]) => matcherOf(name, "=", value));
