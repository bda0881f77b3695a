import { z } from "zod";
import { listWorkers } from "../../postgres/operations.sql.ts";
import { limitSchema, readQuery, wholeNumber } from "../read-request.ts";
import { json } from "../reply.ts";
import type { Route } from "../route.ts";

const listSchema = z.object({
  /** How long ago a worker that is gone was seen at most. */
  seen_hours: wholeNumber(
    z
      .number()
      .int()
      .min(1)
      .max(24 * 365),
  ).default(24),
  limit: wholeNumber(limitSchema).default(100),
});

/** The processes that execute runs. */
export const workerRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/workers",
    permission: "runs:read",
    async handle(call) {
      const { seen_hours, limit } = readQuery(call, listSchema);
      return json(await call.deps.database.many(listWorkers(call.principal.tenant_id, seen_hours, limit)));
    },
  },
];
