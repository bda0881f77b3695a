import { createServer, type Server } from "node:net";
import { afterEach, expect, it } from "vitest";
import type { App } from "../../src/http/app.ts";
import { type Listening, listen } from "../../src/http/node.ts";

const app: App = { fetch: async () => new Response("ok"), drain() {} };
const HOST = "127.0.0.1";
const open: (Listening | Server)[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) {
    if ("url" in one) await one.close(100);
    else await new Promise((resolve) => one.close(resolve));
  }
});

async function occupy(port: number): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host: HOST }, resolve);
  });
  open.push(server);
  return (server.address() as { port: number }).port;
}

it("takes the next free port when the one it would like is taken", async () => {
  const port = await occupy(0);
  const listening = await listen(app, { host: HOST, port, portIsExplicit: false });
  open.push(listening);
  expect(listening.port).toBeGreaterThan(port);
  expect(listening.url).toBe(`http://${HOST}:${listening.port}`);
  expect(await (await fetch(listening.url)).text()).toBe("ok");
});

it("says in one line that the port somebody asked for is taken", async () => {
  const port = await occupy(0);
  const refused = listen(app, { host: HOST, port, portIsExplicit: true });
  await expect(refused).rejects.toMatchObject({ code: "configuration_invalid" });
  await expect(refused).rejects.toThrow(`port ${port} of ${HOST} is taken; stop what listens there, set PORT`);
});

it("says in one line that an address is not this machine's", async () => {
  const refused = listen(app, { host: "192.0.2.1", port: 0, portIsExplicit: true });
  await expect(refused).rejects.toThrow("cannot listen on 192.0.2.1:0 (EADDRNOTAVAIL); check HOST and PORT");
});

it("closes although a client keeps its connection open", async () => {
  const listening = await listen(app, { host: HOST, port: 0, portIsExplicit: true });
  await fetch(listening.url);
  await listening.close(60_000);
  await expect(fetch(listening.url)).rejects.toThrow();
});

it("keeps an idle connection longer than a balancer before it does", async () => {
  const listening = await listen(app, { host: HOST, port: 0, portIsExplicit: true });
  open.push(listening);
  expect((await fetch(listening.url)).headers.get("keep-alive")).toBe("timeout=65");
});
