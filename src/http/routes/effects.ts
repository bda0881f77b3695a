import { z } from "zod";
import {
  type EffectFilter,
  effectsBetween,
  type ListedEffect,
  newestEffects,
  newestEffectsOfThread,
  type ShownEffect,
  selectEffect,
} from "../../postgres/effect-list.sql.ts";
import { noEffect, recallEffect } from "../../postgres/recall-effect.ts";
import { selectRunById } from "../../postgres/runs.sql.ts";
import { EFFECT_STATUSES } from "../../protocol/effect.ts";
import { uuidSchema } from "../../protocol/json.ts";
import { anyObject, shows } from "../answers.ts";
import { idPrefixSchema, idsWith } from "../id-range.ts";
import { limitSchema, textSchema, wholeNumber } from "../read-request.ts";
import { json } from "../reply.ts";
import { type Call, defineRoute, type Route } from "../route.ts";

const listSchema = z.object({
  status: z.enum(EFFECT_STATUSES).optional(),
  name: textSchema.optional(),
  thread_id: uuidSchema.optional(),
  run_id: uuidSchema.optional().describe("The run that made the last attempt."),
  id_prefix: idPrefixSchema.optional().describe("The beginning of an effect's id; nothing else is looked at then."),
  after: uuidSchema.optional().describe("The effect that the page before gave as next."),
  limit: wholeNumber(limitSchema).default(100),
});
type Wish = z.infer<typeof listSchema>;

const recallSchema = z
  .object({ reason: textSchema.refine((reason) => reason.trim() !== "", "must say why") })
  .meta({ id: "EffectRecall" });

/** Effects: what nodes did outside, what of it is in doubt or held back, and calling it back. */
export const effectRoutes: readonly Route[] = [
  defineRoute({
    method: "GET",
    path: "/effects",
    permission: "runs:read",
    event: "threads:search",
    summary: "List what nodes did outside, newest first",
    query: listSchema,
    answers: { 200: shows(anyObject, "The effects, and the one to go on after.") },
    async handle(call) {
      const effects = await find(call);
      const isFull = call.query.id_prefix === undefined && effects.length === call.query.limit;
      return json({ effects, next: isFull ? (effects.at(-1)?.effect_id ?? null) : null });
    },
  }),
  defineRoute({
    method: "GET",
    path: "/effects/:effect_id",
    permission: "runs:read",
    event: "threads:read",
    summary: "Read an effect with what it was given and what it gave",
    answers: { 200: shows(anyObject, "The effect.") },
    handle: async (call) => json(await shown(call)),
  }),
  defineRoute({
    method: "POST",
    path: "/effects/:effect_id/recall",
    // It decides that something does not happen which somebody may have approved: what agents never hold.
    permission: "review:decide",
    event: "threads:update",
    summary: "Call back an effect that is held",
    body: recallSchema,
    example: { reason: "The invoice was for another customer." },
    answers: { 200: shows(anyObject, "The effect, which will not happen.") },
    refuses: ["effect_settled"],
    async handle(call) {
      const { tenant_id, principal_id } = call.principal;
      const { effect_id } = call.params;
      await recallEffect(call.deps.database, { tenant_id, effect_id, principal_id, reason: call.body.reason });
      return json(await shown(call));
    },
  }),
];

async function find(call: Call<never, undefined, Wish>): Promise<ListedEffect[]> {
  const { status = null, name = null, after = null, thread_id, run_id, id_prefix, limit } = call.query;
  const { tenant_id } = call.principal;
  const { database } = call.deps;
  const seen = call.access.of("threads");
  if (id_prefix !== undefined) {
    const ids = idsWith(id_prefix);
    return ids === undefined ? [] : await database.many(effectsBetween(tenant_id, ids.first, ids.last, limit, seen));
  }
  const filter: EffectFilter = { status, name, after, limit, seen };
  const run = run_id === undefined ? undefined : await database.maybeOne(selectRunById(tenant_id, run_id));
  if (run_id !== undefined && (run === undefined || run.thread_id !== (thread_id ?? run.thread_id))) return [];
  const place = thread_id ?? run?.thread_id;
  if (place === undefined) return await database.many(newestEffects(tenant_id, filter));
  const ofThread = { ...filter, thread_id: place, run_id: run_id ?? null };
  return await database.many(newestEffectsOfThread(tenant_id, ofThread));
}

async function shown(call: Call<"effect_id">) {
  const { effect_id } = call.params;
  const effect = await call.deps.database.maybeOne(selectEffect(call.principal.tenant_id, effect_id));
  if (effect === undefined) throw noEffect(effect_id);
  return parsed(effect);
}

function parsed({ args, result, ...effect }: ShownEffect) {
  const read = (text: string | null) => (text === null ? null : (JSON.parse(text) as unknown));
  return { ...effect, args: read(args), result: read(result) };
}
