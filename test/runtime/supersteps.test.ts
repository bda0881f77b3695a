import { expect, test } from "vitest";
import { reapLeases } from "../../src/postgres/claim.ts";
import { claimNext, executeAndDie } from "../support/dying-worker.ts";
import { house, openScene } from "./scene.ts";

openScene();

const supersteps = ["one", "two", "three"].map((said) => ({
  updates: [{ values: { log: [said] }, as_node: "a" }],
}));

test("a worker that dies while it writes a new thread's history leaves what another one completes, and nothing twice", async () => {
  let deaths = 0;
  // Bound: more commits than any such execution has; the last step that kills nobody ends the loop.
  for (let step = 1; step < 60; step += 1) {
    const { thread_id } = await house.start("steps", { supersteps }, { kind: "state_update" });
    const died = await executeAndDie(house, await claimNext(house), step);
    await house.pass(3600);
    await reapLeases(house.database);
    await house.settle();
    const thread = await house.thread(thread_id);
    expect(JSON.parse(thread.values ?? "{}").log, `death ${step}`).toEqual(["one", "two", "three"]);
    const { rows } = await house.database.pool.query(
      "select count(*)::int as n from holdpoint.checkpoint where thread_id = $1",
      [thread_id],
    );
    expect(rows[0].n, `death ${step}`).toBe(3);
    deaths += died ? 1 : 0;
    if (!died) break;
  }
  expect(deaths).toBeGreaterThan(3);
});
