import type pg from "pg";
import { failpoint } from "../failpoint.ts";
import { HoldpointError } from "../protocol/errors.ts";
import { lockThreadsShared } from "./batch.sql.ts";
import { notConnected } from "./connection-error.ts";
import { leasesHeld } from "./fence.sql.ts";
import type { Lease } from "./fence.ts";
import { runPipeline, type StatementResult, wired } from "./pipeline.ts";
import type { Statement } from "./sql.ts";

/** What is committed together or not at all. */
export interface Write {
  readonly thread_id: string;
  /** Writes with the same order are committed one after another; the thread's unless given. */
  readonly order?: string;
  /** Another order, whose earlier writes are committed before this one or together with it. */
  readonly after?: string;
  readonly statements: readonly Statement[];
  /**
   * With a lease the write is fenced: it is refused with `lease_lost` once another worker has claimed the thread.
   * Each of its statements must then also carry the guard itself (`where exists (… lease_epoch = …)`).
   */
  readonly lease?: Lease;
}

/** Collects the writes of many threads into few commits. */
export interface WriteBatcher {
  /** Resolves after the commit, with what each statement did. Writes of one order are committed in the order they came. */
  submit(write: Write): Promise<readonly StatementResult[]>;
  /** Resolves when everything submitted so far is settled. */
  settled(): Promise<void>;
}

/** How a batcher sends, and who hears how many writes went with a commit. */
interface BatcherOptions {
  prepare?: boolean;
  onCommit?: (writes: number) => void;
}

interface Queued {
  readonly write: Write;
  readonly size: number;
  retries: number;
  resolve(results: readonly StatementResult[]): void;
  reject(error: unknown): void;
}

/** Two connections carry all writes: one alone waits for each commit, four make the batches too small. */
const LANES = 2;
const BATCH_STATEMENTS = 256;
/** Keeps one write of many megabytes from holding up a whole batch of small ones. */
const BATCH_CHARACTERS = 4_000_000;
/** How often a write that lost a deadlock or a serialisation conflict is sent again. */
const RETRIES = 3;

/** Creates a batcher over the pool. `prepare: false` is for PgBouncer in transaction mode before 1.21. */
export function createWriteBatcher(
  pool: pg.Pool,
  { prepare = true, onCommit = () => {} }: BatcherOptions = {},
): WriteBatcher {
  const queue: Queued[] = [];
  const busyOrders = new Set<string>();
  const unsettled = new Set<Promise<unknown>>();
  let lanes = 0;
  let scheduled = false;

  /** The writes of one turn of the event loop share a batch: a superstep's writes and its checkpoint, or many runs. */
  function schedule(): void {
    if (scheduled || lanes >= LANES || queue.length === 0) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      startLane();
    });
  }

  function startLane(): void {
    const batch = takeBatch(queue, busyOrders);
    if (batch.length === 0) return;
    const orders = new Set(batch.map(({ write }) => orderOf(write)));
    for (const order of orders) busyOrders.add(order);
    lanes += 1;
    onCommit(batch.length);
    void commit(pool, batch, prepare).finally(() => {
      for (const order of orders) busyOrders.delete(order);
      lanes -= 1;
      schedule();
    });
    schedule();
  }

  return {
    submit(write) {
      const { promise, resolve, reject } = Promise.withResolvers<readonly StatementResult[]>();
      // Mapped here, so that a value the wire cannot carry fails its own caller and never a half-written batch.
      const statements = write.statements.map(wired);
      queue.push({ write: { ...write, statements }, size: charactersOf(statements), retries: 0, resolve, reject });
      const settled = promise.catch(() => undefined).finally(() => unsettled.delete(settled));
      unsettled.add(settled);
      schedule();
      return promise;
    },
    async settled() {
      await Promise.all(unsettled);
    },
  };
}

const orderOf = ({ order, thread_id }: Write) => order ?? thread_id;

/** Takes writes in order, leaving those whose order is still being committed on the other lane. */
function takeBatch(queue: Queued[], busyOrders: ReadonlySet<string>): Queued[] {
  const batch: Queued[] = [];
  const kept: Queued[] = [];
  // Once a write stays behind, so does every later one of its order.
  const waitingOrders = new Set(busyOrders);
  let statements = 0;
  let characters = 0;
  for (const queued of queue) {
    const { statements: own } = queued.write;
    const order = orderOf(queued.write);
    const full =
      batch.length > 0 && (statements + own.length > BATCH_STATEMENTS || characters + queued.size > BATCH_CHARACTERS);
    const { after = order } = queued.write;
    if (full || waitingOrders.has(order) || waitingOrders.has(after)) {
      waitingOrders.add(order);
      kept.push(queued);
      continue;
    }
    batch.push(queued);
    statements += own.length;
    characters += queued.size;
  }
  queue.length = 0;
  for (const queued of kept) queue.push(queued);
  return batch;
}

