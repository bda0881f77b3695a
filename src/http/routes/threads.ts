import { randomUUID } from "node:crypto";
import { z } from "zod";
import { createThread, startedThread } from "../../postgres/create-run.ts";
import { type KeyedRequest, type Started, startedRun } from "../../postgres/idempotency.ts";
import { selectTtl, setTtl } from "../../postgres/thread-ttl.sql.ts";
import { mergeThreadMetadata, selectHeadCheckpoint, selectThread, type ThreadRow } from "../../postgres/threads.sql.ts";
import { metadataSchema } from "../../protocol/json.ts";
import type { RunKwargs } from "../../protocol/run.ts";
import { threadCreateSchema, threadTtlSchema } from "../../protocol/thread.ts";
import { threadWire } from "../../protocol/wire-schemas.ts";
import { says, shows } from "../answers.ts";
import { graphOfThread } from "../find-graph.ts";
import { once } from "../idempotency.ts";
import { listParameter } from "../read-request.ts";
import { removeThread } from "../remove-thread.ts";
import { empty, json, text } from "../reply.ts";
import { type Call, defineRoute, type Route } from "../route.ts";
import { noThread } from "../start-run.ts";
import { refuseSupersteps, takeSupersteps } from "../supersteps.ts";
import { startTtl } from "../thread-ttl.ts";
import { wireThread } from "../wire.ts";
import { awaitWrite, queueWrite } from "../write-thread.ts";

const patchSchema = z.object({ metadata: metadataSchema.nullish(), ttl: threadTtlSchema.nullish() });

const includeQuery = z.object({
  include: listParameter(z.string())
    .transform((names) => names.flatMap((name) => name.split(",")))
    .pipe(z.array(z.enum(["ttl"])))
    .optional(),
});

const ttlWire = threadTtlSchema.extend({ expires_at: z.iso.datetime({ offset: true }).nullable() });

/** Threads. */
export const threadRoutes: readonly Route[] = [
  defineRoute({
    method: "POST",
    path: "/threads",
    permission: "runs:create",
    event: "threads:create",
    summary: "Make a thread",
    description: "With supersteps it has a history from the beginning, which needs threads:write_state.",
    body: threadCreateSchema,
    example: { metadata: { customer: "c-17" }, ttl: { ttl: 1440, strategy: "delete" } },
    keyed: true,
    answers: { 200: shows(threadWire, "The thread.") },
    refuses: ["thread_exists", "guarded", "not_found", "idempotency_key_reused", "no_worker"],
    handle: create,
  }),
  defineRoute({
    method: "GET",
    path: "/threads/:thread_id",
    permission: "runs:read",
    event: "threads:read",
    summary: "Read a thread",
    query: includeQuery,
    answers: { 200: shows(threadWire.extend({ ttl: ttlWire.nullish() }), "The thread.") },
    async handle(call) {
      const { include } = call.query;
      const thread = wireThread(await findThread(call), call.deps.settings);
      return json(include?.includes("ttl") ? { ...thread, ttl: await readTtl(call, thread.thread_id) } : thread);
    },
  }),
  defineRoute({
    method: "PATCH",
    path: "/threads/:thread_id",
    permission: "runs:create",
    event: "threads:update",
    summary: "Add to a thread's metadata, or say how long it stays",
    body: patchSchema,
    example: { metadata: { customer: "c-18" } },
    answers: { 200: shows(threadWire, "The thread."), 204: says("Done; with Prefer: return=minimal.") },
    handle: patch,
  }),
  defineRoute({
    method: "PATCH",
    path: "/threads/:thread_id/state",
    permission: "runs:create",
    event: "threads:update",
    summary: "Add to a thread's metadata, as the clients' patchState",
    description: "The values of its state stay as they are.",
    body: patchSchema.pick({ metadata: true }),
    example: { metadata: { customer: "c-18" } },
    answers: { 200: shows(threadWire, "The thread."), 204: says("Done; with Prefer: return=minimal.") },
    handle: patch,
  }),
  defineRoute({
    method: "DELETE",
    path: "/threads/:thread_id",
    permission: "runs:cancel",
    event: "threads:delete",
    summary: "Delete a thread with its runs and its states",
    answers: { 204: says("It is gone.") },
    refuses: ["guarded"],
    async handle(call) {
      await removeThread(call, call.params.thread_id);
      return empty(204);
    },
  }),
  defineRoute({
    method: "POST",
    path: "/threads/:thread_id/copy",
    permission: "runs:create",
    event: "threads:read",
    summary: "Copy a thread with its states",
    body: z.unknown(),
    keyed: true,
    answers: { 200: shows(threadWire, "The copy.") },
    // As LangGraph's own server says it.
    hidden: ({ message }) => text(message, 409),
    refuses: ["thread_busy", "idempotency_key_reused", "no_worker"],
    async handle(call) {
      const { metadata } = await findThread(call);
      await call.access.ask("threads:create", { thread_id: null, metadata: structuredClone(metadata) });
      return json(wireThread(await copyThread(call), call.deps.settings));
    },
  }),
];

