import { createHash, randomUUID } from "node:crypto";
import { z } from "zod";
import { type RunRow, selectRun, selectRunById } from "../../postgres/runs.sql.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import { type RunCreate, runCreateSchema } from "../../protocol/run.ts";
import { invalid } from "../failure.ts";
import { findAssistant, graphForRun } from "../find-graph.ts";
import { type Creation, readCreation } from "../idempotency.ts";
import { uuidParameter } from "../read-request.ts";
import { json } from "../reply.ts";
import type { Call, Route } from "../route.ts";
import { startRun } from "../start-run.ts";
import { wireRun } from "../wire.ts";
import { followed, joined, joinedStream, namespacesOf, waited } from "./run-streams.ts";

const MAX_BATCH = 100;

// The official client sends the members of a batch as it knows them itself.
const batchSchema = z.array(z.preprocess(snakeCased, runCreateSchema)).min(1).max(MAX_BATCH);

/** Runs without a thread: each gets one of its own, which ends with it unless it waits for a person. */
export const statelessRunRoutes: readonly Route[] = [
  {
    method: "POST",
    path: "/runs",
    permission: "runs:create",
    async handle(call) {
      const run = await startAlone(call, await readCreation(call, runCreateSchema));
      return json(wireRun(run), 200, { "content-location": addressAlone(run) });
    },
  },
  {
    method: "POST",
    path: "/runs/wait",
    permission: "runs:create",
    async handle(call) {
      const creation = await readCreation(call, runCreateSchema);
      const run = await startAlone(call, creation);
      return waited(call, run, creation.body.on_disconnect === "cancel", addressAlone(run));
    },
  },
  {
    method: "POST",
    path: "/runs/stream",
    permission: "runs:create",
    async handle(call) {
      const creation = await readCreation(call, runCreateSchema);
      const namespaces = namespacesOf(call);
      const run = await startAlone(call, creation);
      return followed(call, run, creation.body, namespaces, addressAlone(run));
    },
  },
  { method: "POST", path: "/runs/batch", permission: "runs:create", handle: startMany },
  {
    method: "GET",
    path: "/runs/:run_id/join",
    permission: "runs:read",
    handle: async (call) => joined(call, await findAlone(call)),
  },
  {
    method: "GET",
    path: "/runs/:run_id/stream",
    permission: "runs:read",
    handle: async (call) => joinedStream(call, await findAlone(call)),
  },
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
async function startMany(call: Call): Promise<Response> {
  const { body, keyed } = await readCreation(call, batchSchema);
  for (const [place, { assistant_id, command }] of body.entries()) {
    graphForRun(call, (await findAssistant(call, assistant_id)).graph_id);
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

async function findAlone(call: Call): Promise<RunRow> {
  const { database } = call.deps;
  const { tenant_id } = call.principal;
  const run_id = uuidParameter(call, "run_id");
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
