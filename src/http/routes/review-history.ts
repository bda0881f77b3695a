import { readReviewHistory } from "../../postgres/review-history.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import { anyObject, shows } from "../answers.ts";
import { json } from "../reply.ts";
import { defineRoute, type Route } from "../route.ts";

/** Everything about a review on one page: what was shown, who looked, who decided by which right, and what came of it. */
export const reviewHistoryRoutes: readonly Route[] = [
  defineRoute({
    method: "GET",
    path: "/reviews/:review_id/history",
    permission: ["review:read", "audit:read"],
    event: "threads:read",
    summary: "Read everything about a review",
    answers: { 200: shows(anyObject, "What was shown, who looked, who decided by which right, and what came of it.") },
    async handle(call) {
      const id = call.params.review_id;
      const { tenant_id, permissions } = call.principal;
      // What effects were given and what they gave is not of the review, but of the run.
      const redacted = !permissions.has("runs:read") && !permissions.has("audit:read");
      const history = await readReviewHistory(call.deps.database, tenant_id, id, redacted);
      if (history === undefined) throw new HoldpointError("not_found", `Review ${id} not found`);
      return json(history);
    },
  }),
];
