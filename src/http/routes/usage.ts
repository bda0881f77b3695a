import { z } from "zod";
import { USAGE_GROUPS } from "../../postgres/guards/usage.sql.ts";
import { readUsage } from "../../postgres/guards/usage.ts";
import { uuidSchema } from "../../protocol/json.ts";
import { anyObject, shows } from "../answers.ts";
import { limitSchema, textSchema, wholeNumber } from "../read-request.ts";
import { json } from "../reply.ts";
import { defineRoute, type Route } from "../route.ts";
import { sinceSchema } from "./run-list.ts";

const WEEK = { seconds_ago: 7 * 86_400 };

const querySchema = z.object({
  group_by: z
    .enum(USAGE_GROUPS)
    .default("graph")
    .describe("What is summed by; runs that carry a run's answers count as part of it, and days are those of UTC."),
  since: sinceSchema.optional(),
  until: sinceSchema.optional(),
  graph_id: textSchema.optional(),
  thread_id: textSchema.optional(),
  run_id: uuidSchema.optional(),
  node: textSchema.optional(),
  kind: z.enum(["model", "tool"]).optional(),
  name: textSchema.optional().describe("Of a model, as its provider calls it, or of a tool."),
  limit: wholeNumber(limitSchema).default(100),
});

/** What was spent on models and tools. */
export const usageRoutes: readonly Route[] = [
  defineRoute({
    method: "GET",
    path: "/usage",
    permission: "runs:read",
    event: { none: "sums of what all runs have spent, whoever started them" },
    summary: "Read what was spent on models and tools",
    description:
      "Of calls through the kit, which budgets count: by graph, node, run, model or day. `cost` is null where no price is known.",
    query: querySchema,
    answers: { 200: shows(anyObject, "The sums.") },
    refuses: ["too_much"],
    async handle(call) {
      const { since = WEEK, ...asked } = call.query;
      const given = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
      const question = { ...(given as typeof asked), since };
      return json(await readUsage(call.deps.database, call.principal.tenant_id, question));
    },
  }),
];
