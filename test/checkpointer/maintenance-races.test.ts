import { randomUUID } from "node:crypto";
import { uuid6 } from "@langchain/langgraph-checkpoint";
import { expect, test } from "vitest";
import { isHoldpointError } from "../../src/protocol/errors.ts";
import { createDice, SCALE } from "../support/dice.ts";
import { until } from "../support/until.ts";
import { inThread, LIST, putList, readAll, readThread, textOfTuple } from "./maintenance.ts";
import { type CountedSaver, openCounted, openSaverScene } from "./support.ts";

const { database, counted, replica } = await openSaverScene();

const LOCK = "pg_advisory_xact_lock_shared(hashtextextended('holdpoint:thread:' || $1, 0))";

test.each(["prune", "deleteForRuns", "copyThread", "copyThread to it", "deleteThread"])(
  "%s waits for a batch that is under way, and then sees what it stored",
  async (kind) => {
    const thread_id = `under way, ${kind}`;
    const run_id = randomUUID();
    const first = await putList(counted.saver, inThread(thread_id), undefined, LIST);
    await putList(counted.saver, first, run_id, [...LIST, "second"]);
    await putList(counted.saver, inThread(`${thread_id}, source`), undefined, LIST);
    const batch = await replica.pool.connect();
    await batch.query("begin");
    await batch.query(`select ${LOCK}`, [thread_id]);
    let isDone = false;
    const { saver } = counted;
    const started = {
      prune: () => saver.prune({ thread_ids: [thread_id], keepLast: 1 }),
      deleteForRuns: () => saver.deleteForRuns([run_id]),
      copyThread: () => saver.copyThread(thread_id, `${thread_id}, copy`),
      "copyThread to it": () => saver.copyThread(`${thread_id}, source`, thread_id),
      deleteThread: () => saver.deleteThread(thread_id),
    }[kind]!();
    const settled = Promise.allSettled([started]).finally(() => {
      isDone = true;
    });
    await until("it waits for the lock", async () => {
      const waiting = await counted.rows(
        `select 1 from pg_locks where locktype = 'advisory' and not granted
           and database = (select oid from pg_database where datname = current_database())`,
      );
      return waiting.length > 0 || isDone;
    });
    expect(isDone).toBe(false);
    // What the batch stores: a branch from the older checkpoint, with what that one has in its chain.
    await batch.query(
      `insert into holdpoint.checkpoint (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, metadata, channels,
         chains, seqs, body)
       select thread_id, checkpoint_ns, $2::uuid, checkpoint_id, metadata, channels, chains, seqs, body
       from holdpoint.checkpoint where thread_id = $1 and checkpoint_id = $3::uuid`,
      [thread_id, uuid6(0), first.configurable?.["checkpoint_id"]],
    );
    await batch.query("commit");
    batch.release();
    const [outcome] = await settled;
    const refused = { "copyThread to it": "thread_exists" }[kind];
    if (refused === undefined) expect(outcome?.status).toBe("fulfilled");
    else expect(outcome).toMatchObject({ reason: { code: refused } });
    const left = { prune: 1, deleteForRuns: 2, deleteThread: 0 }[kind] ?? 3;
    expect(await readThread(saver, thread_id)).toHaveLength(left);
    if (kind === "copyThread") expect(await readThread(saver, `${thread_id}, copy`)).toHaveLength(3);
    expect(await countMissingChunks()).toBe(0);
  },
);

const EXPECTED = ["not_found", "thread_exists", "superseded"];

/** What a racer may be refused with; a deadlock or a missing chunk is none of it. */
function checkRefusals(settled: PromiseSettledResult<unknown>[]): void {
  for (const one of settled) {
    if (one.status === "fulfilled") continue;
    const { reason } = one;
    expect(isHoldpointError(reason) && EXPECTED.includes(reason.code), String(reason)).toBe(true);
  }
}

/** Every chunk that a checkpoint refers to is there, from the first to the last. */
async function countMissingChunks(): Promise<number> {
  const [row] = await counted.rows<{ missing: number }>(
    `select count(*)::integer as missing
     from holdpoint.checkpoint c cross join lateral unnest(c.chains, c.seqs) as r (chain, seq)
     where (select count(*) from holdpoint.checkpoint_chunk k
       where k.thread_id = c.thread_id and k.chain = r.chain and k.seq <= r.seq and k.keep <> -3) <> r.seq + 1`,
  );
  return row?.missing ?? -1;
}

