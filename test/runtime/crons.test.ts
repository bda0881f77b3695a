import { describe, expect, test } from "vitest";
import { createThread } from "../../src/postgres/create-run.ts";
import { dueCrons } from "../../src/postgres/crons.sql.ts";
import { deleteCron, updateCron } from "../../src/postgres/crons.ts";
import { openDatabase } from "../../src/postgres/database.ts";
import { createCronFirer } from "../../src/runtime/cron.ts";
import { cronOf, fire, graphIds, house, openCronScene, read, runsOf, setClock } from "./cron-scene.ts";

openCronScene();

describe("an occurrence", () => {
  test("makes one run, in the name of who made the cron, with what it says", async () => {
    const cron = await cronOf({
      payload: { input: { amount: 7 }, config: { tags: ["nightly"] } },
      metadata: { team: "x" },
    });
    expect(cron).toMatchObject({ next_run_date: "2026-03-02T09:00:00.000Z", user_id: "user:ana", enabled: true });
    expect(await fire()).toBe(0);
    await setClock("2026-03-02T09:00:01Z");
    await fire();
    await fire();
    await house.settle();
    const [run, ...others] = await runsOf(cron);
    expect(others).toEqual([]);
    expect(run).toMatchObject({
      status: "success",
      principal_id: "user:ana",
      metadata: { team: "x", cron_id: cron.cron_id },
    });
    expect(JSON.parse(run?.kwargs ?? "")).toMatchObject({ input: { amount: 7 }, config: { tags: ["nightly"] } });
    expect(await read(cron)).toMatchObject({
      next_run_date: "2026-03-03T09:00:00.000Z",
      last_run_date: "2026-03-02T09:00:00.000Z",
      last_run_id: run?.run_id,
      last_error: null,
    });
  });

  test("makes one run, however many processes look for it at the same moment", async () => {
    const crons = await Promise.all(Array.from({ length: 5 }, () => cronOf()));
    const others = await Promise.all(Array.from({ length: 3 }, () => openDatabase({ url: house.url, max: 3 })));
    await setClock("2026-03-02T09:00:01Z");
    const firers = [house.database, ...others].map((database) => createCronFirer({ ...house.parts, database }));
    const due = await house.database.many(dueCrons(graphIds(), 100));
    expect(due).toHaveLength(5);
    await Promise.all(firers.flatMap((firer) => due.map((errand) => firer(errand, new AbortController().signal))));
    for (const cron of crons) expect(await runsOf(cron)).toHaveLength(1);
    for (const database of others) await database.close();
  });

  test("that has been made is not made again when the clock is put back", async () => {
    const cron = await cronOf();
    await setClock("2026-03-02T09:00:01Z");
    await fire();
    await setClock("2026-03-02T08:59:00Z");
    await updateCron(house.database, "default", cron.cron_id, { schedule: "0  9 * * *" });
    expect(await read(cron)).toMatchObject({ next_run_date: "2026-03-02T09:00:00.000Z" });
    await setClock("2026-03-02T09:00:01Z");
    await fire();
    expect(await runsOf(cron)).toHaveLength(1);
    expect(await read(cron)).toMatchObject({ next_run_date: "2026-03-03T09:00:00.000Z", last_error: null });
  });

  test("of a week in which nobody was there is made up once", async () => {
    const cron = await cronOf({ schedule: "*/10 * * * *" });
    await setClock("2026-03-09T08:34:00Z");
    await fire();
    await fire();
    expect(await runsOf(cron)).toHaveLength(1);
    expect(await read(cron)).toMatchObject({ next_run_date: "2026-03-09T08:40:00.000Z" });
  });

  test("comes at the time of its zone, also across a change of the clocks", async () => {
    const cron = await cronOf({ schedule: "30 2 * * *", timezone: "Europe/Berlin" });
    const fired: string[] = [];
    await setClock("2026-03-28T00:00:00Z");
    await fire();
    // Bound: three days, hour by hour.
    for (let hour = 0; hour < 72; hour += 1) {
      await setClock(new Date(Date.parse("2026-03-28T00:40:00Z") + hour * 3_600_000).toISOString());
      await fire();
      const { last_run_date } = await read(cron);
      if (last_run_date !== null && fired.at(-1) !== last_run_date) fired.push(last_run_date);
    }
    expect(fired.slice(1)).toEqual([
      "2026-03-28T01:30:00.000Z",
      // 02:30 is skipped: at the jump.
      "2026-03-29T01:00:00.000Z",
      "2026-03-30T00:30:00.000Z",
    ]);
    expect(await runsOf(cron)).toHaveLength(4);
  });

  test("on a thread of its own goes there, and a stateless one gets a new thread each time", async () => {
    const { thread_id } = await createThread(house.database, {
      tenant_id: "default",
      metadata: {},
      if_exists: "raise",
    });
    const own = await cronOf({ thread_id });
    const free = await cronOf();
    for (const day of ["02", "03"]) {
      await setClock(`2026-03-${day}T09:00:01Z`);
      await fire();
      await house.settle();
    }
    expect((await runsOf(own)).map((run) => run.thread_id)).toEqual([thread_id, thread_id]);
    expect(new Set((await runsOf(free)).map((run) => run.thread_id)).size).toBe(2);
  });
});

