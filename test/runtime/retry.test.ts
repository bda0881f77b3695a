import { describe, expect, test } from "vitest";
import { reapLeases } from "../../src/postgres/claim.ts";
import { effectsOfThread } from "../../src/postgres/effects.sql.ts";
import { planRetry, retryRun } from "../../src/postgres/retry-run.ts";
import type { RunRow } from "../../src/postgres/runs.sql.ts";
import { knobs, visitsOf } from "../fixtures/workflows/lib/knobs.ts";
import { claimNext, executeAndDie } from "../support/dying-worker.ts";
import { answer, reviewsOf, theOpen } from "../support/reviewer.ts";
import { house, logOf, openScene, started } from "./scene.ts";

openScene();

const failAt = (place: string) => {
  knobs.onVisit = (visited) => {
    if (visited === place) throw new RangeError("no luck");
  };
};
const repair = () => {
  knobs.onVisit = () => {};
};
const retryOf = (run: RunRow) => {
  const guarded = house.graphs.graphs.get(run.graph_id)?.guarded ?? false;
  return retryRun(house.database, { run, principal_id: "user:ben", guarded, isGuarded: () => guarded });
};
const retry = async ({ run_id }: RunRow) => await retryOf(await house.run(run_id));

test("a retry goes on from the node that failed and repeats none before it", async () => {
  failAt("steps.b");
  const run = await started("steps");
  expect((await house.run(run.run_id)).status).toBe("error");
  repair();
  const again = await retry(run);
  expect(again).toMatchObject({ principal_id: "user:ben", metadata: { retry_of: run.run_id } });
  await house.settle();
  expect((await house.run(again.run_id)).status).toBe("success");
  expect(await logOf(run.thread_id)).toEqual(["a", "b", "c"]);
  expect([visitsOf("steps.a"), visitsOf("steps.b"), visitsOf("steps.c")]).toEqual([1, 2, 1]);
});

test.each(["idempotent", "once"])("an effect of kind %s that has its receipt is not repeated", async (kind) => {
  failAt("effect.acted");
  const run = await house.start("effect-after-step", { input: { kind } });
  await house.settle();
  expect((await house.run(run.run_id)).status).toBe("error");
  repair();
  const again = await retry(run);
  await house.settle();
  expect((await house.run(again.run_id)).status).toBe("success");
  expect(visitsOf("effect.act")).toBe(2);
  expect(knobs.visits.filter((place) => place.startsWith("acted:"))).toHaveLength(1);
  expect(await house.database.many(effectsOfThread("default", run.thread_id))).toMatchObject([{ status: "receipt" }]);
});

test("a retry that fails can be retried, the run before it cannot any more", async () => {
  failAt("steps.c");
  const run = await started("steps");
  const second = await retry(run);
  await house.settle();
  await expect(retry(run)).rejects.toMatchObject({ code: "superseded", facts: { run_id: second.run_id } });
  repair();
  const third = await retry(second);
  await house.settle();
  expect((await house.run(third.run_id)).status).toBe("success");
  expect(await logOf(run.thread_id)).toEqual(["a", "b", "c"]);
});

test("a run of which nothing was stored gets its input again", async () => {
  const run = await house.start("steps", { input: { amount: 7 } });
  for (let lost = 0; lost < 5; lost += 1) {
    await executeAndDie(house, await claimNext(house), 1);
    await house.database.pool.query("delete from holdpoint.checkpoint where run_id = $1", [run.run_id]);
    await house.pass(3600);
    await reapLeases(house.database);
  }
  const poisoned = await house.run(run.run_id);
  expect(poisoned.status).toBe("error");
  expect(await planRetry(house.database, poisoned)).toMatchObject({ from: "start", kwargs: { input: { amount: 7 } } });
  await retry(run);
  await house.settle();
  expect(JSON.parse((await house.thread(run.thread_id)).values ?? "null")).toMatchObject({
    amount: 7,
    log: ["a", "b", "c"],
  });
});

test("a run that carried an answer is retried with the answer it carried", async () => {
  const run = await started("work-on-answer");
  failAt("work.answered");
  const { resume_run } = await answer(house, await theOpen(house, run.thread_id), [{ type: "respond", value: "blue" }]);
  await house.settle();
  const resumed = await house.run(resume_run?.run_id as string);
  expect(resumed.status).toBe("error");
  repair();
  const again = await retry(resumed);
  await house.settle();
  expect((await house.run(again.run_id)).status).toBe("success");
  expect(await logOf(run.thread_id)).toEqual(["blue", "end"]);
});

test("what has not failed, has moved on or is busy is refused and changes nothing", async () => {
  const done = await started("steps");
  await expect(retry(done)).rejects.toMatchObject({
    code: "not_failed",
    message: expect.stringContaining("is success"),
  });
  failAt("steps.b");
  const moved = await started("steps");
  const edit = await house.start(
    "steps",
    { update: { values: { amount: 9 } } },
    { thread_id: moved.thread_id, kind: "state_update" },
  );
  await house.settle();
  expect((await house.run(edit.run_id)).status).toBe("success");
  await expect(retry(moved)).rejects.toMatchObject({ code: "superseded", facts: { run_id: edit.run_id } });
  const busy = await started("steps");
  const queued = await house.start("steps", { input: {} }, { thread_id: busy.thread_id });
  await expect(retry(busy)).rejects.toMatchObject({ code: "thread_busy", facts: { run_id: queued.run_id } });
  const { rows } = await house.database.pool.query(
    "select count(*)::int from holdpoint.run where metadata ? 'retry_of' and thread_id = any($1)",
    [[done.thread_id, moved.thread_id, busy.thread_id]],
  );
  expect(rows).toEqual([{ count: 0 }]);
});

test("of many who retry at once one does", async () => {
  failAt("steps.b");
  const run = await started("steps");
  repair();
  const failed = await house.run(run.run_id);
  const all = await Promise.allSettled(Array.from({ length: 8 }, () => retryOf(failed)));
  expect(all.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  for (const one of all) if (one.status === "rejected") expect(one.reason).toMatchObject({ code: "thread_busy" });
  await house.settle();
  expect(await logOf(run.thread_id)).toEqual(["a", "b", "c"]);
});

describe("on a guarded graph", () => {
  test("what was approved goes on without being asked again, and is done once", async () => {
    const run = await started("guarded-payment");
    failAt("guarded.pay");
    const { resume_run } = await answer(house, await theOpen(house, run.thread_id), [{ type: "approve" }]);
    await house.settle();
    const resumed = await house.run(resume_run?.run_id as string);
    expect(resumed.status).toBe("error");
    repair();
    const again = await retry(resumed);
    await house.settle();
    expect((await house.run(again.run_id)).status).toBe("success");
    expect(visitsOf("guarded.review")).toBe(2);
    expect(await house.database.many(effectsOfThread("default", run.thread_id))).toMatchObject([{ status: "receipt" }]);
    expect((await reviewsOf(house, run.thread_id)).map(({ status }) => status)).toEqual(["closed"]);
  });

  test("nothing passes a question: what was refused because one is open is refused again", async () => {
    const asks = await house.start("guarded-payment", { input: { amount: 5 } });
    const queued = await house.start("guarded-payment", { input: { amount: 6 } }, { thread_id: asks.thread_id });
    await house.settle();
    expect((await house.run(queued.run_id)).status).toBe("error");
    await expect(retry(queued)).rejects.toMatchObject({ code: "guarded" });
    await theOpen(house, asks.thread_id);
  });
});
