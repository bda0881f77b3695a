import { HoldpointError, isHoldpointError } from "../protocol/errors.ts";
import { DEFAULT_TENANT, LOCAL_OWNER } from "../protocol/principal.ts";
import type { Database } from "./database.ts";
import { deleteThread } from "./delete-thread.ts";
import { currentDatabase, deleteCrons, deleteItems, deleteMadeAssistants, threadsAfter } from "./truncate.sql.ts";

const PAGE = 100;

/** What to empty. Runs, their threads and their checkpoints are one: none of them stays without the others. */
export interface Truncation {
  threads: boolean;
  assistants: boolean;
  store: boolean;
  /** The assistants that stay. */
  ownAssistants: readonly string[];
}

/** Empties a database that is there to be tested on, which its name says. Throws `not_found` on any other. */
export async function truncate(database: Database, wanted: Truncation): Promise<void> {
  const { name } = await database.one(currentDatabase());
  if (!name.endsWith("_test")) {
    throw new HoldpointError("not_found", `nothing is emptied in database "${name}", whose name does not end in _test`);
  }
  const tenant_id = DEFAULT_TENANT;
  if (wanted.threads) await deleteThreads(database, tenant_id);
  if (wanted.assistants) {
    await database.run(deleteCrons(tenant_id));
    await database.run(deleteMadeAssistants(tenant_id, wanted.ownAssistants));
  }
  if (wanted.store) await database.run(deleteItems(tenant_id));
}

// Bound: the threads that there are.
async function deleteThreads(database: Database, tenant_id: string): Promise<void> {
  let after = "";
  for (;;) {
    const threads = await database.many(threadsAfter(tenant_id, after, PAGE));
    for (const { thread_id } of threads) {
      after = thread_id;
      const request = { tenant_id, thread_id, principal_id: LOCAL_OWNER, isGuarded: () => false };
      await deleteThread(database, request).catch((error: unknown) => {
        if (!isHoldpointError(error) || error.code !== "not_found") throw error;
      });
    }
    if (threads.length < PAGE) return;
  }
}
