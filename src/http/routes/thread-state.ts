import { z } from "zod";
import { emptyState, readHistory, readState, type StateAddress, type ThreadState } from "../../graphs/read-state.ts";
import { wireJson } from "../../graphs/wire-json.ts";
import { selectCheckpointOfRun } from "../../postgres/idempotency.sql.ts";
import { type KeyedRequest, startedRun } from "../../postgres/idempotency.ts";
import type { RunRow } from "../../postgres/runs.sql.ts";
import { selectHeadCheckpoint, type ThreadRow } from "../../postgres/threads.sql.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import { jsonObjectSchema, metadataSchema, uuidSchema } from "../../protocol/json.ts";
import { stateUpdateSchema } from "../../protocol/thread.ts";
import { threadStateWire } from "../../protocol/wire-schemas.ts";
import { anyObject, shows } from "../answers.ts";
import { bypassOf } from "../bypass.ts";
import { invalid } from "../failure.ts";
import { graphOfThread, nodesOfThread } from "../find-graph.ts";
import { aliasedState } from "../hitl-aliases.ts";
import { once } from "../idempotency.ts";
import { flag, limitSchema, listParameter, textSchema, wholeNumber } from "../read-request.ts";
import { json, jsonText } from "../reply.ts";
import { type Call, defineRoute, type Route } from "../route.ts";
import { selected, stateMemberSchema } from "../select-state.ts";
import { awaitWrite, queueWrite, RESERVED_NODES } from "../write-thread.ts";
import { findThread } from "./threads.ts";

const checkpointSchema = z.object({
  checkpoint_id: uuidSchema.nullish(),
  checkpoint_ns: textSchema.nullish(),
});

const stateQuery = z.object({
  subgraphs: flag.default(false),
  checkpoint_ns: textSchema.optional(),
  select: listParameter(stateMemberSchema).optional(),
});

const selectSchema = z.array(stateMemberSchema).max(100).nullish();

const stateAtSchema = z.object({
  checkpoint: checkpointSchema.nullish(),
  subgraphs: z.boolean().nullish(),
  select: selectSchema,
});

const beforeSchema = z.union([
  uuidSchema,
  z.object({ checkpoint_id: uuidSchema }).transform(({ checkpoint_id }) => checkpoint_id),
  z
    .object({ configurable: z.object({ checkpoint_id: uuidSchema }) })
    .transform(({ configurable }) => configurable.checkpoint_id),
]);

const historySchema = z.object({
  limit: limitSchema.nullish(),
  before: beforeSchema.nullish(),
  metadata: metadataSchema.nullish(),
  checkpoint: checkpointSchema.nullish(),
  select: selectSchema,
});

const historyQuery = z.object({
  limit: wholeNumber(limitSchema).optional(),
  before: uuidSchema.optional(),
  select: listParameter(stateMemberSchema).optional(),
});

const updateSchema = stateUpdateSchema.extend({
  values: z.union([jsonObjectSchema, z.array(z.unknown()), z.null()]).optional(),
  as_node: textSchema.nullish(),
  checkpoint: checkpointSchema.nullish(),
  bypass_reason: z.string().nullish(),
});

const STATE = { 200: shows(threadStateWire, "The state, with the members that were asked for.") };
const HISTORY = { 200: shows(z.array(threadStateWire), "The states.") };

/** A thread's state: read at once, written by a run. */
export const threadStateRoutes: readonly Route[] = [
  defineRoute({
    method: "GET",
    path: "/threads/:thread_id/state",
    permission: "runs:read",
    event: "threads:read",
    summary: "Read a thread's state",
    query: stateQuery,
    answers: STATE,
    refuses: ["graph_not_loaded"],
    handle: async (call) => await stateAt(call, { checkpoint_ns: call.query.checkpoint_ns }, call.query),
  }),
  defineRoute({
    method: "POST",
    path: "/threads/:thread_id/state/checkpoint",
    permission: "runs:read",
    event: "threads:read",
    summary: "Read a thread's state at a checkpoint",
    body: stateAtSchema,
    answers: STATE,
    refuses: ["graph_not_loaded"],
    async handle(call) {
      const { checkpoint, subgraphs, select } = call.body;
      return await stateAt(call, addressOf(checkpoint), { subgraphs: subgraphs ?? false, select });
    },
  }),
  defineRoute({
    method: "GET",
    path: "/threads/:thread_id/state/:checkpoint_id",
    permission: "runs:read",
    event: "threads:read",
    summary: "Read a thread's state at a checkpoint, by its id alone",
    query: stateQuery,
    answers: STATE,
    refuses: ["graph_not_loaded"],
    async handle(call) {
      const { checkpoint_id } = call.params;
      return await stateAt(call, { checkpoint_id, checkpoint_ns: call.query.checkpoint_ns }, call.query);
    },
  }),
  defineRoute({
    method: "POST",
    path: "/threads/:thread_id/state",
    permission: "threads:write_state",
    event: "threads:update",
    summary: "Edit a thread's state",
    description: "The edit is a run: it waits for a worker, and is refused while another run of the thread is open.",
    body: updateSchema,
    example: { values: { amount: 90 }, as_node: "price" },
    keyed: true,
    answers: { 200: shows(z.object({ checkpoint: anyObject, configurable: anyObject }), "The checkpoint it made.") },
    refuses: ["thread_busy", "guarded", "graph_not_loaded", "idempotency_key_reused", "no_worker"],
    handle: updateState,
  }),
  defineRoute({
    method: "GET",
    path: "/threads/:thread_id/history",
    permission: "runs:read",
    event: "threads:read",
    summary: "List a thread's states, newest first",
    query: historyQuery,
    answers: HISTORY,
    refuses: ["graph_not_loaded"],
    handle: async (call) => await history(call, call.query),
  }),
  defineRoute({
    method: "POST",
    path: "/threads/:thread_id/history",
    permission: "runs:read",
    event: "threads:read",
    summary: "List a thread's states, newest first, or those of a subgraph",
    body: historySchema,
    example: { limit: 5 },
    answers: HISTORY,
    refuses: ["graph_not_loaded"],
    handle: async (call) => await history(call, call.body),
  }),
];

