import { describe, expect, it } from "vitest";
import type { Post, Update } from "../api/status";
import { componentStates, draftOf, sorted } from "./posts";

const update = (status: string, draft = false, components: Update["components"] = []): Update => ({ id: status, at: "", status, body: "", by: "", draft, components });
const post = (id: string, published: boolean, ...updates: Update[]): Post => ({
  id,
  kind: "incident",
  incident: "",
  name: id,
  impact: "minor",
  created_at: "",
  ...(published ? { published_at: "2026-11-22T00:00:00Z" } : {}),
  updates,
});

describe("posts", () => {
  const drafted = post("drafted", false, update("investigating", true));
  const grown = post("grown", true, update("investigating"), update("identified", true));
  const open = post("open", true, update("monitoring"));
  const past = post("past", true, update("investigating"), update("resolved"));
  it("stand where they are", () => {
    const { drafts, open: shown, past: over } = sorted([drafted, grown, open, past]);
    expect([drafts, shown, over].map((list) => list.map((one) => one.id))).toEqual([["drafted", "grown"], ["grown", "open"], ["past"]]);
  });
  it("have the draft that waits, if any", () => {
    expect(draftOf(grown)?.status).toBe("identified");
    expect(draftOf(open)).toBeNull();
  });
});

describe("components, as the public sees them", () => {
  const desk = (posts: Post[]) => ({ components: ["api", "web"].map((id) => ({ id, name: id, group: "", service: "" })), posts });
  const hurt = (status: string, draft = false) => update("investigating", draft, [{ id: "api", status }]);
  const states = (posts: Post[], now = 0) => [...componentStates(desk(posts), now).values()];
  it("are operational without a post", () => expect(states([])).toEqual(["operational", "operational"]));
  it("have the worst of what is open", () =>
    expect(states([post("a", true, hurt("degraded_performance")), post("b", true, hurt("major_outage")), post("c", true, hurt("partial_outage"))])).toEqual(["major_outage", "operational"]));
  it("are not changed by a draft", () => expect(states([post("a", false, hurt("major_outage", true))])).toEqual(["operational", "operational"]));
  it("are not changed by what is over", () => expect(states([post("a", true, hurt("major_outage"), update("resolved", false, [{ id: "api", status: "major_outage" }]))])[0]).toBe("operational"));
  it("wait for a maintenance to begin", () => {
    const planned: Post = { ...post("m", true, update("scheduled", false, [{ id: "web", status: "under_maintenance" }])), kind: "maintenance", scheduled_for: "2026-11-22T00:00:00Z" };
    expect(states([planned], Date.parse("2026-11-21T00:00:00Z"))[1]).toBe("operational");
  });
});
