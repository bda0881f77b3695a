import { z } from "zod";
import { seenThreads } from "../../postgres/access.sql.ts";
import { newestThreads, numberOfThreads, sortedThreads, type ThreadPage } from "../../postgres/thread-list.sql.ts";
import { selectThread } from "../../postgres/threads.sql.ts";
import { HoldpointError, isHoldpointError } from "../../protocol/errors.ts";
import { uuidSchema } from "../../protocol/json.ts";
import { threadPartWire } from "../../protocol/wire-schemas.ts";
import { lists, shows } from "../answers.ts";
import { pickMembers } from "../pick-members.ts";
import { removeThread } from "../remove-thread.ts";
import { json, page } from "../reply.ts";
import { type Call, defineRoute, type Route } from "../route.ts";
import { extractFrom, threadCountSchema, threadSearchSchema, threadWish } from "../thread-wish.ts";
import { wireThread } from "../wire.ts";

const pruneSchema = z.object({
  thread_ids: z.array(uuidSchema).max(1_000),
  strategy: z.enum(["delete", "keep_latest"]).nullish(),
});

/** Threads, many at once. */
export const threadSearchRoutes: readonly Route[] = [
  defineRoute({
    method: "POST",
    path: "/threads/search",
    permission: "runs:read",
    event: "threads:search",
    summary: "Search threads",
    body: threadSearchSchema,
    example: { status: "interrupted", metadata: { customer: "c-17" }, select: ["thread_id", "interrupts"] },
    answers: {
      200: lists(threadPartWire, "Those found, each with the members that were asked for and what was extracted."),
    },
    handle: search,
  }),
  defineRoute({
    method: "POST",
    path: "/threads/count",
    permission: "runs:read",
    event: "threads:search",
    summary: "Count threads",
    body: threadCountSchema,
    answers: { 200: shows(z.int(), "How many there are.") },
    async handle(call) {
      const wish = threadWish(call.body, call.access);
      if (wish === undefined) return json(0);
      return json((await call.deps.database.one(numberOfThreads(call.principal.tenant_id, wish))).total);
    },
  }),
  defineRoute({
    method: "POST",
    path: "/threads/prune",
    permission: "runs:cancel",
    event: "threads:delete",
    summary: "Delete threads, or all but their newest state",
    body: pruneSchema,
    example: { thread_ids: ["2b9e6b7e-4f57-4f0e-9a53-5c1f0d8f9a11"], strategy: "keep_latest" },
    answers: { 200: shows(z.object({ pruned_count: z.int() }), "How many there were.") },
    refuses: ["guarded"],
    async handle(call) {
      const { thread_ids, strategy } = call.body;
      const ids = await seenOf(call, [...new Set(thread_ids)]);
      const pruned = strategy === "keep_latest" ? await keepLatest(call, ids) : await removeThreads(call, ids);
      return json({ pruned_count: pruned });
    },
  }),
];

/** Of the threads those that whoever asks may see: the others are not there for them. */
async function seenOf({ deps, principal, access }: Call, thread_ids: string[]): Promise<string[]> {
  const seen = await deps.database.many(seenThreads(principal.tenant_id, thread_ids, access.of("threads")));
  return seen.map(({ thread_id }) => thread_id);
}

async function search(call: Call<never, z.infer<typeof threadSearchSchema>>): Promise<Response> {
  const { limit, offset, sort_by, sort_order, select, extract, ...asked } = call.body;
  const { database, settings } = call.deps;
  const { tenant_id } = call.principal;
  const range: ThreadPage = {
    limit: limit ?? 10,
    offset: offset ?? 0,
    sort_by: sort_by ?? "updated_at",
    sort_order: sort_order ?? "desc",
  };
  const wish = threadWish(asked, call.access);
  if (wish === undefined) return page([], range, 0);
  const isNewest = range.sort_by === "updated_at" && range.sort_order === "desc";
  const [rows, { total }] = await Promise.all([
    database.many((isNewest ? newestThreads : sortedThreads)(tenant_id, wish, range)),
    database.one(numberOfThreads(tenant_id, wish)),
  ]);
  const threads = rows.map((row) => wireThread(row, settings));
  const shown = pickMembers(threads, select as (keyof (typeof threads)[number])[] | null | undefined);
  if (extract == null) return page(shown, range, total);
  const extracted = shown.map((thread, place) => ({
    ...thread,
    extracted: extractFrom(threads[place] as (typeof threads)[number], extract),
  }));
  return page(extracted, range, total);
}

/** Removes all but the newest state of each thread that there is; gives how many there are. */
async function keepLatest({ deps, principal }: Call, thread_ids: readonly string[]): Promise<number> {
  let pruned = 0;
  for (const thread_id of thread_ids) {
    if ((await deps.database.maybeOne(selectThread(principal.tenant_id, thread_id))) === undefined) continue;
    await deps.saver.prune({ thread_ids: [thread_id], keepLast: 1 });
    pruned += 1;
  }
  return pruned;
}

/** Removes those of the threads that there are and that can be; gives how many. Throws `guarded` when one has to stay. */
async function removeThreads(call: Call, thread_ids: readonly string[]): Promise<number> {
  const refused: HoldpointError[] = [];
  let removed = 0;
  for (const thread_id of thread_ids) {
    try {
      await removeThread(call, thread_id);
      removed += 1;
    } catch (error) {
      if (!isHoldpointError(error) || error.code === "database_unreachable") throw error;
      if (error.code !== "not_found") refused.push(error);
    }
  }
  const [first] = refused;
  if (first === undefined) return removed;
  const facts = { pruned_count: removed, refused: refused.map((error) => error.facts["thread_id"]) };
  const message = `${refused.length} threads stay, ${removed} were removed; the first: ${first.message}`;
  throw new HoldpointError(first.code, message, { facts });
}
