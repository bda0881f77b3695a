import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { countCrons, deleteCron, readCron, searchCrons, updateCron } from "../../src/postgres/crons.ts";
import { assistantIdOf } from "../../src/protocol/assistant.ts";
import { cronCreateSchema, cronUpdateSchema } from "../../src/protocol/cron.ts";
import { cronOf, house, openCronScene, read } from "./cron-scene.ts";

const FIRST_PAGE = { limit: 10, offset: 0, sort_by: "created_at", sort_order: "desc" } as const;

openCronScene();

describe("a cron", () => {
  test("that cannot be understood is refused, and says where", async () => {
    await expect(cronOf({ schedule: "every day" })).rejects.toMatchObject({
      code: "invalid",
      facts: { faults: [{ pointer: "/schedule", message: expect.any(String) }] },
    });
    await expect(cronOf({ timezone: "Mars/Olympus" })).rejects.toMatchObject({
      facts: { faults: [{ pointer: "/timezone", message: expect.stringContaining("Mars/Olympus") }] },
    });
    await expect(cronOf({ thread_id: randomUUID() })).rejects.toMatchObject({ code: "not_found" });
    const cron = await cronOf();
    await expect(updateCron(house.database, "default", cron.cron_id, { schedule: "61 * * * *" })).rejects.toMatchObject(
      {
        code: "invalid",
      },
    );
    expect(await read(cron)).toEqual(cron);
    for (const call of [readCron, deleteCron]) {
      await expect(call(house.database, "other", cron.cron_id)).rejects.toMatchObject({ code: "not_found" });
    }
  });

  test("is found by assistant, thread, switch and metadata, and counted the same way", async () => {
    const crons = [
      await cronOf({ metadata: { team: "a" } }),
      await cronOf({ metadata: { team: "b" }, enabled: false }),
    ];
    crons.push(await cronOf({ graph: "echo" }));
    const all = { assistant_id: null, thread_id: null, enabled: null, metadata: {} };
    const ids = async (filter: Partial<typeof all> | object) => {
      const wanted = { ...all, ...filter };
      const found = await searchCrons(house.database, "default", { ...wanted, ...FIRST_PAGE });
      expect(await countCrons(house.database, "default", wanted)).toBe(found.length);
      return found.map(({ cron_id }) => crons.findIndex((cron) => cron.cron_id === cron_id));
    };
    expect(await ids({})).toEqual([2, 1, 0]);
    expect(await ids({ enabled: false })).toEqual([1]);
    expect(await ids({ metadata: { team: "a" } })).toEqual([0]);
    expect(await ids({ assistant_id: assistantIdOf("echo") })).toEqual([2]);
    expect(await ids({ thread_id: "x" })).toEqual([]);
  });

  test("is changed member by member; what is not given stays", async () => {
    const cron = await cronOf({ payload: { input: { amount: 1 }, config: { tags: ["a"] } }, metadata: { team: "a" } });
    const changed = await updateCron(house.database, "default", cron.cron_id, { input: { amount: 2 } });
    expect(changed).toMatchObject({
      payload: { input: { amount: 2 }, config: { tags: ["a"] } },
      metadata: { team: "a" },
      next_run_date: cron.next_run_date,
    });
    expect(cronUpdateSchema.safeParse({ end_time: "tomorrow" }).success).toBe(false);
    expect(cronCreateSchema.safeParse({ assistant_id: "steps", schedule: "* * * * *", new_one: 1 }).success).toBe(true);
  });
});
