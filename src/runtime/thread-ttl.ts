import { guardedIn } from "../graphs/graph-set.ts";
import { deleteThread } from "../postgres/delete-thread.ts";
import { keepThread, putOffEnd, restThread, threadsToExpire } from "../postgres/thread-ttl.sql.ts";
import { isHoldpointError } from "../protocol/errors.ts";
import type { RunnerParts } from "./runner.ts";

type TtlParts = Pick<RunnerParts, "database" | "graphs" | "saver" | "wakeups" | "log">;

const THREADS = 20;

/**
 * Ends threads on which nothing has happened for as long as they were given: removes them, or all of their state but the
 * newest. What is under way, waits for a person, or may not be removed stays. Gives at how many was looked.
 */
export async function sweepThreadTtl(parts: TtlParts): Promise<number> {
  const due = await parts.database.many(threadsToExpire(THREADS));
  for (const { tenant_id, thread_id } of due) await endThread(parts, tenant_id, thread_id);
  return due.length;
}

async function endThread(parts: TtlParts, tenant_id: string, thread_id: string): Promise<void> {
  const { database, graphs, saver, wakeups, log } = parts;
  const thread = await database.maybeOne(putOffEnd(tenant_id, thread_id));
  if (thread?.is_over !== true) return;
  if (thread.ttl_strategy === "keep_latest") {
    await saver.prune({ thread_ids: [thread_id], keepLast: 1 });
    await database.run(restThread(tenant_id, thread_id));
    return;
  }
  try {
    await deleteThread(database, {
      tenant_id,
      thread_id,
      principal_id: "system:ttl",
      isGuarded: guardedIn(graphs),
      isResting: true,
    });
    wakeups.wake("runs", thread_id);
  } catch (error) {
    if (!isHoldpointError(error) || error.code === "database_unreachable") throw error;
    log.info({ thread_id, reason: error.message }, "a thread whose time is over stays");
    // What stays for good is not looked at again; a graph that is not loaded here may not be guarded.
    const isForGood = error.code === "guarded" && graphs().graphs.has(thread.graph_id ?? "");
    await database.run((isForGood ? keepThread : restThread)(tenant_id, thread_id));
  }
}
