import type pg from "pg";
import { expect, test } from "vitest";
import { effectsOfThread } from "../../src/postgres/effects.sql.ts";
import { knobs } from "../fixtures/workflows/lib/knobs.ts";
import { until } from "../support/until.ts";
import { house, openScene } from "./scene.ts";

openScene();

/** Keeps checkpoints, and nothing else, from being stored, from the first visit of a place until it is let go. */
function holdCheckpoints(place: string) {
  let holder: pg.PoolClient | undefined;
  knobs.onVisit = async (visited) => {
    if (visited !== place || holder !== undefined) return;
    holder = await house.database.pool.connect();
    await holder.query("begin; lock table holdpoint.checkpoint in share mode");
  };
  return {
    /** A checkpoint waits, and everything that did not wait for it has had its turn. */
    async othersHadTheirTurn() {
      await until("a checkpoint waits", async () => {
        const { rows } = await house.database.pool.query(
          `select 1 from pg_locks where relation = 'holdpoint.checkpoint'::regclass and not granted`,
        );
        return rows.length > 0;
      });
      for (let turn = 0; turn < 50; turn += 1) await house.database.pool.query("select 1");
    },
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
