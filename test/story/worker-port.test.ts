import { expect, it } from "vitest";
import { keyFor } from "../support/client.ts";
import { openRefundHouse } from "../support/refund-house.ts";
import { type Server, startServer } from "../support/server.ts";
import { until } from "../support/until.ts";

const PORT = { HOLDPOINT_METRICS_PORT: "0" };
/** Where a process says that its figures are, once it has said everything. */
const urlOf = (server: Server) =>
  until("it says where", () => /Metrics\s+(http:\S+)\/metrics[\s\S]*Ctrl-C/.exec(server.log())?.[1]);

it("a worker tells on a port of its own how it is doing, and nothing else", async () => {
  const house = await openRefundHouse();
  try {
    const worker = await startServer({ databaseUrl: house.url, command: "work", env: PORT });
    const url = await urlOf(worker);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    // It counts itself from its first heartbeat on.
    await until("its figures tell of it", async () =>
      /^holdpoint_workers\{state="live"\} 1$/m.test(await (await fetch(`${url}/metrics`)).text()),
    );
    expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ live: true });
    expect(await (await fetch(`${url}/readyz`)).json()).toEqual({ ready: true, reasons: [] });
    for (const path of ["/ok", "/threads/search", "/whoami"]) expect((await fetch(url + path)).status).toBe(404);
    expect(await worker.stop()).toEqual({ code: 0, signal: null });
  } finally {
    await house.close();
  }
}, 120_000);

it("where others can reach it, its figures want a key, and there is no port where there is none", async () => {
  const house = await openRefundHouse();
  try {
    const env = { ...PORT, HOST: "0.0.0.0" };
    const refused = startServer({ databaseUrl: house.url, command: "work", env });
    await expect(refused).rejects.toThrow(/ended with 2 [\s\S]*no API key exists/);
    const server = await startServer({ databaseUrl: house.url, env: PORT });
    const key = await keyFor(server.url, "watcher");
    expect((await fetch(`${await urlOf(server)}/metrics`)).status).toBe(200);
    await server.stop();
    const worker = await startServer({ databaseUrl: house.url, command: "work", env });
    const url = (await urlOf(worker)).replace("0.0.0.0", "127.0.0.1");
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    expect((await fetch(`${url}/metrics`)).status).toBe(401);
    expect((await fetch(`${url}/metrics`, { headers: { "x-api-key": key } })).status).toBe(200);
    await worker.stop();
  } finally {
    await house.close();
  }
}, 120_000);
