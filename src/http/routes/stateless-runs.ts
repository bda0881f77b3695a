import { createHash, randomUUID } from "node:crypto";
import { z } from "zod";
import { type RunRow, selectRun, selectRunById } from "../../postgres/runs.sql.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import { type RunCreate, runCreateSchema } from "../../protocol/run.ts";
import { runWire } from "../../protocol/wire-schemas.ts";
import { shows } from "../answers.ts";
import { invalid } from "../failure.ts";
import { graphForRun, startableAssistant } from "../find-graph.ts";
import type { Creation } from "../idempotency.ts";
import { NOT_STARTED } from "../refusal-codes.ts";
import { json } from "../reply.ts";
import { type Call, defineRoute, type Route } from "../route.ts";
import { startRun } from "../start-run.ts";
import { wireRun } from "../wire.ts";
import { FOLLOWS, followed, followQuery, joined, joinedStream, joinQuery, WAITS, waited } from "./run-streams.ts";

const MAX_BATCH = 100;

// The official client sends the members of a batch as it knows them itself.
const batchSchema = z.array(z.preprocess(snakeCased, runCreateSchema)).min(1).max(MAX_BATCH);

/** Runs without a thread: each gets one of its own, which ends with it unless it waits for a person. */
export const statelessRunRoutes: readonly Route[] = [
  defineRoute({
    method: "POST",
    path: "/runs",
    permission: "runs:create",
    event: "threads:create_run",
    summary: "Start a run without a thread",
    body: runCreateSchema,
    example: { assistant_id: "triage", input: { amount: 120 } },
    keyed: true,
    answers: { 200: shows(runWire, "The run, which has been queued.", ["content-location"]) },
    refuses: NOT_STARTED,
    async handle(call) {
      const run = await startAlone(call, call);
      return json(wireRun(run), 200, { "content-location": addressAlone(run) });
    },
  }),
  defineRoute({
    method: "POST",
    path: "/runs/wait",
    permission: "runs:create",
    event: "threads:create_run",
    summary: "Start a run without a thread and wait for its end",
    body: runCreateSchema,
    example: { assistant_id: "triage", input: { amount: 120 } },
    keyed: true,
    answers: { 200: WAITS },
    refuses: NOT_STARTED,
    async handle(call) {
      const run = await startAlone(call, call);
      return waited(call, run, call.body.on_disconnect === "cancel", addressAlone(run));
    },
  }),
  defineRoute({
    method: "POST",
    path: "/runs/stream",
    permission: "runs:create",
    event: "threads:create_run",
    summary: "Start a run without a thread and follow it",
    body: runCreateSchema,
    example: { assistant_id: "triage", input: { amount: 120 }, stream_mode: ["values", "messages-tuple"] },
    query: followQuery,
    keyed: true,
    answers: { 200: FOLLOWS },
    refuses: NOT_STARTED,
    async handle(call) {
      const run = await startAlone(call, call);
      return followed(call, run, addressAlone(run));
    },
  }),
  defineRoute({
    method: "POST",
    path: "/runs/batch",
    permission: "runs:create",
    event: "threads:create_run",
    summary: "Start runs without threads, many at once",
    body: batchSchema,
    example: [
      { assistant_id: "triage", input: { amount: 1 } },
      { assistant_id: "triage", input: { amount: 2 } },
    ],
    keyed: true,
    answers: { 200: shows(z.array(runWire), "The runs, in the order of the request.") },
    refuses: NOT_STARTED,
    handle: startMany,
  }),
  defineRoute({
    method: "GET",
    path: "/runs/:run_id/join",
    permission: "runs:read",
    event: "threads:read",
    summary: "Wait for the end of a run, wherever it is",
    query: joinQuery,
    answers: { 200: WAITS },
    handle: async (call) => await joined(call, await findAlone(call)),
  }),
  defineRoute({
    method: "GET",
    path: "/runs/:run_id/stream",
    permission: "runs:read",
    event: "threads:read",
    summary: "Follow a run, wherever it is",
    description: "From its beginning, or behind Last-Event-ID.",
    query: joinQuery,
    answers: { 200: FOLLOWS },
    handle: async (call) => await joinedStream(call, await findAlone(call)),
  }),
];

/** Where the clients expect a run without a thread. */
const addressAlone = ({ run_id }: RunRow) => `/runs/${run_id}`;

async function startAlone(call: Call, { body, keyed }: Creation<RunCreate>): Promise<RunRow> {
  if (body.command != null && "resume" in body.command) {
    throw invalid([{ pointer: "/command/resume", message: "has nothing to answer without a thread" }]);
  }
  const creation = { body: { ...body, if_not_exists: "create" as const }, keyed };
  const isKept = body.on_completion === "keep" || body.on_completion === "continue";
  return await startRun(call, randomUUID(), creation, { temporary: !isKept });
}

/** Starts runs one after the other; what is wrong with one is said before the first is started. */
async function startMany(call: Call<never, RunCreate[]>): Promise<Response> {
  const { body, keyed } = call;
  for (const [place, { assistant_id, command }] of body.entries()) {
    graphForRun(call, (await startableAssistant(call, assistant_id)).graph_id);
    if (command != null && "resume" in command) {
      throw invalid([{ pointer: `/${place}/command/resume`, message: "has nothing to answer without a thread" }]);
    }
  }
  const runs: RunRow[] = [];
  for (const [place, one] of body.entries()) {
    const key = keyed && { ...keyed, idempotency_key: keyOf(keyed.idempotency_key, place) };
    runs.push(await startAlone(call, { body: one, keyed: key }));
  }
  return json(runs.map(wireRun));
}

/** Each run of a batch has a key of its own, so that those that were started are found again. */
function keyOf(idempotency_key: string, place: number): string {
  return `batch:${createHash("sha256").update(`${place} ${idempotency_key}`).digest("hex")}`;
}

async function findAlone(call: Call<"run_id">): Promise<RunRow> {
  const { database } = call.deps;
  const { tenant_id } = call.principal;
  const { run_id } = call.params;
  const found = await database.maybeOne(selectRunById(tenant_id, run_id));
  const run = found && (await database.maybeOne(selectRun(tenant_id, found.thread_id, run_id)));
  if (run !== undefined) return run;
  throw new HoldpointError("not_found", `Run with ID ${run_id} not found`);
}

function snakeCased(one: unknown): unknown {
  if (typeof one !== "object" || one === null || Array.isArray(one)) return one;
  const named = Object.entries(one).map(([name, value]) => [
    name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    value,
  ]);
  return Object.fromEntries(named);
}
