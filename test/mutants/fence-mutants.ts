import { type Mutant, TESTS } from "./mutant.ts";

const BATCH = "src/postgres/batch.ts";
const CLAIM = "src/postgres/claim.ts";
const FENCE_SQL = "src/postgres/fence.sql.ts";
const WRITE_SQL = "src/postgres/checkpointer/write.sql.ts";

/** Takes the locks and asks for the epochs in one statement, whose snapshot is then older than its locks. */
const LOCK_AND_CHECK_ALL = `with l as materialized (
    select u.*, pg_advisory_xact_lock_shared(hashtextextended('holdpoint:thread:' || u.thread_id, 0))
    from unnest($1::text[], $2::bigint[]) with ordinality as u (thread_id, lease_epoch, position))
  select l.position::integer from l join holdpoint.thread t on t.thread_id = l.thread_id and t.lease_epoch = l.lease_epoch`;

/** The same of one. */
const LOCK_AND_CHECK = `with l as materialized (
    select pg_advisory_xact_lock_shared(hashtextextended('holdpoint:thread:' || $1::text, 0)))
  select 1 as held from holdpoint.thread t, l where t.thread_id = $1::text and t.lease_epoch = $2::bigint`;

/** Faults in what keeps a worker that lost its lease from writing. */
export const FENCE_MUTANTS: readonly Mutant[] = [
  {
    name: "a batch takes its locks and checks in one statement",
    file: BATCH,
    find: "wired(leasesHeld([...leases.values()]))",
    replace: `wired({ name: "planted", text: \`${LOCK_AND_CHECK_ALL}\`, values: [[...leases.values()].map((lease) => lease.thread_id), [...leases.values()].map((lease) => lease.lease_epoch)] })`,
    also: [{ find: "wired(lockThreadsShared(threads)),", replace: "wired(lockThreadsShared([]))," }],
    tests: [TESTS.zombies],
  },
  {
    name: "a fenced transaction takes its lock and checks in one statement",
    file: "src/postgres/fence.ts",
    find: "const [, held] = await tx.pipeline([lockThreadShared(thread_id), leaseHeld(tenant_id, thread_id, lease_epoch)]);",
    replace: `const [held] = await tx.pipeline([{ name: "planted", text: \`${LOCK_AND_CHECK}\`, values: [thread_id, lease_epoch] }]);`,
    tests: [TESTS.zombies],
  },
  {
    name: "a fenced transaction that has its lock alone checks before it",
    file: "src/postgres/fence.ts",
    find: "      lockThread(thread_id),\n      leaseHeld(tenant_id, thread_id, lease_epoch),\n",
    replace: "      leaseHeld(tenant_id, thread_id, lease_epoch),\n      lockThread(thread_id),\n",
    also: [
      {
        find: "const [, held, [thread], openRuns] = await tx.pipeline([",
        replace: "const [held, , [thread], openRuns] = await tx.pipeline([",
      },
    ],
    tests: [TESTS.zombies],
  },
  {
    name: "a claim locks the thread's row for update",
    file: "src/postgres/claim.sql.ts",
    find: "for no key update skip locked`;",
    replace: "for update skip locked`;",
    also: [{ find: "for no key update skip locked\n  ), next", replace: "for update skip locked\n  ), next" }],
    tests: [TESTS.leases],
  },
  {
    name: "a claim takes two threads in one transaction",
    file: CLAIM,
    find: "  if (limit <= 0) return [];\n",
    replace: `  if (limit <= 0) return [];
  if (!("planted" in database)) {
    return await database.transaction(async (tx) => {
      const transaction = (body: (tx: Transaction) => unknown) => body({ ...tx, finish: tx.pipeline });
      return await claimRuns({ ...database, transaction, planted: true } as never, claimant, limit);
    });
  }
`,
    tests: [TESTS.leases],
  },
  {
    name: "what the inserts did is a batch's verdict",
    file: BATCH,
    find: "if (write.lease === undefined || held.has(leaseKey(write.lease))) resolve(results);",
    replace: "if (write.lease === undefined || results.some(({ rowCount }) => rowCount > 0)) resolve(results);",
    tests: [TESTS.zombies, TESTS.fence],
  },
  ...(
    [
      ["checkpoint", "insertCheckpoint", "CheckpointRow"],
      ["chunk", "insertChunk", "ChunkRow"],
      ["write", "insertWrite", "WriteRow"],
    ] as const
  ).map(([what, insert, row]) => ({
    name: `a ${what} is inserted without asking for the lease`,
    file: WRITE_SQL,
    find: `export const ${insert}Fenced = (row: ${row}, lease_epoch: number) => sql\``,
    replace: `export const ${insert}Fenced = (row: ${row}, _: number) => ${insert}(row);\nexport const planted = (row: ${row}, lease_epoch: number) => sql\``,
    tests: [TESTS.zombies],
  })),
  // A guilty write, and innocent ones beside it.
  {
    name: "a refused statement fails the whole batch",
    file: BATCH,
    find: "const blamed = guilty.length === 0 ? batch : guilty;",
    replace: "const blamed = batch;",
    tests: [TESTS.poison],
  },
  {
    name: "the write behind the guilty one is blamed",
    file: BATCH,
    find: "    return statement <= last;\n",
    replace: "    return statement < last;\n",
    tests: [TESTS.poison],
  },
  {
    name: "a write that loses a deadlock is not sent again",
    file: BATCH,
    find: "if (isConflict(error) && queued.retries <= RETRIES) continue;",
    replace: "if (isConflict(error) && queued.retries <= 0) continue;",
    tests: [TESTS.poison],
  },
  // The backend of a stopped process.
  {
    name: "a backend is ended for having the lock",
    file: FENCE_SQL,
    find: "\n      and a.state_change < holdpoint.now() - interval '10 seconds')",
    replace: ")",
    tests: [TESTS.stuckBatch],
  },
  {
    name: "a backend is ended while it works",
    file: FENCE_SQL,
    find: " and a.wait_event_type = 'Client'\n",
    replace: "\n",
    tests: [TESTS.stuckBatch],
  },
  {
    name: "a backend is ended while its lease holds",
    file: FENCE_SQL,
    find: "\n      and (t.lease_until is null or t.lease_until <= holdpoint.now())",
    replace: "",
    tests: [TESTS.stuckBatch],
  },
  {
    name: "a backend of another role is ended",
    file: FENCE_SQL,
    find: "a.usename = current_user and ",
    replace: "",
    tests: [TESTS.stuckBatch],
  },
  {
    name: "the reaper leaves half a batch alone",
    file: CLAIM,
    find: 'if (!isPostgresError(error, "55P03")) throw error;\n    await database.many(endStuckHolders(tenant_id, thread_id));',
    replace: 'if (!isPostgresError(error, "55P03")) throw error;',
    tests: [TESTS.stuckBatch],
  },
  {
    name: "half a batch that comes late holds its thread for ever",
    file: CLAIM,
    find: "looks at this thread no more.\n    await database.many(endStuckHolders(tenant_id, thread_id));",
    replace: "looks at this thread no more.",
    tests: [TESTS.stuckBatch],
  },
];
