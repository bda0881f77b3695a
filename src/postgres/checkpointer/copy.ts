import { HoldpointError } from "../../protocol/errors.ts";
import { transaction } from "../database.ts";
import { requireIdentifier } from "./address.ts";
import { copyCheckpoints, copyChunks, copyWrites, lockThreads, selectDeciding, selectPresence } from "./copy.sql.ts";
import type { CheckpointStore } from "./store.ts";

/**
 * T-copy-checkpoints: the locks of both threads, in the order of all batches. Copies what a thread has stored to one
 * that does not exist. Answers are left out: an approval is good for one thread, and the copy asks again.
 */
export async function copyThreadCheckpoints(store: CheckpointStore, from: string, to: string): Promise<void> {
  const { tenant_id } = store;
  const source = requireIdentifier("thread_id", from);
  const target = requireIdentifier("thread_id", to);
  if (source === target) throw taken(source, target);
  await transaction(store.pool, store.prepare, async (tx) => {
    const [, [original], [copy], [deciding]] = await tx.pipeline([
      lockThreads([source, target]),
      selectPresence(tenant_id, source),
      selectPresence(tenant_id, target),
      selectDeciding(tenant_id, source),
    ]);
    if (original?.stored !== true) {
      throw new HoldpointError("not_found", `thread ${JSON.stringify(source)} has no checkpoints to copy`, {
        facts: { thread_id: source },
      });
    }
    if (copy?.known !== false) throw taken(source, target);
    if (deciding !== undefined) {
      throw new HoldpointError(
        "thread_busy",
        `review ${deciding.id} of thread ${JSON.stringify(source)} is ${deciding.status}; copy the thread when its ` +
          "answer has been applied",
        { facts: { thread_id: source, review_id: deciding.id } },
      );
    }
    await tx.finish([
      copyChunks(tenant_id, source, target),
      copyCheckpoints(tenant_id, source, target),
      copyWrites(tenant_id, source, target),
    ]);
  });
  store.cache.forget({ tenant_id, thread_id: target });
}

const taken = (source: string, target: string) =>
  new HoldpointError(
    "thread_exists",
    `thread ${JSON.stringify(source)} was not copied: there is, or was, a thread ${JSON.stringify(target)}; copy to a new id`,
    { facts: { thread_id: target } },
  );
