import { guardedIn } from "../graphs/graph-set.ts";
import { deleteThread } from "../postgres/delete-thread.ts";
import { bypassOf } from "./bypass.ts";
import type { Call } from "./route.ts";

/** Removes a thread, in the caller's name. Throws `not_found`, `guarded`. */
export async function removeThread(call: Call, thread_id: string): Promise<void> {
  const { database, graphs, wakeups } = call.deps;
  const { tenant_id, principal_id } = call.principal;
  await deleteThread(database, {
    tenant_id,
    thread_id,
    principal_id,
    // A graph that is not loaded may have been guarded.
    isGuarded: guardedIn(graphs),
    bypass: bypassOf(call),
  });
  wakeups.wake("runs", thread_id);
  wakeups.wake("events", thread_id);
}
