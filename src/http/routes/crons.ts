import { z } from "zod";
import { checkInput } from "../../graphs/check-input.ts";
import { narrowed } from "../../policy/access-filter.ts";
import { CRON_SORTS } from "../../postgres/crons.sql.ts";
import { countCrons, createCron, deleteCron, readCron, searchCrons, updateCron } from "../../postgres/crons.ts";
import type { Assistant } from "../../protocol/assistant.ts";
import {
  CRON_MEMBERS,
  type Cron,
  type CronPayload,
  type CronUpdate,
  cronCreateSchema,
  cronUpdateSchema,
} from "../../protocol/cron.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import { metadataSchema, uuidSchema } from "../../protocol/json.ts";
import { projectUserOf } from "../../protocol/principal.ts";
import { cronPartWire, cronWire } from "../../protocol/wire-schemas.ts";
import { lists, says, shows } from "../answers.ts";
import { checkWebhook } from "../check-webhook.ts";
import { invalid } from "../failure.ts";
import { findAssistant, graphForRun, startableAssistant } from "../find-graph.ts";
import { pickMembers } from "../pick-members.ts";
import { limitSchema, offsetSchema, textSchema } from "../read-request.ts";
import { empty, json, page } from "../reply.ts";
import { type Call, defineRoute, type Route } from "../route.ts";
import { startedWith } from "../run-kwargs.ts";
import { findThread } from "./threads.ts";

const filterSchema = z.object({
  assistant_id: textSchema.nullish(),
  thread_id: uuidSchema.nullish(),
  enabled: z.boolean().nullish(),
  metadata: metadataSchema.nullish(),
});

const searchSchema = filterSchema.extend({
  limit: limitSchema.nullish(),
  offset: offsetSchema.nullish(),
  sort_by: z.enum(CRON_SORTS).nullish(),
  sort_order: z.enum(["asc", "desc"]).nullish(),
  select: z.array(z.enum(CRON_MEMBERS)).max(100).nullish(),
});

/** Runs that start by the clock, in the name of who has asked for them. */
export const cronRoutes: readonly Route[] = [
  defineRoute({
    method: "POST",
    path: "/runs/crons",
    permission: "runs:create",
    event: ["crons:create", "threads:create_run"],
    summary: "Start runs by the clock, each on a thread of its own",
    body: cronCreateSchema,
    example: { assistant_id: "triage", schedule: "0 9 * * 1-5", timezone: "Europe/Berlin", input: { amount: 0 } },
    answers: { 200: shows(cronWire, "The cron.") },
    refuses: ["not_found"],
    handle: async (call) => json(await create(call, call.body, null)),
  }),
  defineRoute({
    method: "POST",
    path: "/threads/:thread_id/runs/crons",
    permission: "runs:create",
    event: ["crons:create", "threads:create_run"],
    summary: "Start runs by the clock on one thread",
    body: cronCreateSchema,
    answers: { 200: shows(cronWire, "The cron.") },
    handle: async (call) => json(await create(call, call.body, (await findThread(call)).thread_id)),
  }),
  defineRoute({
    method: "POST",
    path: "/runs/crons/search",
    permission: "runs:read",
    event: "crons:search",
    summary: "Search crons",
    body: searchSchema,
    answers: { 200: lists(cronPartWire, "Those found, each with the members that were asked for.") },
    handle: search,
  }),
  defineRoute({
    method: "POST",
    path: "/runs/crons/count",
    permission: "runs:read",
    event: "crons:search",
    summary: "Count crons",
    body: filterSchema,
    answers: { 200: shows(z.int(), "How many there are.") },
    async handle(call) {
      const filter = await filterOf(call, call.body);
      return json(filter === null ? 0 : await countCrons(call.deps.database, call.principal.tenant_id, filter));
    },
  }),
  defineRoute({
    method: "PATCH",
    path: "/runs/crons/:cron_id",
    permission: "runs:create",
    event: "crons:update",
    summary: "Change a cron",
    description: "What is absent stays. Its owner and administrators may.",
    body: cronUpdateSchema,
    answers: { 200: shows(cronWire, "The cron as it is now.") },
    handle: update,
  }),
  defineRoute({
    method: "DELETE",
    path: "/runs/crons/:cron_id",
    permission: "runs:create",
    event: "crons:delete",
    summary: "Delete a cron",
    answers: { 204: says("It is gone.") },
    async handle(call) {
      const { cron_id } = await findOwn(call);
      await deleteCron(call.deps.database, call.principal.tenant_id, cron_id);
      return empty(204);
    },
  }),
];

