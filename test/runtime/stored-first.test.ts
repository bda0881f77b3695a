import type pg from "pg";
import { expect, test } from "vitest";
import { effectsOfThread } from "../../src/postgres/effects.sql.ts";
import { knobs } from "../fixtures/workflows/lib/knobs.ts";
import { until } from "../support/until.ts";
import { house, openScene } from "./scene.ts";

openScene();

/** A checkpoint waits, and everything that did not wait for it has had its turn. */
async function othersHadTheirTurn(): Promise<void> {
  await until("a checkpoint waits", async () => {
    const { rows } = await house.database.pool.query(
      `select 1 from pg_locks where relation = 'holdpoint.checkpoint'::regclass and not granted
         and database = (select oid from pg_database where datname = current_database())`,
    );
    return rows.length > 0;
  });
  for (let turn = 0; turn < 50; turn += 1) await house.database.pool.query("select 1");
}

/** Keeps checkpoints, and nothing else, from being stored, from the first visit of a place until it is let go. */
function holdCheckpoints(place: string) {
  let holder: pg.PoolClient | undefined;
  knobs.onVisit = async (visited) => {
    if (visited !== place || holder !== undefined) return;
    holder = await house.database.pool.connect();
    await holder.query("begin; lock table holdpoint.checkpoint in share mode");
  };
  return {
    othersHadTheirTurn,
    letGo() {
      // Thrown away, with its transaction.
      holder?.release(true);
    },
  };
}

test("an effect is not begun while its checkpoint is on its way, and is begun when it is there", async () => {
  const run = await house.start("effect-after-step", { input: { kind: "idempotent" }, durability: "async" });
  const hold = holdCheckpoints("effect.before");
  const settling = house.settle();
  try {
    await until("the node with the effect has begun", () => knobs.visits.includes("effect.act"));
    await hold.othersHadTheirTurn();
    expect(await house.database.many(effectsOfThread("default", run.thread_id))).toEqual([]);
  } finally {
    hold.letGo();
    await settling;
  }
  expect(knobs.visits.filter((place) => place.startsWith("acted:"))).toHaveLength(1);
  expect((await house.run(run.run_id)).status).toBe("success");
});

test("what is told of a step whose checkpoint is then refused is shown to nobody", async () => {
  const run = await house.start("steps", { input: {}, durability: "async", stream_mode: ["updates"] });
  const client = await house.database.pool.connect();
  knobs.onVisit = async (place) => {
    if (place !== "steps.b") return;
    knobs.onVisit = () => {};
    // Checkpoints wait for this transaction, and after it none of this thread is taken.
    await client.query("begin");
    await client.query(
      `create trigger refused before insert on holdpoint.checkpoint
       for each row when (new.thread_id = '${run.thread_id}') execute function holdpoint.refuse_change()`,
    );
  };
  const ticking = house.worker.tick();
  try {
    await until("the last node has run", () => knobs.visits.includes("steps.c"));
    await othersHadTheirTurn();
  } finally {
    await client.query("commit");
    await ticking;
    await client.query("drop trigger if exists refused on holdpoint.checkpoint");
    client.release();
  }
  await house.settle();
  expect(await house.run(run.run_id)).toMatchObject({ status: "success", attempt: 2 });
  const { rows } = await house.database.pool.query<{ attempt: number; body: string }>(
    "select attempt, body from holdpoint.event where run_id = $1 order by seq_from",
    [run.run_id],
  );
  // The second step may be told of by both: what it wrote is stored before the checkpoint that is refused.
  const tellOfLast = rows.filter(({ body }) => body.includes('{"c":')).map(({ attempt }) => attempt);
  expect(tellOfLast).toEqual([2]);
});
