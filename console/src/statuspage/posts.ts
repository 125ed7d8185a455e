// What the public sees of a post, and what still waits to be published.
import type { Post, StatusDesk, Update } from "../api/status";

export const draftOf = (post: Post): Update | null => {
  const last = post.updates.at(-1);
  return last?.draft ? last : null;
};
export const publishedOf = (post: Post): Update[] => post.updates.filter((update) => !update.draft);

const kOver = ["resolved", "postmortem", "completed"];
export const isOver = (post: Post) => kOver.includes(publishedOf(post).at(-1)?.status ?? "");

export interface Sorted {
  drafts: Post[]; // something of it waits; it may be public in part
  open: Post[];
  past: Post[];
}

export function sorted(posts: readonly Post[]): Sorted {
  return {
    drafts: posts.filter((post) => draftOf(post) !== null),
    open: posts.filter((post) => post.published_at !== undefined && !isOver(post)),
    past: posts.filter((post) => post.published_at !== undefined && isOver(post)),
  };
}

const kHarm = ["operational", "under_maintenance", "degraded_performance", "partial_outage", "major_outage"];

// As the public sees each component: the worst of what is published and open; operational otherwise.
export function componentStates(desk: Pick<StatusDesk, "components" | "posts">, now: number): Map<string, string> {
  const states = new Map(desk.components.map((one) => [one.id, "operational"]));
  for (const post of sorted(desk.posts).open) {
    // A maintenance that has not begun changes nothing yet.
    const begins = post.scheduled_for ? Date.parse(post.scheduled_for) : 0;
    if (post.kind === "maintenance" && publishedOf(post).at(-1)?.status === "scheduled" && begins > now) continue;
    for (const { id, status } of publishedOf(post).at(-1)?.components ?? []) {
      const before = states.get(id);
      if (before !== undefined && kHarm.indexOf(status) > kHarm.indexOf(before)) states.set(id, status);
    }
  }
  return states;
}
