import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import { HoldpointError } from "../protocol/errors.ts";
import type { App } from "./app.ts";
import { createDoor, type Door } from "./door.ts";

/** Where to listen. */
export interface ListenOptions {
  host: string;
  port: number;
  /** True when somebody asked for this port: taken is an error then, otherwise the next free one is used. */
  portIsExplicit: boolean;
  /** What it is set by; PORT unless given. */
  variable?: string;
}

/** A server that answers. */
export interface Listening {
  url: string;
  port: number;
  /**
   * Refuses new requests and answers those under way; ends streams and waits after half the time, and cuts what is left of
   * them at the end of it.
   */
  close(graceMs: number): Promise<void>;
}

const MORE_PORTS = 50;
const LAST_PORT = 65_535;
const IDLE_CHECK_MS = 50;
// What is under way needs the database for moments; more than this only where Postgres has fallen silent.
const ANSWERS_MS = 8_000;
// Longer than whoever stands before us keeps an idle connection, which is a minute mostly: where we close it first, what
// they are just sending is lost.
const KEEP_ALIVE_MS = 65_000;

/** Listens. Throws `configuration_invalid` with one line when that address cannot be had. */
export async function listen(app: App, options: ListenOptions): Promise<Listening> {
  const door = createDoor((request) => app.fetch(request));
  const server = createAdaptorServer({ fetch: door.fetch }) as Server;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  const port = await bind(server, options);
  const { host } = options;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    port,
    close: (graceMs) => close(server, app, door, graceMs),
  };
}

// Bound: MORE_PORTS attempts.
async function bind(server: Server, { host, port, portIsExplicit, variable = "PORT" }: ListenOptions): Promise<number> {
  const last = portIsExplicit || port === 0 ? port : Math.min(port + MORE_PORTS, LAST_PORT);
  for (let candidate = port; ; candidate += 1) {
    try {
      return await bindTo(server, host, candidate);
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code;
      if (code === "EADDRINUSE" && candidate < last) continue;
      throw new HoldpointError("configuration_invalid", refusal(code, { host, port, last, variable }), { cause });
    }
  }
}

function bindTo(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

interface Refused {
  host: string;
  port: number;
  last: number;
  variable: string;
}

function refusal(code: string | undefined, { host, port, last, variable }: Refused): string {
  if (code === "EADDRINUSE") {
    const taken =
      last === port ? `port ${port} of ${host} is taken` : `the ports ${port} to ${last} of ${host} are taken`;
    return `${taken}; stop what listens there, set ${variable} to a free one${variable === "PORT" ? ", or leave PORT out to have one chosen" : ""}`;
  }
  if (code === "EACCES") return `port ${port} of ${host} needs more rights; set ${variable} to one above 1023`;
  return `cannot listen on ${host}:${port} (${code ?? "unknown reason"}); check HOST and ${variable}`;
}

async function close(server: Server, app: App, door: Door, graceMs: number): Promise<void> {
  door.shut();
  const drain = setTimeout(() => app.drain(), graceMs / 2);
  const beginMs = performance.now();
  await door.empty(ANSWERS_MS);
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // A connection whose last answer is out is idle, and its client may keep it open for long.
  const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
  const cut = setTimeout(
    () => server.closeAllConnections(),
    Math.max(IDLE_CHECK_MS, graceMs - (performance.now() - beginMs)),
  );
  await closed;
  clearInterval(idle);
  clearTimeout(drain);
  clearTimeout(cut);
}
