import { describe, expect, it } from "vitest";
import { receiversOf, rowsOf, treeOf } from "./tree";
import { parseYaml } from "./yaml";

const kConfig = `global:
  smtp_auth_password: <secret>
route:
  receiver: default
  group_by:
    - alertname
    - "..."
  routes:
    -
      matchers:
        - "severity=\\"critical\\""
        - "service=~\\"pay|cart\\""
      receiver: pager
      continue: true
      routes:
        -
          match:
            team: db
          receiver: dba
          mute_time_intervals:
            - nights
    -
      match_re:
        team: web.*
      group_wait: 10s
receivers:
  -
    name: default
  -
    name: pager
    webhook_configs:
      -
        url: "http://127.0.0.1:1/"
      -
        url: <secret>
    slack_configs:
      -
        channel: "#ops"
    fallback_receiver: default
templates: []
`;

describe("the printed configuration", () => {
  it("is read back", () =>
    expect(parseYaml('a: 1\nb:\n  - x\n  - "y: z"\nc: {}\nd:\n  "odd key": null\n')).toEqual({ a: "1", b: ["x", "y: z"], c: {}, d: { "odd key": null } }));
  it("empty is nothing", () => expect(parseYaml("\n")).toBeNull());
  it("in another form is an error, not a guess", () => expect(() => parseYaml("a: 1\n   b\n")).toThrow());
});

describe("the tree of routes", () => {
  const rows = rowsOf(treeOf(parseYaml(kConfig))!);
  it("has a row for each route, in the order they are tried", () =>
    expect(rows.map((row) => [row.depth, row.node.receiver, row.node.key])).toEqual([
      [0, "default", "{}"],
      [1, "pager", '{}/{service=~"pay|cart",severity="critical"}'],
      [2, "dba", '{}/{service=~"pay|cart",severity="critical"}/{team="db"}'],
      [1, "default", '{}/{team=~"web.*"}'],
    ]));
  it("is joined by rails where a sibling follows", () =>
    expect(rows.map((row) => [row.rails, row.last])).toEqual([
      [[], true],
      [[], false],
      [[true], true],
      [[], true],
    ]));
  it("inherits what a route does not say", () => {
    expect(rows[3]!.node).toMatchObject({ groupBy: ["alertname", "..."], groupWait: "10s", groupInterval: "5m" });
    expect(rows[2]!.node.muted).toEqual(["nights"]);
    expect(rows[1]!.node.goesOn).toBe(true);
  });
  it("is none without routes", () => expect(treeOf(parseYaml("global:\n  x: 1\n"))).toBeNull());
});

it("receivers name their integrations as the router does", () =>
  expect(receiversOf(parseYaml(kConfig))).toEqual([
    { name: "default", integrations: [], fallback: "" },
    {
      name: "pager",
      integrations: [
        { key: "pager/webhook/0", kind: "webhook" },
        { key: "pager/webhook/1", kind: "webhook" },
        { key: "pager/slack/0", kind: "slack" },
      ],
      fallback: "default",
    },
  ]));
