import { describe, expect, it } from "vitest";
import type { AlertGroup, AlertStatus, RoutedAlert } from "../api/routing";
import { parseMatchers } from "../matchers/matchers";
import { countStates, filterGroups, loudestFirst, stateOf, statesOf } from "./filter";

const status = (change: Partial<AlertStatus> = {}): AlertStatus => ({ state: "active", silencedBy: [], inhibitedBy: [], mutedBy: [], ...change });
const alert = (name: string, change: Partial<AlertStatus> = {}, severity = "warning"): RoutedAlert => ({
  labels: { alertname: name, severity },
  annotations: {},
  fingerprint: name,
  generatorURL: "",
  startsAt: "",
  endsAt: "",
  updatedAt: "",
  receivers: [],
  status: status(change),
});
const group = (receiver: string, ...alerts: RoutedAlert[]): AlertGroup => ({
  key: receiver,
  labels: {},
  routeLabels: {},
  receiver: { name: receiver },
  alerts,
  next_flush: "",
  muted_by: [],
});

describe("the state of an alert", () => {
  const cases: [Partial<AlertStatus>, string][] = [
    [{}, "active"],
    [{ state: "unprocessed" }, "unprocessed"],
    [{ acknowledged: true }, "acknowledged"],
    [{ state: "suppressed", silencedBy: ["s"], acknowledged: true }, "silenced"],
    [{ state: "suppressed", inhibitedBy: ["f"] }, "inhibited"],
    [{ state: "suppressed", mutedBy: ["nights"] }, "muted"],
  ];
  it.each(cases)("%j is %s", (change, expected) => expect(stateOf(alert("a", change))).toBe(expected));
});

describe("groups", () => {
  const groups = [group("a", alert("Down"), alert("Slow", { silencedBy: ["s"] })), group("b", alert("Down", {}, "critical"))];
  const shown = (filter: Partial<Parameters<typeof filterGroups>[1]>) =>
    filterGroups(groups, { matchers: [], states: [], receiver: "", ...filter }).map((one) => one.alerts.map((item) => item.labels["alertname"]));
  it("are all shown without a filter", () => expect(shown({})).toEqual([["Down", "Slow"], ["Down"]]));
  it("lose the alerts that do not match, and vanish without any", () => expect(shown({ matchers: parseMatchers("alertname=Slow").matchers })).toEqual([["Slow"]]));
  it("are filtered by state and receiver", () => {
    expect(shown({ states: ["silenced"] })).toEqual([["Slow"]]);
    expect(shown({ receiver: "b" })).toEqual([["Down"]]);
    expect(shown({ receiver: "c" })).toEqual([]);
  });
  it("count an alert once, however many receivers it goes to", () => {
    const { alerts, states } = countStates(groups);
    expect([alerts, states.active, states.silenced]).toEqual([2, 1, 1]);
  });
  it("stand loudest first", () => expect(loudestFirst(groups).map((one) => one.key)).toEqual(["b", "a"]));
});

it("states come from the address, unknown ones are passed over", () => {
  expect(statesOf("active,loud,muted")).toEqual(["active", "muted"]);
  expect(statesOf(null)).toEqual([]);
});
