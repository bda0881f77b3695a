import { z } from "zod";
import { createThread } from "../../postgres/create-run.ts";
import { mergeThreadMetadata, searchThreads, selectThread, type ThreadRow } from "../../postgres/threads.sql.ts";
import { metadataSchema } from "../../protocol/json.ts";
import { THREAD_STATUSES, threadCreateSchema } from "../../protocol/thread.ts";
import { graphOfThread } from "../find-graph.ts";
import { limitSchema, offsetSchema, readBody, uuidParameter } from "../read-request.ts";
import { json, page } from "../reply.ts";
import type { Call, Route } from "../route.ts";
import { noThread } from "../start-run.ts";
import { wireThread } from "../wire.ts";
import { writeThread } from "../write-thread.ts";

// Left out silently, these would make an answer that is wrong without looking it.
const notServed = z.undefined({ error: "is not served yet; leave it out" }).or(z.null());

const createSchema = threadCreateSchema.extend({ supersteps: notServed.optional() });

const searchSchema = z.object({
  status: z.enum(THREAD_STATUSES).nullish(),
  metadata: metadataSchema.nullish(),
  limit: limitSchema.nullish(),
  offset: offsetSchema.nullish(),
  ids: notServed.optional(),
  values: notServed.optional(),
});

const patchSchema = z.object({ metadata: metadataSchema.nullish() });

/** Threads. */
export const threadRoutes: readonly Route[] = [
  {
    method: "POST",
    path: "/threads",
    permission: "runs:create",
    async handle(call) {
      const { thread_id, metadata, if_exists } = await readBody(call, createSchema);
      const thread = await createThread(call.deps.database, {
        tenant_id: call.principal.tenant_id,
        thread_id: thread_id ?? undefined,
        metadata: metadata ?? {},
        if_exists: if_exists ?? "raise",
      });
      return json(wireThread(thread));
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
      return page(rows.map(wireThread), range, rows[0]?.total ?? (range.offset === 0 ? 0 : undefined));
    },
  },
  {
    method: "GET",
    path: "/threads/:thread_id",
    permission: "runs:read",
    handle: async (call) => json(wireThread(await findThread(call))),
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
      return json(wireThread(thread));
    },
  },
  {
    method: "POST",
    path: "/threads/:thread_id/copy",
    permission: "runs:create",
    handle: async (call) => json(wireThread(await copyThread(call, await findThread(call)))),
  },
];

/** The thread that the path names. Throws `not_found`, `invalid`. */
export async function findThread(call: Call): Promise<ThreadRow> {
  const thread_id = uuidParameter(call, "thread_id");
  const thread = await call.deps.database.maybeOne(selectThread(call.principal.tenant_id, thread_id));
  if (thread === undefined) throw noThread(thread_id);
  return thread;
}

async function copyThread(call: Call, thread: ThreadRow): Promise<ThreadRow> {
  const { database } = call.deps;
  const { tenant_id } = call.principal;
  // Nothing has run on it, so there is nothing to copy but what it is called.
  if (thread.graph_id === null) {
    return await createThread(database, { tenant_id, metadata: thread.metadata, if_exists: "raise" });
  }
  const copy_to = crypto.randomUUID();
  await writeThread(call, thread.thread_id, graphOfThread(call, thread.graph_id), {
    kind: "copy",
    kwargs: { copy_to },
  });
  return await database.one(selectThread(tenant_id, copy_to));
}
