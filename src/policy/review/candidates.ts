import type { ReviewPolicy } from "../../protocol/review-policy.ts";

/** People and groups by name. */
export type Candidates = ReviewPolicy["candidates"];

/** True when nobody is named, which asks everybody who may decide at all. */
export function isEverybody({ users, groups }: Candidates): boolean {
  return users.length === 0 && groups.length === 0;
}

/**
 * Fewer lists that ask the same people: somebody has to be on all of them. A list that asks everybody says nothing, and
 * one that holds all the names of another says nothing beside it.
 */
export function reducedLists(lists: readonly Candidates[]): Candidates[] {
  return lists.filter((list, index) => {
    if (isEverybody(list)) return false;
    return !lists.some((other, at) => at !== index && !isEverybody(other) && makesNeedless(other, list, at < index));
  });
}

function makesNeedless(other: Candidates, list: Candidates, comesFirst: boolean): boolean {
  return holds(list, other) && (comesFirst || !holds(other, list));
}

function holds(list: Candidates, other: Candidates): boolean {
  return (
    other.users.every((name) => list.users.includes(name)) && other.groups.every((name) => list.groups.includes(name))
  );
}