test.each(Array.from({ length: 4 * SCALE }, (_, index) => index + 1))(
  "fifty who put, prune, roll back and copy one thread at once lose no head and no chunk (seed %i)",
  async (seed) => {
    const dice = createDice(seed);
    const thread_id = `crowd-${seed}`;
    const stored = new Map<string, string>();
    let tip = inThread(thread_id);
    const grow = async (saver: CountedSaver["saver"], run_id?: string) => {
      const list = [...LIST, ...Array.from({ length: dice.roll(30) }, (_, index) => `${seed} ${index}`)];
      const from = tip;
      const config = await putList(saver, from, run_id, list);
      await saver.putWrites(config, [["list", `of ${list.length}`]], "task");
      tip = config;
      stored.set(config.configurable?.["checkpoint_id"], textOfTuple(await saver.getTuple(config)));
    };
    for (let step = 0; step < 8; step += 1) await grow(counted.saver);
    const copies: string[] = [];
    const act = async (index: number): Promise<void> => {
      const { saver } = dice.pick([counted, replica]);
      const kind = dice.roll(5);
      await dice.hesitate(15);
      if (kind === 0) await saver.prune({ thread_ids: [thread_id], keepLast: 1 + dice.roll(4) });
      else if (kind === 1) {
        const run_id = randomUUID();
        const start = tip;
        const added = await putList(saver, start, run_id, [...LIST, "rolled back"]);
        await putList(saver, added, run_id, [...LIST, "rolled back", "too"]);
        await saver.deleteForRuns([run_id]);
      } else if (kind === 2) {
        copies.push(`${thread_id}-${index}`);
        await saver.copyThread(thread_id, `${thread_id}-${index}`);
      } else await grow(saver);
    };
    checkRefusals(await Promise.allSettled(Array.from({ length: 50 }, (_, index) => act(index))));
    expect(await countMissingChunks()).toBe(0);
    const fresh = openCounted(database.url, 1);
    const head = await fresh.saver.getTuple(inThread(thread_id));
    expect(head).toBeDefined();
    for (const { saver } of [counted, replica, fresh]) {
      expect(textOfTuple(await saver.getTuple(inThread(thread_id)))).toBe(textOfTuple(head));
      for (const tuple of await readAll(saver, inThread(thread_id))) {
        const before = stored.get(tuple.checkpoint.id);
        if (before !== undefined) expect(textOfTuple(tuple)).toBe(before);
      }
    }
    for (const copy of copies) await readThread(fresh.saver, copy);
    await putList(replica.saver, head!.config, undefined, [...LIST, "after all"]);
    const last = await counted.saver.getTuple(inThread(thread_id));
    expect(last?.checkpoint.channel_values["list"]).toEqual([...LIST, "after all"]);
    await fresh.end();
  },
);

test("deleting a thread among all the others leaves nothing of it or a thread that reads", async () => {
  for (let round = 0; round < 6 * SCALE; round += 1) {
    const thread_id = `deleted-${round}`;
    const dice = createDice(round);
    let tip = inThread(thread_id);
    for (let step = 0; step < 4; step += 1) tip = await putList(counted.saver, tip, undefined, [...LIST, `${step}`]);
    const acts = Array.from({ length: 16 }, async (_, index) => {
      const { saver } = dice.pick([counted, replica]);
      await dice.hesitate(4);
      if (index === 7) return await saver.deleteThread(thread_id);
      if (index % 4 === 0) return await saver.prune({ thread_ids: [thread_id], keepLast: 2 });
      if (index % 4 === 1) return await saver.copyThread(thread_id, `${thread_id}-${index}`);
      return await putList(saver, tip, undefined, [...LIST, "late", `${index}`]);
    });
    checkRefusals(await Promise.allSettled(acts));
    expect(await readThread(replica.saver, thread_id)).toEqual([]);
    const [row] = await counted.rows<{ rows: number }>(
      "select count(*)::integer as rows from holdpoint.checkpoint_chunk where thread_id = $1",
      [thread_id],
    );
    expect(row?.rows).toBe(0);
  }
  expect(await countMissingChunks()).toBe(0);
});
