import { z } from "zod";
import { auditPage } from "../../postgres/audit-export.sql.ts";
import { uuidSchema } from "../../protocol/json.ts";
import { anyObject, shows } from "../answers.ts";
import { wholeNumber } from "../read-request.ts";
import { json } from "../reply.ts";
import { defineRoute, type Route } from "../route.ts";
import { sinceSchema } from "./run-list.ts";

// A review may hold megabytes, and all of a page is in memory at once.
const MOST_AT_ONCE = 100;
const FIRST_ID = "00000000-0000-0000-0000-000000000000";

const pageSchema = z.object({
  since: sinceSchema.optional(),
  review_id: uuidSchema.optional(),
  after: uuidSchema.default(FIRST_ID),
  limit: wholeNumber(z.number().int().min(1).max(MOST_AT_ONCE)).default(20),
});

/** The record, as it is stored: whoever reads it checks it, the server's word is not asked for. */
export const auditRoutes: readonly Route[] = [
  defineRoute({
    method: "GET",
    path: "/audit/reviews",
    permission: "audit:read",
    event: "threads:search",
    summary: "Export the record of reviews",
    query: pageSchema,
    answers: { 200: shows(z.array(anyObject), "Reviews with everything that was recorded of them.") },
    async handle(call) {
      const { since, review_id, after, limit } = call.query;
      const since_s = since !== undefined && "seconds_ago" in since ? since.seconds_ago : null;
      const since_at = since !== undefined && "at" in since ? since.at : null;
      const wanted = { after, review_id: review_id ?? null, since_s, since_at, limit, seen: call.access.of("threads") };
      return json(await call.deps.database.many(auditPage(call.principal.tenant_id, wanted)));
    },
  }),
];
