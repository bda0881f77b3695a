import { readReviewHistory } from "../../postgres/review-history.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import { uuidParameter } from "../read-request.ts";
import { json } from "../reply.ts";
import type { Call, Route } from "../route.ts";

/** Everything about a review on one page: what was shown, who looked, who decided by which right, and what came of it. */
export const reviewHistoryRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/reviews/:review_id/history",
    permission: ["review:read", "audit:read"],
    async handle(call: Call) {
      const id = uuidParameter(call, "review_id");
      const history = await readReviewHistory(call.deps.database, call.principal.tenant_id, id);
      if (history === undefined) throw new HoldpointError("not_found", `Review ${id} not found`);
      return json(history);
    },
  },
];
