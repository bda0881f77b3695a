import { randomUUID } from "node:crypto";
import type { LoadedGraph } from "../graphs/graph-set.ts";
import { cancelRun } from "../postgres/cancel.ts";
import { createRun } from "../postgres/create-run.ts";
import type { KeyedRequest } from "../postgres/idempotency.ts";
import { type RunRow, selectRun } from "../postgres/runs.sql.ts";
import { HoldpointError } from "../protocol/errors.ts";
import type { RunKwargs } from "../protocol/run.ts";
import { awaitRun } from "./await-run.ts";
import { invalid } from "./failure.ts";
import { errorOf, hasEnded } from "./follow-run.ts";
import type { Call } from "./route.ts";
import { startedBy } from "./run-kwargs.ts";

const WAIT_MS = 30_000;

/** As LangGraph's updateState knows them, beside the nodes of a graph. */
export const RESERVED_NODES = new Set(["__start__", "__end__", "__input__"]);

/** Something that writes checkpoints but runs no node. */
export interface ThreadWrite {
  kind: "state_update" | "copy";
  kwargs: RunKwargs;
  bypass?: string | undefined;
}

/**
 * Has a worker write a thread's checkpoints: also an edit is a run, so that it is fenced like one.
 * Throws `thread_busy`, `guarded`, `idempotency_key_reused`.
 */
export async function queueWrite(
  call: Call,
  thread_id: string,
  graph: LoadedGraph,
  write: ThreadWrite,
  keyed: KeyedRequest | undefined,
): Promise<RunRow> {
  const { database } = call.deps;
  const { tenant_id, principal_id } = call.principal;
  return await createRun(database, {
    tenant_id,
    thread_id,
    run_id: randomUUID(),
    principal_id,
    kind: write.kind,
    graph_id: graph.graph_id,
    guarded: graph.guarded,
    assistant_id: null,
    kwargs: { ...write.kwargs, ...startedBy(call) },
    access: { filter: call.access.of("threads"), metadata: {} },
    metadata: {},
    multitask_strategy: "reject",
    after_seconds: 0,
    if_not_exists: "reject",
    bypass: write.bypass,
    idempotency: keyed,
  });
}

/** Waits for a write. Throws `invalid`, and `no_worker` when nobody took it in time: then it is taken back. */
export async function awaitWrite(call: Call, run: RunRow): Promise<RunRow> {
  const { wakeups, settings } = call.deps;
  wakeups.wake("runs", run.thread_id);
  const ended =
    (await awaitRun(call.deps, run, call.draining, settings.writeWaitMs ?? WAIT_MS)) ?? (await takeBack(call, run));
  if (ended.status === "success") return ended;
  throw invalid([{ pointer: "", message: errorOf(ended).message }]);
}

async function takeBack(call: Call, run: RunRow): Promise<RunRow> {
  const { database, wakeups } = call.deps;
  const { tenant_id, principal_id } = call.principal;
  const before = await cancelRun(database, { tenant_id, thread_id: run.thread_id, run_id: run.run_id, principal_id });
  wakeups.wake("runs", run.thread_id);
  // It may have ended while it was about to be taken back.
  const ended = hasEnded(before) ? await database.maybeOne(selectRun(tenant_id, run.thread_id, run.run_id)) : undefined;
  if (ended !== undefined) return ended;
  const doing = before.status === "running" ? "did not finish" : "was not taken by a worker";
  throw new HoldpointError(
    "no_worker",
    `the ${run.kind.replace("_", " ")} ${doing} in time and was cancelled; is a worker running?`,
  );
}
