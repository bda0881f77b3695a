import type { ReviewPolicy } from "../../protocol/review-policy.ts";

/** Which turn of the same question a review is. */
export interface Turn {
  revision: number;
  restarts: number;
  revises: string | null;
}

/** The turn that comes after another one: sent back to the graph, or to be asked again because its answer went astray. */
export function nextTurn(before: ({ id: string } & Turn) | undefined, { isRestart }: { isRestart: boolean }): Turn {
  if (before === undefined) return { revision: 1, restarts: 0, revises: null };
  const { id: revises, revision, restarts } = before;
  return isRestart ? { revision, restarts: restarts + 1, revises } : { revision: revision + 1, restarts, revises };
}

/** Why a question is not asked once more; null: it is. */
export function tooOften(
  { node, policy }: { node: string; policy: Pick<ReviewPolicy, "max_revisions" | "max_restarts"> },
  { revision, restarts }: Turn,
): { error: "too_many_revisions" | "too_many_restarts"; message: string } | null {
  const { max_revisions, max_restarts } = policy;
  if (revision > max_revisions) {
    const message = `node "${node}" was to ask for the ${revision}th time after it was sent back, and its policy allows ${max_revisions} revisions`;
    return { error: "too_many_revisions", message };
  }
  if (restarts > max_restarts) {
    const message = `the question of node "${node}" had to be asked again ${restarts} times, and its policy allows ${max_restarts}`;
    return { error: "too_many_restarts", message };
  }
  return null;
}
