import { z } from "zod";
import { parseSince } from "../../policy/since.ts";
import {
  type ListedRow,
  newestRuns,
  newestRunsOfThread,
  newestRunsSeen,
  runsBetween,
} from "../../postgres/run-list.sql.ts";
import { assistantIdOf } from "../../protocol/assistant.ts";
import { uuidSchema } from "../../protocol/json.ts";
import { RUN_STATUSES } from "../../protocol/run.ts";
import { anyObject, shows } from "../answers.ts";
import { idPrefixSchema, idsWith } from "../id-range.ts";
import { limitSchema, textSchema, wholeNumber } from "../read-request.ts";
import { json } from "../reply.ts";
import { type Call, defineRoute, type Route } from "../route.ts";

/** How far back: a span such as 24h or 7d, or a moment. */
export const sinceSchema = z
  .string()
  .transform((text, context) => {
    const since = parseSince(text);
    if (since !== undefined) return since;
    context.addIssue({
      code: "custom",
      message: "must be a span such as 90m, 24h or 7d, or a moment such as 2026-01-31",
    });
    return z.NEVER;
  })
  .describe("How far back: a span such as 24h or 7d, or a moment.");

const listSchema = z.object({
  graph_id: textSchema.optional(),
  thread_id: uuidSchema.optional(),
  status: z.enum(RUN_STATUSES).optional(),
  since: sinceSchema.optional(),
  id_prefix: idPrefixSchema.optional().describe("The beginning of a run's id; nothing else is looked at then."),
  limit: wholeNumber(limitSchema).default(20),
});

/** Runs over all threads, newest first. */
export const runListRoutes: readonly Route[] = [
  defineRoute({
    method: "GET",
    path: "/runs",
    permission: "runs:read",
    event: "threads:search",
    summary: "List runs of all threads, newest first",
    query: listSchema,
    answers: { 200: shows(z.array(anyObject), "The runs.") },
    handle: async (call) => json((await find(call)).map(shown)),
  }),
];

async function find(call: Call<never, unknown, z.infer<typeof listSchema>>): Promise<ListedRow[]> {
  const { graph_id = null, thread_id, status = null, since, id_prefix, limit } = call.query;
  const { tenant_id } = call.principal;
  const { database } = call.deps;
  if (id_prefix !== undefined) {
    const ids = idsWith(id_prefix);
    if (ids === undefined) return [];
    return await database.many(runsBetween(tenant_id, ids.first, ids.last, limit, call.access.of("threads")));
  }
  const when = { seconds_ago: null, at: null, ...since };
  const seen = call.access.of("threads");
  const filter = { seen, graph_id, status, limit, thread_id: thread_id ?? null, ...when };
  if (thread_id !== undefined) return await database.many(newestRunsOfThread(tenant_id, { ...filter, thread_id }));
  const isAllSeen = Object.keys(seen).length === 0;
  return await database.many((isAllSeen ? newestRuns : newestRunsSeen)(tenant_id, filter));
}

function shown({ queue_seq: _place, error, assistant_id, ...run }: ListedRow) {
  return {
    ...run,
    assistant_id: assistant_id ?? assistantIdOf(run.graph_id),
    error: error === null ? null : (JSON.parse(error) as unknown),
  };
}