describe("a cron", () => {
  test("that is deleted or switched off never fires again, and goes on from now when it is switched on", async () => {
    const [gone, off] = [await cronOf(), await cronOf()];
    await setClock("2026-03-05T10:00:00Z");
    // Somebody has found them due already.
    const due = await house.database.many(dueCrons(graphIds(), 10));
    expect(due).toHaveLength(2);
    await deleteCron(house.database, "default", gone.cron_id);
    await updateCron(house.database, "default", off.cron_id, { enabled: false });
    expect(await read(off)).toMatchObject({ enabled: false, next_run_date: null });
    for (const errand of due) await createCronFirer(house.parts)(errand, new AbortController().signal);
    expect(await fire()).toBe(0);
    expect([...(await runsOf(gone)), ...(await runsOf(off))]).toEqual([]);
    await expect(deleteCron(house.database, "default", gone.cron_id)).rejects.toMatchObject({ code: "not_found" });
    await updateCron(house.database, "default", off.cron_id, { enabled: true });
    await fire();
    expect(await runsOf(off)).toEqual([]);
    expect(await read(off)).toMatchObject({ next_run_date: "2026-03-06T09:00:00.000Z" });
  });

  test("that is deleted in the middle of an occurrence waits for it, and it is the last one", async () => {
    const cron = await cronOf();
    await setClock("2026-03-02T09:00:01Z");
    const due = await house.database.many(dueCrons(graphIds(), 1));
    // Both at once, in either order: after the deletion is answered, nothing more is made.
    const counted = deleteCron(house.database, "default", cron.cron_id).then(async () => (await runsOf(cron)).length);
    await Promise.all(due.map((errand) => createCronFirer(house.parts)(errand, new AbortController().signal)));
    expect(await runsOf(cron)).toHaveLength(await counted);
  });

  test("ends at its end time", async () => {
    const cron = await cronOf({ end_time: "2026-03-03T09:00:00Z" });
    for (const day of ["02", "03", "04"]) {
      await setClock(`2026-03-${day}T09:00:01Z`);
      await fire();
    }
    expect(await runsOf(cron)).toHaveLength(2);
    expect(await read(cron)).toMatchObject({ next_run_date: null, enabled: true });
    await updateCron(house.database, "default", cron.cron_id, { end_time: null });
    expect(await read(cron)).toMatchObject({ next_run_date: "2026-03-05T09:00:00.000Z", end_time: null });
  });

  test("is no road past a review: what a client may not do on a guarded graph, it may not do either", async () => {
    const thread = await createThread(house.database, { tenant_id: "default", metadata: {}, if_exists: "raise" });
    const { thread_id } = thread;
    const asking = await house.start("guarded-payment", { input: { amount: 5 } }, { thread_id });
    await house.settle();
    const graph = "guarded-payment";
    const crons = await Promise.all([
      cronOf({ graph, thread_id }),
      cronOf({ graph, payload: { input: { amount: 5 }, interrupt_before: ["pay"] } }),
      cronOf({ graph, payload: { input: { amount: 5 }, config: { configurable: { __pregel_resuming: true } } } }),
      cronOf({ graph, payload: { input: { amount: 5 }, context: { interruptOn: {} } } }),
      cronOf({ graph: "steps", thread_id }),
      // What no graph takes from outside, guarded or not.
      cronOf({ graph: "steps", payload: { input: { amount: 5 }, context: { interruptOn: {} } } }),
      cronOf({ graph: "steps", payload: { input: {}, config: { configurable: { descriptionPrefix: "x" } } } }),
    ]);
    await setClock("2026-03-02T09:00:01Z");
    await fire();
    for (const cron of crons) {
      expect(await runsOf(cron)).toEqual([]);
      expect(await read(cron)).toMatchObject({
        last_run_id: null,
        last_error: expect.stringMatching(/guarded|cannot be set from outside/),
        // The next one may be allowed.
        next_run_date: "2026-03-03T09:00:00.000Z",
      });
    }
    expect((await house.thread(thread_id)).status).toBe("interrupted");
    expect((await house.run(asking.run_id)).status).toBe("success");
  });

  test("whose thread is gone says so and makes no run", async () => {
    const { thread_id } = await createThread(house.database, {
      tenant_id: "default",
      metadata: {},
      if_exists: "raise",
    });
    const lost = await cronOf({ thread_id });
    await house.database.pool.query("update holdpoint.thread set deleted_at = now() where thread_id = $1", [thread_id]);
    await setClock("2026-03-02T09:00:01Z");
    await fire();
    expect(await runsOf(lost)).toEqual([]);
    expect(await read(lost)).toMatchObject({ last_error: expect.stringContaining(thread_id) });
  });

  test("of a graph that is loaded nowhere waits for it, and makes up one occurrence", async () => {
    const cron = await cronOf();
    await setClock("2026-03-04T10:00:00Z");
    expect(await house.database.many(dueCrons(["another"], 10))).toEqual([]);
    await fire();
    expect(await runsOf(cron)).toHaveLength(1);
  });
});
