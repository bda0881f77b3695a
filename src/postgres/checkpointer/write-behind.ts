import type { Lease } from "../fence.ts";
import type { Head } from "./head-cache.ts";
import { type PreparedPut, parentOf, secondLayout, storePut, submitPut } from "./put.ts";
import { type PutPlan, planPut } from "./put-plan.ts";
import type { CheckpointStore } from "./store.ts";

/** Takes what a run writes and commits it behind the run's back, in order. */
export interface WriteBehind {
  /** Resolves when the checkpoint is on its way. Throws what kept an earlier write from being committed. */
  put(put: PreparedPut): Promise<void>;
  /** The same for writes of a task, which `submit` sends. */
  write(submit: () => Promise<void>): void;
  /** Resolves when everything taken so far is committed. Throws what kept a write from being committed. */
  flush(): Promise<void>;
}

/** Called when a checkpoint is committed, and once when a write was refused for good. */
interface Outcome {
  stored(checkpoint_id: string): void;
  failed(error: unknown): void;
}

/** The puts of one namespace that are under way. */
interface Branch {
  /** What the next put is compared with: the last one taken, committed or not. */
  head: Head | undefined;
  /** In order; the first ones are committed first. */
  readonly uncommitted: Set<Uncommitted>;
  /** Under way when a checkpoint has to be laid out anew, as when another branch has extended its chain first. */
  repair: Promise<void> | undefined;
}

interface Uncommitted {
  readonly put: PreparedPut;
  readonly parent: Head | undefined;
}

/** A run that is this far ahead of the disk waits for it. */
const MOST_UNCOMMITTED = 64;

/**
 * Lets a run go on while its checkpoints are being committed: they are planned one upon the other and committed in
 * order, so a checkpoint is never there without its parent. Only honest where nothing that depends on them is shown or
 * done before `flush`.
 */
export function createWriteBehind(store: CheckpointStore, lease: Lease, outcome: Outcome): WriteBehind {
  const branches = new Map<string, Branch>();
  const uncommitted = new Set<Promise<void>>();
  let failure: { error: unknown } | undefined;

  function throwIfFailed(): void {
    if (failure !== undefined) throw failure.error;
  }

  function track(commit: Promise<void>): void {
    const settled = commit
      .catch((error: unknown) => {
        if (failure !== undefined) return;
        failure = { error };
        outcome.failed(error);
      })
      .finally(() => uncommitted.delete(settled));
    uncommitted.add(settled);
  }

  async function flush(): Promise<void> {
    await Promise.all(uncommitted);
    throwIfFailed();
  }

  async function commit(branch: Branch, entry: Uncommitted, plan: PutPlan): Promise<void> {
    try {
      await submitPut(store, lease, plan);
    } catch (error) {
      // What comes behind a refused checkpoint is refused too, for want of its parent.
      if (branch.repair === undefined && secondLayout(error, entry.put.encoded) === undefined) throw error;
      branch.repair ??= repair(branch, from(entry, branch.uncommitted));
      return await branch.repair;
    }
    branch.uncommitted.delete(entry);
    store.cache.set(entry.put.address, plan.head);
    outcome.stored(plan.head.checkpoint_id);
  }

  /**
   * Stores the refused checkpoint and those behind it again, one by one. They are sent behind those before it, which
   * may be committed in a second try, and behind their own first tries, which will all be refused.
   */
  async function repair(branch: Branch, refused: readonly Uncommitted[]): Promise<void> {
    let head = refused[0]?.parent;
    for (const entry of refused) {
      head = await storePut(store, lease, entry.put, head);
      branch.uncommitted.delete(entry);
      outcome.stored(head.checkpoint_id);
    }
    branch.head = head;
    branch.repair = undefined;
  }

  return {
    async put(put) {
      throwIfFailed();
      const { checkpoint_ns } = put.address;
      const branch = branches.get(checkpoint_ns) ?? {
        head: undefined,
        uncommitted: new Set<Uncommitted>(),
        repair: undefined,
      };
      branches.set(checkpoint_ns, branch);
      await branch.repair;
      let parent = branch.head;
      if (parent === undefined || parent.checkpoint_id !== put.encoded.parent_checkpoint_id) {
        await flush();
        parent = await parentOf(store, put);
      }
      const plan = planPut(put.address, put.encoded, parent);
      const entry = { put, parent };
      branch.head = plan.head;
      branch.uncommitted.add(entry);
      track(commit(branch, entry, plan));
      if (uncommitted.size >= MOST_UNCOMMITTED) await flush();
    },
    write(submit) {
      throwIfFailed();
      track(submit());
    },
    flush,
  };
}

/** An item of an ordered set and those behind it. */
function from<Item>(item: Item, items: ReadonlySet<Item>): Item[] {
  const all = [...items];
  return all.slice(all.indexOf(item));
}