type Place = Pick<StateAddress, "checkpoint_id" | "checkpoint_ns">;

function addressOf(checkpoint: z.infer<typeof checkpointSchema> | null | undefined): Place {
  // The thread is the path's, whatever the checkpoint says.
  return {
    checkpoint_id: checkpoint?.checkpoint_id ?? undefined,
    checkpoint_ns: checkpoint?.checkpoint_ns ?? undefined,
  };
}

interface Asked {
  subgraphs: boolean;
  select?: readonly string[] | null | undefined;
}

async function stateAt(call: Call<"thread_id">, place: Place, { subgraphs, select }: Asked): Promise<Response> {
  const thread = await findThread(call);
  const address = { thread_id: thread.thread_id, ...place };
  const state = await read(call, thread, address, subgraphs);
  if (state !== undefined) return jsonText(wireJson(selected(shown(call, state), select)));
  if (place.checkpoint_id === undefined) return json(selected(emptyState(thread.thread_id), select));
  throw new HoldpointError("not_found", `Checkpoint ${place.checkpoint_id} not found on thread ${thread.thread_id}`);
}

function shown({ deps }: Call, state: ThreadState): ThreadState {
  return (deps.settings.hitlAliases ?? true) ? aliasedState(state) : state;
}

async function read(
  call: Call,
  thread: ThreadRow,
  address: StateAddress,
  subgraphs: boolean,
): Promise<ThreadState | undefined> {
  const { graph_id } = thread;
  if (graph_id === null || !(await hasState(call, thread))) return undefined;
  return await readState(graphOfThread(call, graph_id), call.deps.saver, address, {
    subgraphs,
    config: JSON.parse(thread.config),
  });
}

/** A thread may name a graph before anything has run on it. */
async function hasState({ deps }: Call, { tenant_id, thread_id }: ThreadRow): Promise<boolean> {
  return (await deps.database.maybeOne(selectHeadCheckpoint(tenant_id, thread_id))) !== undefined;
}

async function history(call: Call<"thread_id">, asked: z.infer<typeof historySchema>): Promise<Response> {
  const thread = await findThread(call);
  if (thread.graph_id === null || !(await hasState(call, thread))) return json([]);
  const graph = graphOfThread(call, thread.graph_id);
  const address = { thread_id: thread.thread_id, ...addressOf(asked.checkpoint) };
  const states = await readHistory(graph, call.deps.saver, address, {
    limit: asked.limit ?? 10,
    before: asked.before ?? undefined,
    metadata: asked.metadata ?? undefined,
    config: JSON.parse(thread.config),
  });
  return jsonText(wireJson(states.map((state) => selected(shown(call, state), asked.select))));
}

async function updateState(call: Call<"thread_id", z.infer<typeof updateSchema>>): Promise<Response> {
  const { body, keyed } = call;
  const { tenant_id } = call.principal;
  const { database } = call.deps;
  const queued = await once(
    call,
    keyed,
    () => queueUpdate(call, body, keyed),
    (started) => startedRun(database, tenant_id, started),
  );
  const { thread_id, run_id } = await awaitWrite(call, queued);
  // An edit of a subgraph's state writes no checkpoint of the thread itself.
  const written =
    (await database.maybeOne(selectCheckpointOfRun(tenant_id, thread_id, run_id))) ??
    (await database.maybeOne(selectHeadCheckpoint(tenant_id, thread_id)));
  const at = { thread_id, checkpoint_ns: "", checkpoint_id: written?.checkpoint_id ?? null };
  return json({ checkpoint: { ...at, checkpoint_map: null }, configurable: at });
}

async function queueUpdate(
  call: Call<"thread_id">,
  body: z.infer<typeof updateSchema>,
  keyed: KeyedRequest | undefined,
): Promise<RunRow> {
  const thread = await findThread(call);
  const { thread_id, graph_id } = thread;
  if (graph_id === null) {
    throw new HoldpointError(
      "bad_request",
      `thread ${thread_id} belongs to no graph yet, so it has no state to edit; start a run on it`,
    );
  }
  const checkpoint_ns = body.checkpoint?.checkpoint_ns ?? "";
  if (checkpoint_ns === "") await refuseUnknownNode(call, thread, body.as_node);
  const update = {
    values: body.values ?? null,
    as_node: body.as_node ?? null,
    checkpoint_id: body.checkpoint?.checkpoint_id ?? body.checkpoint_id ?? null,
    checkpoint_ns,
  };
  const bypass = bypassOf(call, body.bypass_reason);
  // A factory makes the graph that the thread has had so far.
  const kwargs = { update, config: JSON.parse(thread.config) };
  const write = { kind: "state_update", kwargs, bypass } as const;
  return await queueWrite(call, thread_id, graphOfThread(call, graph_id), write, keyed);
}

/** Refused here, it changes nothing; a run that fails would have left its mark on the thread. */
async function refuseUnknownNode(call: Call, thread: ThreadRow, as_node: string | null | undefined): Promise<void> {
  const nodes = as_node == null ? null : await nodesOfThread(call, thread);
  if (nodes === null || nodes.has(as_node as string) || RESERVED_NODES.has(as_node as string)) return;
  const message = `${JSON.stringify(as_node)} is no node of "${thread.graph_id}"; nodes: ${[...nodes].join(", ")}`;
  throw invalid([{ pointer: "/as_node", message }]);
}
