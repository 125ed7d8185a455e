// The tree of routes, as drawn: one row per route, with the rails that join it to its parent.
//
// Keys        As the router names its routes (src/respond/route/tree.cc): the parent's key, "/", the matchers sorted by name;
//             the root is {}. The server's explanation names routes by them.
import { parseMatchers, printMatcher, routeKeyOf } from "../matchers/matchers";
import type { Matcher } from "../matchers/matchers";
import { listOf, member, membersOf, textOf } from "./yaml";
import type { Yaml } from "./yaml";

export interface RouteNode {
  key: string;
  matchers: Matcher[];
  receiver: string; // its own, or its parent's
  goesOn: boolean; // the siblings after it are tried, too
  groupBy: string[];
  groupWait: string;
  groupInterval: string;
  repeatInterval: string;
  muted: string[];
  active: string[];
  routes: RouteNode[];
}

export interface RouteRow {
  node: RouteNode;
  depth: number;
  rails: boolean[]; // for each ancestor below the root: whether its line goes on past this row
  last: boolean; // among its siblings
}

const texts = (value: Yaml | undefined) => listOf(value).map(textOf).filter((one) => one !== "");

function matchersOf(route: Yaml): Matcher[] {
  const found: Matcher[] = [];
  for (const one of listOf(member(route, "matchers"))) found.push(...parseMatchers(textOf(one)).matchers);
  for (const [name, value] of membersOf(member(route, "match"))) found.push({ name, value: textOf(value), isRegex: false, isEqual: true });
  for (const [name, value] of membersOf(member(route, "match_re"))) found.push({ name, value: textOf(value), isRegex: true, isEqual: true });
  return found.sort((a, b) => (a.name !== b.name ? (a.name < b.name ? -1 : 1) : printMatcher(a) < printMatcher(b) ? -1 : 1));
}

const kRootDefaults = { receiver: "", groupBy: [] as string[], groupWait: "30s", groupInterval: "5m", repeatInterval: "4h" };
type Inherited = typeof kRootDefaults;

function nodeOf(route: Yaml, parentKey: string | null, above: Inherited): RouteNode {
  const matchers = matchersOf(route);
  const key = parentKey === null ? "{}" : `${parentKey}/${routeKeyOf(matchers)}`;
  const own: Inherited = {
    receiver: textOf(member(route, "receiver")) || above.receiver,
    groupBy: member(route, "group_by") === undefined ? above.groupBy : texts(member(route, "group_by")),
    groupWait: textOf(member(route, "group_wait")) || above.groupWait,
    groupInterval: textOf(member(route, "group_interval")) || above.groupInterval,
    repeatInterval: textOf(member(route, "repeat_interval")) || above.repeatInterval,
  };
  return {
    key,
    matchers,
    ...own,
    goesOn: textOf(member(route, "continue")) === "true",
    muted: texts(member(route, "mute_time_intervals")),
    active: texts(member(route, "active_time_intervals")),
    routes: listOf(member(route, "routes")).map((one) => nodeOf(one, key, own)),
  };
}

// null: the configuration has no routes.
export function treeOf(config: Yaml): RouteNode | null {
  const route = member(config, "route");
  return route === undefined || route === null ? null : nodeOf(route, null, kRootDefaults);
}

export function rowsOf(root: RouteNode): RouteRow[] {
  const rows: RouteRow[] = [];
  const walk = (node: RouteNode, depth: number, rails: boolean[], last: boolean) => {
    rows.push({ node, depth, rails, last });
    const below = depth === 0 ? [] : [...rails, !last];
    node.routes.forEach((child, i) => walk(child, depth + 1, below, i === node.routes.length - 1));
  };
  walk(root, 0, [], true);
  return rows;
}

export interface ReceiverView {
  name: string;
  integrations: { key: string; kind: string }[]; // "team/webhook/0", as the router numbers them
  fallback: string;
}

export function receiversOf(config: Yaml): ReceiverView[] {
  return listOf(member(config, "receivers")).map((receiver) => {
    const name = textOf(member(receiver, "name"));
    const integrations = membersOf(receiver)
      .filter(([key]) => key.endsWith("_configs"))
      .flatMap(([key, list]) => {
        const kind = key.slice(0, -"_configs".length);
        return listOf(list).map((_, i) => ({ key: `${name}/${kind}/${i}`, kind }));
      });
    return { name, integrations, fallback: textOf(member(receiver, "fallback_receiver")) };
  });
}
