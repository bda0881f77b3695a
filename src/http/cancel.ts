import { readState } from "../graphs/read-state.ts";
import { wireJson } from "../graphs/wire-json.ts";
import { type CancelAction, type CancelReason, cancelRun } from "../postgres/cancel.ts";
import { deleteRun, type ThreadWithout } from "../postgres/delete-run.ts";
import { selectHeadWithout } from "../postgres/rollback.sql.ts";
import type { RunRow } from "../postgres/runs.sql.ts";
import { selectThread } from "../postgres/threads.sql.ts";
import { HoldpointError } from "../protocol/errors.ts";
import { bypassOf } from "./bypass.ts";
import { graphOfThread } from "./find-graph.ts";
import { hasEnded } from "./follow-run.ts";
import type { Call } from "./route.ts";

/**
 * Asks for a run to be stopped, in the caller's name. A run that has ended is left alone; one that waits for a person
 * takes its questions back, or with `rollback` goes altogether. Throws `not_found`, `guarded`, `superseded`.
 */
export async function cancel(
  call: Call,
  run: RunRow,
  action: CancelAction = "interrupt",
  reason?: CancelReason,
): Promise<void> {
  const { thread_id, run_id } = run;
  const { tenant_id, principal_id } = call.principal;
  const { database } = call.deps;
  const guarded = isGuarded(call, run);
  if (action === "rollback" && hasEnded(run)) {
    if ((await database.maybeOne(selectThread(tenant_id, thread_id)))?.status === "interrupted")
      await remove(call, run);
    return;
  }
  const bypass = bypassOf(call);
  await cancelRun(database, { tenant_id, thread_id, run_id, principal_id, action, guarded, bypass, reason });
  call.deps.wakeups.wake("runs", thread_id);
}

// Each look finds the thread as it was a moment before; it moves on only when somebody else deletes a run of it.
const TRIES = 5;

/** Removes a run that has ended, with its checkpoints. Throws `not_found`, `thread_busy`, `guarded`, `superseded`. */
export async function remove(call: Call, run: RunRow): Promise<void> {
  const { thread_id, run_id } = run;
  const { tenant_id, principal_id } = call.principal;
  const guarded = isGuarded(call, run);
  const bypass = bypassOf(call);
  for (let tries = 0; tries < TRIES; tries += 1) {
    const without = await readWithout(call, run);
    const request = { tenant_id, thread_id, run_id, principal_id, guarded, without, bypass };
    if (!(await deleteRun(call.deps.database, request))) continue;
    call.deps.wakeups.wake("runs", thread_id);
    call.deps.wakeups.wake("events", thread_id);
    return;
  }
  throw new HoldpointError(
    "thread_busy",
    `run ${run_id} was not deleted: thread ${thread_id} changes too fast; try again`,
  );
}

/** A graph that is not loaded may have been guarded. */
function isGuarded({ deps }: Call, { graph_id }: RunRow): boolean {
  return deps.graphs().graphs.get(graph_id)?.guarded ?? true;
}

async function readWithout(call: Call, { tenant_id, thread_id, run_id, graph_id }: RunRow): Promise<ThreadWithout> {
  const { database, saver } = call.deps;
  const head = await database.maybeOne(selectHeadWithout(tenant_id, thread_id, run_id));
  if (head === undefined) return { head_checkpoint_id: null, values: null, interrupts: "{}" };
  const { checkpoint_id } = head;
  const thread = await database.maybeOne(selectThread(tenant_id, thread_id));
  const graph = graphOfThread(call, thread?.graph_id ?? graph_id);
  const config = JSON.parse(thread?.config ?? "{}");
  const state = await readState(graph, saver, { thread_id, checkpoint_id }, { subgraphs: false, config });
  const asking = (state?.tasks ?? []).filter(({ interrupts }) => interrupts.length > 0);
  return {
    head_checkpoint_id: checkpoint_id,
    values: state === undefined ? null : wireJson(state.values),
    interrupts: wireJson(Object.fromEntries(asking.map(({ id, interrupts }) => [id, interrupts]))),
  };
}
