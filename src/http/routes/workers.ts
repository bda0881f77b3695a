import { z } from "zod";
import { listWorkers } from "../../postgres/operations.sql.ts";
import { anyObject, shows } from "../answers.ts";
import { limitSchema, wholeNumber } from "../read-request.ts";
import { json } from "../reply.ts";
import { defineRoute, type Route } from "../route.ts";

const listSchema = z.object({
  seen_hours: wholeNumber(
    z
      .number()
      .int()
      .min(1)
      .max(24 * 365),
  )
    .default(24)
    .describe("How long ago a worker that is gone was seen at most."),
  limit: wholeNumber(limitSchema).default(100),
});

/** The processes that execute runs. */
export const workerRoutes: readonly Route[] = [
  defineRoute({
    method: "GET",
    path: "/workers",
    permission: "runs:read",
    event: { none: "the processes of the server" },
    summary: "List the processes that execute runs",
    query: listSchema,
    answers: { 200: shows(z.array(anyObject), "Those that live first.") },
    async handle(call) {
      const { seen_hours, limit } = call.query;
      return json(await call.deps.database.many(listWorkers(call.principal.tenant_id, seen_hours, limit)));
    },
  }),
];
