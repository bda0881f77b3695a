import { randomUUID } from "node:crypto";
import { z } from "zod";
import { createThread, startedThread } from "../../postgres/create-run.ts";
import { type KeyedRequest, type Started, startedRun } from "../../postgres/idempotency.ts";
import { mergeThreadMetadata, searchThreads, selectThread, type ThreadRow } from "../../postgres/threads.sql.ts";
import { metadataSchema } from "../../protocol/json.ts";
import type { RunKwargs } from "../../protocol/run.ts";
import { THREAD_STATUSES, threadCreateSchema } from "../../protocol/thread.ts";
import { graphOfThread } from "../find-graph.ts";
import { once, readCreation } from "../idempotency.ts";
import { limitSchema, offsetSchema, readBody, uuidParameter } from "../read-request.ts";
import { removeThread } from "../remove-thread.ts";
import { empty, json, page } from "../reply.ts";
import type { Call, Route } from "../route.ts";
import { noThread } from "../start-run.ts";
import { wireThread } from "../wire.ts";
import { awaitWrite, queueWrite } from "../write-thread.ts";

// Left out silently, these would make an answer that is wrong without looking it.
const notServed = z.undefined({ error: "is not served yet; leave it out" }).or(z.null());

const createSchema = threadCreateSchema.extend({ supersteps: notServed.optional(), ttl: notServed.optional() });

const searchSchema = z.object({
  status: z.enum(THREAD_STATUSES).nullish(),
  metadata: metadataSchema.nullish(),
  limit: limitSchema.nullish(),
  offset: offsetSchema.nullish(),
  ids: notServed.optional(),
  values: notServed.optional(),
});

const patchSchema = z.object({ metadata: metadataSchema.nullish(), ttl: notServed.optional() });

/** Threads. */
export const threadRoutes: readonly Route[] = [
  {
    method: "POST",
    path: "/threads",
    permission: "runs:create",
    async handle(call) {
      const { body, keyed } = await readCreation(call, createSchema);
      const thread = await createThread(call.deps.database, {
        tenant_id: call.principal.tenant_id,
        thread_id: body.thread_id ?? undefined,
        metadata: body.metadata ?? {},
        if_exists: body.if_exists ?? "raise",
        idempotency: keyed,
      });
      return json(wireThread(thread, call.deps.settings));
    },
  },
  {
    method: "POST",
    path: "/threads/search",
    permission: "runs:read",
    async handle(call) {
      const { status, metadata, limit, offset } = await readBody(call, searchSchema);
      const range = { limit: limit ?? 10, offset: offset ?? 0 };
      const filter = { status: status ?? null, metadata: metadata ?? {}, ...range };
      const rows = await call.deps.database.many(searchThreads(call.principal.tenant_id, filter));
      const threads = rows.map((row) => wireThread(row, call.deps.settings));
      return page(threads, range, rows[0]?.total ?? (range.offset === 0 ? 0 : undefined));
    },
  },
  {
    method: "GET",
    path: "/threads/:thread_id",
    permission: "runs:read",
    handle: async (call) => json(wireThread(await findThread(call), call.deps.settings)),
  },
  {
    method: "PATCH",
    path: "/threads/:thread_id",
    permission: "runs:create",
    async handle(call) {
      const thread_id = uuidParameter(call, "thread_id");
      const { metadata } = await readBody(call, patchSchema);
      const statement = mergeThreadMetadata(call.principal.tenant_id, thread_id, metadata ?? {});
      const thread = await call.deps.database.maybeOne(statement);
      if (thread === undefined) throw noThread(thread_id);
      return json(wireThread(thread, call.deps.settings));
    },
  },
  {
    method: "DELETE",
    path: "/threads/:thread_id",
    permission: "runs:cancel",
    async handle(call) {
      await removeThread(call, uuidParameter(call, "thread_id"));
      return empty(204);
    },
  },
  {
    method: "POST",
    path: "/threads/:thread_id/copy",
    permission: "runs:create",
    async handle(call) {
      const { keyed } = await readCreation(call, z.unknown());
      return json(wireThread(await copyThread(call, keyed), call.deps.settings));
    },
  },
];

/** The thread that the path names. Throws `not_found`, `invalid`. */
export async function findThread(call: Call): Promise<ThreadRow> {
  const thread_id = uuidParameter(call, "thread_id");
  const thread = await call.deps.database.maybeOne(selectThread(call.principal.tenant_id, thread_id));
  if (thread === undefined) throw noThread(thread_id);
  return thread;
}

async function copyThread(call: Call, keyed: KeyedRequest | undefined): Promise<ThreadRow> {
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

async function startCopy(call: Call, keyed: KeyedRequest | undefined): Promise<Started> {
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
