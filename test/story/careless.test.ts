import { expect, it } from "vitest";
import { sdk } from "../support/client.ts";
import { openRefundHouse } from "../support/refund-house.ts";
import { startServer } from "../support/server.ts";

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
}, 60_000);
