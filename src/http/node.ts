import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import { HoldpointError } from "../protocol/errors.ts";
import type { App } from "./app.ts";

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
  /** Takes no more requests, lets open ones end for half the time, ends streams, and cuts what is left at the end of it. */
  close(graceMs: number): Promise<void>;
}

const MORE_PORTS = 50;
const LAST_PORT = 65_535;
const IDLE_CHECK_MS = 50;

/** Listens. Throws `configuration_invalid` with one line when that address cannot be had. */
export async function listen(app: App, options: ListenOptions): Promise<Listening> {
  const server = createAdaptorServer({ fetch: (request) => app.fetch(request) }) as Server;
  const port = await bind(server, options);
  const { host } = options;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    port,
    close: (graceMs) => close(server, app, graceMs),
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

async function close(server: Server, app: App, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // A connection whose last answer is out is idle, and its client may keep it open for long.
  const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
  const drain = setTimeout(() => app.drain(), graceMs / 2);
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearInterval(idle);
  clearTimeout(drain);
  clearTimeout(cut);
}
