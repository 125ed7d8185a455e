// The router's configuration as the server prints it: YAML in block style alone, quoted texts as JSON.
//
// Form        src/respond/route/config_masked.cc: "key: scalar", "key:" with what is below two columns deeper, "-" with a
//             scalar or with what is below deeper, {} and [] when empty. Anything else is an error, never a guess.
export type Yaml = string | null | Yaml[] | { [key: string]: Yaml };

interface Line {
  depth: number;
  text: string;
}

export class YamlError extends Error {}

export function parseYaml(text: string): Yaml {
  const lines: Line[] = [];
  for (const raw of text.split("\n")) {
    const trimmed = raw.trim();
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    lines.push({ depth: raw.length - raw.trimStart().length, text: trimmed });
  }
  if (lines.length === 0) return null;
  const reader = { lines, at: 0 };
  const value = readBlock(reader, lines[0]!.depth);
  if (reader.at < lines.length) throw new YamlError(`unexpected: ${lines[reader.at]!.text}`);
  return value;
}

interface Reader {
  lines: Line[];
  at: number;
}

function readBlock(reader: Reader, depth: number): Yaml {
  const first = reader.lines[reader.at];
  if (!first || first.depth !== depth) return null;
  return first.text === "-" || first.text.startsWith("- ") ? readItems(reader, depth) : readMembers(reader, depth);
}

function readItems(reader: Reader, depth: number): Yaml[] {
  const items: Yaml[] = [];
  for (let line = reader.lines[reader.at]; line && line.depth === depth && /^-( |$)/.test(line.text); line = reader.lines[reader.at]) {
    reader.at += 1;
    items.push(line.text === "-" ? readBelow(reader, depth) : scalarOf(line.text.slice(1).trim()));
  }
  return items;
}

function readMembers(reader: Reader, depth: number): Yaml {
  const members: { [key: string]: Yaml } = {};
  for (let line = reader.lines[reader.at]; line && line.depth === depth; line = reader.lines[reader.at]) {
    const split = splitKey(line.text);
    if (split === null) throw new YamlError(`no member: ${line.text}`);
    reader.at += 1;
    members[split.key] = split.rest === "" ? readBelow(reader, depth) : scalarOf(split.rest);
  }
  return members;
}

function readBelow(reader: Reader, depth: number): Yaml {
  const next = reader.lines[reader.at];
  return next && next.depth > depth ? readBlock(reader, next.depth) : null;
}

function splitKey(text: string): { key: string; rest: string } | null {
  const quoted = /^("(?:[^"\\]|\\.)*"):(?: (.*))?$/.exec(text);
  if (quoted) return { key: JSON.parse(quoted[1]!) as string, rest: (quoted[2] ?? "").trim() };
  const plain = /^([^\s:"][^:"]*):(?: (.*))?$/.exec(text);
  return plain ? { key: plain[1]!, rest: (plain[2] ?? "").trim() } : null;
}

function scalarOf(text: string): Yaml {
  if (text === "{}") return {};
  if (text === "[]") return [];
  if (text === "null") return null;
  if (!text.startsWith('"')) return text;
  try {
    return JSON.parse(text) as string;
  } catch {
    throw new YamlError(`not a text: ${text}`);
  }
}

export const member = (value: Yaml | undefined, name: string): Yaml | undefined =>
  value !== null && typeof value === "object" && !Array.isArray(value) && Object.hasOwn(value, name) ? value[name] : undefined;
export const textOf = (value: Yaml | undefined): string => (typeof value === "string" ? value : "");
export const listOf = (value: Yaml | undefined): Yaml[] => (Array.isArray(value) ? value : []);
export const membersOf = (value: Yaml | undefined): [string, Yaml][] =>
  value !== null && typeof value === "object" && !Array.isArray(value) ? Object.entries(value) : [];