async function create(call: Call, body: z.infer<typeof cronCreateSchema>, thread_id: string | null): Promise<Cron> {
  const { assistant_id: named, schedule, timezone, end_time, enabled, on_run_completed, metadata, ...payload } = body;
  const assistant = await startableAssistant(call, named);
  const { tenant_id, principal_id } = call.principal;
  const user = projectUserOf(call.principal);
  return await createCron(call.deps.database, {
    tenant_id,
    principal_id,
    assistant_id: assistant.assistant_id,
    thread_id,
    schedule,
    timezone: timezone ?? "UTC",
    end_time: end_time ?? null,
    enabled: enabled ?? true,
    on_run_completed: on_run_completed ?? "delete",
    payload: await checked(call, assistant, payload),
    metadata: metadata ?? {},
    ...(user === undefined
      ? { started_with: startedWith(call.principal) }
      : { grant: { user, filter: call.access.of("threads") } }),
  });
}

async function update(call: Call<"cron_id", CronUpdate>): Promise<Response> {
  const { cron_id, assistant_id } = await findOwn(call);
  const asked = call.body;
  const changes = "input" in asked || asked.webhook != null;
  const { input, webhook } = asked;
  const sure = changes ? await checked(call, await findAssistant(call, assistant_id), { input, webhook }) : {};
  const given = Object.fromEntries(Object.entries(sure).filter(([name]) => name in asked));
  return json(await updateCron(call.deps.database, call.principal.tenant_id, cron_id, { ...asked, ...given }));
}

/** What its runs are asked to do; what is wrong with it is said now, and not each time the clock strikes. Throws `invalid`, `not_found`. */
async function checked(call: Call, { graph_id }: Assistant, payload: CronPayload): Promise<CronPayload> {
  const graph = graphForRun(call, graph_id);
  const faults = payload.input === undefined ? [] : await checkInput(graph, payload.input);
  if (faults.length > 0) throw invalid(faults.map((fault) => ({ ...fault, pointer: `/input${fault.pointer}` })));
  return payload.webhook == null ? payload : { ...payload, webhook: checkWebhook(call, payload.webhook) };
}

/** The cron that the path names. Its runs are its owner's, so what they do is too. Throws `not_found`, `permission_denied`. */
async function findOwn(call: Call<"cron_id">): Promise<Cron> {
  const { tenant_id, principal_id, permissions } = call.principal;
  const cron = await readCron(call.deps.database, tenant_id, call.params.cron_id);
  if (cron.user_id === principal_id || permissions.has("admin")) return cron;
  throw new HoldpointError(
    "permission_denied",
    `cron ${cron.cron_id} starts runs in the name of ${cron.user_id}: ${principal_id} does not hold admin`,
    { facts: { principal_id, permission: ["admin"] } },
  );
}

async function search(call: Call<never, z.infer<typeof searchSchema>>): Promise<Response> {
  const { limit, offset, sort_by, sort_order, select, ...asked } = call.body;
  const range = { limit: limit ?? 10, offset: offset ?? 0 };
  const filter = await filterOf(call, asked);
  if (filter === null) return page([], range, 0);
  const { tenant_id } = call.principal;
  const order = { sort_by: sort_by ?? "created_at", sort_order: sort_order ?? "desc" } as const;
  const [crons, total] = await Promise.all([
    searchCrons(call.deps.database, tenant_id, { ...filter, ...range, ...order }),
    countCrons(call.deps.database, tenant_id, filter),
  ]);
  return page(pickMembers(crons, select as (keyof Cron)[] | null | undefined), range, total);
}

/** Whose crons somebody sees whom no filter says it of: what a user has others do is not for every other user. */
function onlyOf({ principal, access }: Call): string | null {
  const isFiltered = Object.keys(access.of("crons")).length > 0;
  if (projectUserOf(principal) === undefined || isFiltered || principal.permissions.has("admin")) return null;
  return principal.principal_id;
}

/** What is searched for; null where it is of an assistant that there is not, or of what may not be seen. */
async function filterOf(call: Call, asked: z.infer<typeof filterSchema>) {
  const { assistant_id: named, thread_id = null, enabled = null, metadata } = asked;
  const held = narrowed(metadata ?? {}, call.access.of("crons"));
  if (held === undefined) return null;
  const rest = { thread_id, enabled, metadata: held, principal_id: onlyOf(call) };
  if (named == null) return { ...rest, assistant_id: null };
  const id = uuidSchema.safeParse(named);
  if (id.success) return { ...rest, assistant_id: id.data };
  const assistant = await findAssistant(call, named).catch(() => undefined);
  return assistant === undefined ? null : { ...rest, assistant_id: assistant.assistant_id };
}
