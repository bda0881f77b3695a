import type pg from "pg";
import { describe, expect, test } from "vitest";
import { effectsOfThread } from "../../src/postgres/effects.sql.ts";
import { readRunEvents } from "../../src/postgres/events.ts";
import { knobs } from "../fixtures/workflows/lib/knobs.ts";
import { answer, openOf } from "../support/reviewer.ts";
import { until } from "../support/until.ts";
import { house, logOf, openScene } from "./scene.ts";

openScene();

/** Keeps everything of a thread from being committed, from the first visit of a place until it is let go. */
function holdFrom(place: string, thread_id: string) {
  let holder: pg.PoolClient | undefined;
  knobs.onVisit = async (visited) => {
    if (visited !== place || holder !== undefined) return;
    holder = await house.database.pool.connect();
    await holder.query("select pg_advisory_lock(hashtextextended('holdpoint:thread:' || $1, 0))", [thread_id]);
  };
  return {
    /** A write of the thread waits for the lock. */
    blocked: () =>
      until("a write waits", async () => {
        const { rows } = await house.database.pool.query(
          `select 1 from pg_locks where locktype = 'advisory' and not granted
             and database = (select oid from pg_database where datname = current_database())`,
        );
        return rows.length > 0;
      }),
    async letGo() {
      await holder?.query("select pg_advisory_unlock_all()");
      holder?.release();
    },
  };
}

const stored = async (thread_id: string): Promise<number> => {
  const text = "select count(*)::int as rows from holdpoint.checkpoint where thread_id = $1";
  return (await house.database.pool.query<{ rows: number }>(text, [thread_id])).rows[0]?.rows ?? 0;
};
const shown = async (run: Parameters<typeof readRunEvents>[1]) =>
  (await readRunEvents(house.database, run, 0)).map(({ event }) => event);

describe("a run with durability async", () => {
  test("goes on while its checkpoints are being committed, and shows nothing of them before they are", async () => {
    const run = await house.start("steps", { input: {}, durability: "async" });
    const hold = holdFrom("steps.a", run.thread_id);
    const settling = house.settle();
    try {
      await until("the last node has run", () => knobs.visits.includes("steps.c"));
      await hold.blocked();
      // What was there before the first node, at most, was committed before the lock was taken.
      expect(await stored(run.thread_id)).toBeLessThanOrEqual(2);
      expect(await shown(run)).not.toContain("updates");
      expect((await house.run(run.run_id)).status).toBe("running");
    } finally {
      await hold.letGo();
      await settling;
    }
    expect((await house.run(run.run_id)).status).toBe("success");
    expect(await stored(run.thread_id)).toBe(5);
    expect(await shown(run)).toContain("updates");
    expect(await logOf(run.thread_id)).toEqual(["a", "b", "c"]);
  });

  test("starts no effect before the checkpoint that names it is committed", async () => {
    const run = await house.start("effect-after-step", { input: { kind: "idempotent" }, durability: "async" });
    const hold = holdFrom("effect.before", run.thread_id);
    const settling = house.settle();
    try {
      await until("the node with the effect has begun", () => knobs.visits.includes("effect.act"));
      await hold.blocked();
      expect(await house.database.many(effectsOfThread("default", run.thread_id))).toEqual([]);
    } finally {
      await hold.letGo();
      await settling;
    }
    expect(knobs.visits.filter((place) => place.startsWith("acted:"))).toHaveLength(1);
    expect((await house.run(run.run_id)).status).toBe("success");
  });

  test("asks only what is stored: the question and the checkpoint it belongs to are there together", async () => {
    const { thread_id } = await house.start("plain-questions", { input: {}, durability: "async" });
    await house.settle();
    for (const question of ["one?", "two?"]) {
      const [review] = await openOf(house, thread_id);
      expect(review?.value).toBe(question);
      await answer(house, review!, [{ type: "respond", value: question }]);
      await house.settle();
    }
    expect(await logOf(thread_id)).toEqual(["ask:one?:two?"]);
  });
});

describe("a run with durability exit", () => {
  test("stores its end alone", async () => {
    const run = await house.start("steps", { input: {}, durability: "exit" });
    await house.settle();
    expect((await house.run(run.run_id)).status).toBe("success");
    expect(await stored(run.thread_id)).toBe(1);
    expect(await logOf(run.thread_id)).toEqual(["a", "b", "c"]);
  });

  test("pauses for a person and goes on", async () => {
    const { thread_id } = await house.start("plain-questions", { input: {}, durability: "exit" });
    await house.settle();
    for (const question of ["one?", "two?"]) {
      const [review] = await openOf(house, thread_id);
      expect(review?.value).toBe(question);
      await answer(house, review!, [{ type: "respond", value: question }]);
      await house.settle();
    }
    expect(await logOf(thread_id)).toEqual(["ask:one?:two?"]);
  });

  test.each(["idempotent", "once"])("refuses an effect that is %s, because a crash would repeat it", async (kind) => {
    const run = await house.start("one-effect", { input: { kind }, durability: "exit" });
    await house.settle();
    expect((await house.run(run.run_id)).status).toBe("error");
    expect((await house.thread(run.thread_id)).error).toMatch(/not_durable.*durability .*sync.* or .*async/);
    expect(knobs.visits).toEqual(["effect.act"]);
    expect(await house.database.many(effectsOfThread("default", run.thread_id))).toEqual([]);
  });

  test("may read", async () => {
    const run = await house.start("one-effect", { input: { kind: "read" }, durability: "exit" });
    await house.settle();
    expect((await house.run(run.run_id)).status).toBe("success");
  });
});
