import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { sdk } from "../support/client.ts";
import { openRefundHouse } from "../support/refund-house.ts";
import { startServer } from "../support/server.ts";
import { until } from "../support/until.ts";

it("a promise that a workflow forgot does not take the server and other people's runs down", async () => {
  const house = await openRefundHouse();
  try {
    const server = await startServer({ databaseUrl: house.url });
    const client = sdk(server.url);
    for (let round = 0; round < 2; round += 1) {
      const { thread_id } = await client.threads.create();
      expect(await client.runs.wait(thread_id, "careless", { input: {} })).toEqual({ done: true });
    }
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    expect(server.log()).toContain("nobody waits for this");
  } finally {
    await house.close();
  }
}, 120_000);

it("an exception of a timer or an event ends the run that it belongs to, and nobody else's", async () => {
  const house = await openRefundHouse();
  try {
    const server = await startServer({ databaseUrl: house.url });
    const client = sdk(server.url);
    const [held, timer, event] = await Promise.all([1, 2, 3].map(() => client.threads.create()));
    const other = await client.runs.create(held!.thread_id, "held-in-the-middle", { input: { amount: 1 } });
    await until("it is under way", async () => (await house.visits(held!.thread_id))["middle"] === 1);
    for (const [thread, graph, message] of [
      [timer, "careless-timer", "thrown by a timer"],
      [event, "careless-event", "said by an event"],
    ] as const) {
      const result = await client.runs.wait(thread!.thread_id, graph, { input: {}, raiseError: false });
      expect(result).toEqual({ __error__: { error: "RangeError", message } });
      await until("it is logged", () => server.log().includes(message));
    }
    await house.letGo(held!.thread_id);
    await client.runs.join(held!.thread_id, other.run_id);
    expect((await house.visits(held!.thread_id))["middle"]).toBe(1);
    expect(await server.stop()).toEqual({ code: 0, signal: null });
  } finally {
    await house.close();
  }
}, 120_000);

it("an exception that is no run's stops the process, which gives its runs back and says why", async () => {
  const house = await openRefundHouse();
  try {
    const preload = join(import.meta.dirname, "../support/throw-when-told.ts");
    const env = { HOLDPOINT_LEASE_MS: "60000", HOLDPOINT_DRAIN_MS: "0" };
    const server = await startServer({ databaseUrl: house.url, preload, env });
    const { thread_id } = await sdk(server.url).threads.create();
    const run = await sdk(server.url).runs.create(thread_id, "held-in-the-middle", { input: { amount: 1 } });
    await until("it is under way", async () => (await house.visits(thread_id))["middle"] === 1);
    writeFileSync(join(server.dataDir, "throw"), "");
    expect(await server.exited).toEqual({ code: 1, signal: null });
    expect(server.log()).toContain("thrown by nobody's run");
    const { rows } = await house.pool.query(
      "select r.status, a.outcome from holdpoint.run r join holdpoint.run_attempt a using (run_id) where run_id = $1",
      [run.run_id],
    );
    expect(rows).toEqual([{ status: "pending", outcome: "drained" }]);
  } finally {
    await house.close();
  }
}, 120_000);
