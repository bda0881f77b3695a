import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { HoldpointStore } from "../../src/postgres/store/base-store.ts";
import { readItem } from "../../src/postgres/store/items.ts";
import { type House, openHouse } from "../support/house.ts";
import { MODEL, newEmbedder } from "./vector-scene.ts";

let house: House;
beforeAll(async () => {
  house = await openHouse(fileURLToPath(new URL("../fixtures/remembering", import.meta.url)));
});
afterAll(() => house.close());

it("gives the store to the nodes of a graph, its edges and the graphs inside it, across threads", async () => {
  const first = await house.start("remembers", { input: { who: "ana", likes: "tea" } });
  await house.settle();
  const second = await house.start("remembers", { input: { who: "ana", likes: "rain" } });
  await house.settle();

  expect(await house.run(first.run_id)).toMatchObject({ status: "success", error: null });
  const ended = await house.run(second.run_id);
  expect(ended).toMatchObject({ status: "success" });
  expect(JSON.parse(ended.output as string)).toMatchObject({ known: ["rain", "tea"] });
});

it("writes nothing for a worker that has lost its lease", async () => {
  const { thread_id, run_id } = await house.start("remembers", { input: { who: "bo", likes: "snow" } });
  await house.settle();
  const { lease_epoch } = await house.thread(thread_id);
  const lease = { tenant_id: "default", thread_id, run_id };
  const zombie = new HoldpointStore(house.database, "default", { ...lease, lease_epoch: Number(lease_epoch) - 1 });
  const holder = new HoldpointStore(house.database, "default", { ...lease, lease_epoch: Number(lease_epoch) });

  await expect(zombie.put(["people", "bo"], "snow", { thing: "mud" })).rejects.toMatchObject({ code: "lease_lost" });
  await expect(zombie.delete(["people", "bo"], "snow")).rejects.toMatchObject({ code: "lease_lost" });

  const names = { namespace: ["people", "bo"], key: "snow" };
  expect(await readItem(house.database, "default", names)).toMatchObject({ value: { thing: "snow" } });
  await holder.put(names.namespace, names.key, { thing: "ice" });
  expect(await readItem(house.database, "default", names)).toMatchObject({ value: { thing: "ice" } });
});

it("makes vectors of what a graph writes, and none for a worker that has lost its lease", async () => {
  const { embedder } = newEmbedder({ fields: ["thing"] });
  const models = async () =>
    (await house.database.pool.query("select key, model from holdpoint.store_vector order by key")).rows;
  house.parts.embedder = embedder;
  const worker = house.newWorker();
  house.parts.embedder = undefined;
  const { thread_id, run_id } = await house.start("remembers", { input: { who: "cy", likes: "fog" } });
  await worker.tick();
  expect(await house.run(run_id)).toMatchObject({ status: "success" });
  expect(await models()).toEqual([{ key: "fog", model: MODEL }]);

  const { lease_epoch } = await house.thread(thread_id);
  const stale = { tenant_id: "default", thread_id, run_id, lease_epoch: Number(lease_epoch) - 1 };
  const zombie = new HoldpointStore(house.database, "default", stale, { embedder });
  await expect(zombie.put(["people", "cy"], "mud", { thing: "mud" })).rejects.toMatchObject({ code: "lease_lost" });
  await expect(zombie.delete(["people", "cy"], "fog")).rejects.toMatchObject({ code: "lease_lost" });
  expect(await models()).toEqual([{ key: "fog", model: MODEL }]);
});