const charactersOf = (statements: readonly Statement[]) =>
  statements.reduce(
    (total, { values }) => values.reduce<number>((sum, one) => sum + (typeof one === "string" ? one.length : 0), total),
    0,
  );

/** Commits a batch and settles every write of it; never rejects. */
async function commit(pool: pg.Pool, batch: readonly Queued[], prepare: boolean): Promise<void> {
  let client: pg.PoolClient;
  try {
    client = await pool.connect();
  } catch (error) {
    for (const queued of batch) queued.reject(notConnected(error, pool.options));
    return;
  }
  let broken: Error | undefined;
  // Without a listener the loss of a connection in use is an uncaught exception that ends the process.
  const onError = (error: Error) => {
    broken = error;
  };
  client.on("error", onError);
  let rest: readonly Queued[] = batch;
  try {
    // Each round settles at least one write or uses up one of its retries, so this ends.
    while (rest.length > 0) rest = await commitOnce(client, rest, prepare);
  } catch (error) {
    broken = error as Error;
    for (const queued of rest) queued.reject(error);
  } finally {
    client.off("error", onError);
    client.release(broken);
  }
}

/** Sends the batch as one transaction. Returns the writes that must be sent again because of a guilty one. */
async function commitOnce(client: pg.PoolClient, batch: readonly Queued[], prepare: boolean): Promise<Queued[]> {
  const leases = new Map<string, Lease>();
  for (const { write } of batch) if (write.lease !== undefined) leases.set(leaseKey(write.lease), write.lease);
  const threads = [...new Set(batch.map(({ write }) => write.thread_id))];
  // Two statements: one that locked and checked at once would check with a snapshot older than its locks.
  const fence = [wired(lockThreadsShared(threads)), wired(leasesHeld([...leases.values()]))];
  failpoint("batch.sending");
  const outcome = await runPipeline(client, [...fence, ...batch.flatMap(({ write }) => write.statements)], { prepare });
  if (!outcome.ok) return settleFailure(batch, outcome.error, outcome.failedAt - fence.length);
  failpoint("batch.committed");

  const keys = [...leases.keys()];
  const held = new Set(outcome.results[1]?.rows.map(({ position }) => keys[(position as number) - 1]));
  let next = fence.length;
  for (const { write, resolve, reject } of batch) {
    const results = outcome.results.slice(next, next + write.statements.length);
    next += write.statements.length;
    if (write.lease === undefined || held.has(leaseKey(write.lease))) resolve(results);
    else reject(leaseLost(write.lease));
  }
  return [];
}

/** Nothing was committed. Rejects the write that holds the refused statement and hands back the innocent ones. */
function settleFailure(batch: readonly Queued[], error: Error, failedAt: number): Queued[] {
  const guilty = failedAt < 0 ? batch : batch.filter((_, index) => index === writeAt(batch, failedAt));
  // A failure at the commit itself has no statement to blame.
  const blamed = guilty.length === 0 ? batch : guilty;
  const rejected = new Set<Queued>();
  for (const queued of blamed) {
    queued.retries += 1;
    if (isConflict(error) && queued.retries <= RETRIES) continue;
    rejected.add(queued);
    queued.reject(error);
  }
  return batch.filter((queued) => !rejected.has(queued));
}

/** Which write of the batch its `statement`-th statement belongs to. */
function writeAt(batch: readonly Queued[], statement: number): number {
  let last = -1;
  return batch.findIndex(({ write }) => {
    last += write.statements.length;
    return statement <= last;
  });
}

/** Deadlock or serialisation failure: nobody's fault, worth sending again. */
const isConflict = (error: Error) => "code" in error && (error.code === "40P01" || error.code === "40001");

const leaseKey = (lease: Lease) => `${lease.lease_epoch}:${lease.thread_id}`;

const leaseLost = ({ thread_id, lease_epoch }: Lease) =>
  new HoldpointError(
    "lease_lost",
    `the lease of thread ${JSON.stringify(thread_id)} with epoch ${lease_epoch} is lost: another worker has claimed the ` +
      "thread or it was deleted; stop executing it, nothing of it is written any more",
    { facts: { thread_id, lease_epoch } },
  );