async function patch(call: Call<"thread_id", z.infer<typeof patchSchema>>): Promise<Response> {
  const { thread_id } = call.params;
  const { metadata, ttl } = call.body;
  const { tenant_id } = call.principal;
  const thread = await call.deps.database.maybeOne(mergeThreadMetadata(tenant_id, thread_id, metadata ?? {}));
  if (thread === undefined) throw noThread(thread_id);
  if (ttl != null) await call.deps.database.run(setTtl(tenant_id, thread_id, ttl.ttl, ttl.strategy));
  const isMinimal = /\breturn=minimal\b/.test(call.request.headers.get("prefer") ?? "");
  return isMinimal ? empty(204) : json(wireThread(thread, call.deps.settings));
}

async function create(call: Call<never, z.infer<typeof threadCreateSchema>>): Promise<Response> {
  const { body, keyed } = call;
  const { tenant_id } = call.principal;
  const { database, settings } = call.deps;
  const metadata = body.metadata ?? {};
  const supersteps = body.supersteps ?? [];
  if (supersteps.length > 0) await refuseSupersteps(call, metadata, supersteps);
  const if_exists = body.if_exists ?? "raise";
  const wished = { tenant_id, thread_id: body.thread_id ?? undefined, metadata, if_exists, idempotency: keyed };
  const wanted = { ...wished, filter: call.access.of("threads") };
  const thread = await createThread(database, wanted);
  const { thread_id } = thread;
  await startTtl(call, thread_id, body.ttl);
  // One that was there already keeps its own history.
  if (supersteps.length === 0 || (await database.maybeOne(selectHeadCheckpoint(tenant_id, thread_id))) !== undefined) {
    return json(wireThread(thread, settings));
  }
  await takeSupersteps(call, thread, supersteps);
  return json(wireThread(await startedThread(database, tenant_id, thread_id), settings));
}

async function readTtl({ deps, principal }: Call, thread_id: string) {
  const row = await deps.database.maybeOne(selectTtl(principal.tenant_id, thread_id));
  if (row === undefined || row.ttl_minutes === null) return null;
  return { ttl: row.ttl_minutes, strategy: row.ttl_strategy, expires_at: row.expires_at };
}

/** The thread that the path names. Throws `not_found`, `invalid`. */
export async function findThread(call: Call<"thread_id">): Promise<ThreadRow> {
  const { thread_id } = call.params;
  const thread = await call.deps.database.maybeOne(selectThread(call.principal.tenant_id, thread_id));
  if (thread === undefined) throw noThread(thread_id);
  return thread;
}

async function copyThread(call: Call<"thread_id">): Promise<ThreadRow> {
  const { keyed } = call;
  const { database } = call.deps;
  const { tenant_id } = call.principal;
  const started = await once(
    call,
    keyed,
    () => startCopy(call, keyed),
    async (earlier) => earlier,
  );
  if (started.run_id === null) return await startedThread(database, tenant_id, started.thread_id);
  const run = await awaitWrite(call, await startedRun(database, tenant_id, started));
  const { copy_to = "" } = JSON.parse(run.kwargs) as RunKwargs;
  return await startedThread(database, tenant_id, copy_to);
}

async function startCopy(call: Call<"thread_id">, keyed: KeyedRequest | undefined): Promise<Started> {
  const { tenant_id, thread_id, graph_id, metadata } = await findThread(call);
  // Nothing has run on it, so there is nothing to copy but what it is called.
  if (graph_id === null) {
    const request = { tenant_id, metadata, if_exists: "raise", idempotency: keyed } as const;
    const copy = await createThread(call.deps.database, request);
    return { thread_id: copy.thread_id, run_id: null };
  }
  const kwargs = { copy_to: randomUUID() };
  return await queueWrite(call, thread_id, graphOfThread(call, graph_id), { kind: "copy", kwargs }, keyed);
}
