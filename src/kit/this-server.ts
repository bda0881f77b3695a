import { AsyncLocalStorage } from "node:async_hooks";
import { randomUUID } from "node:crypto";

/** Answers a request without a connection, in somebody's name. */
export type ThisServer = (request: Request) => Promise<Response>;

// Where a client of the LangGraph SDK looks that is made without an address.
const FETCH = Symbol.for("langgraph_api:fetch");
const ADDRESS = Symbol.for("langgraph_api:url");
const HOST = "in-process.holdpoint.invalid";

const storage = new AsyncLocalStorage<string>();
const servers = new Map<string, ThisServer>();

/** Runs `body`, and everything it awaits, with a server that clients without an address reach until it has ended. */
export async function withServer<Result>(server: ThisServer, body: () => Promise<Result>): Promise<Result> {
  const name = randomUUID();
  servers.set(name, server);
  try {
    return await storage.run(name, body);
  } finally {
    servers.delete(name);
  }
}

/**
 * The address that such a client has. It is read anew for each request, where that is made: a client keeps requests waiting
 * behind those of others, and may be shared, so that by the time it sends one it may be in another run.
 */
class AddressHere extends String {
  override toString(): string {
    const name = storage.getStore();
    return `http://${name === undefined ? HOST : `${name}.${HOST}`}`;
  }

  override valueOf(): string {
    return this.toString();
  }
}

/**
 * Lets clients that are made without an address ask this process. Whom they reach, and in whose name, depends on where they
 * ask from: outside of a run and of a request there is nobody to ask for.
 */
export function offerServer(): void {
  const global = globalThis as { [FETCH]?: typeof fetch; [ADDRESS]?: unknown };
  global[FETCH] = async (input, init) => {
    const asked = new Request(input, init);
    const url = new URL(asked.url);
    const server = url.hostname.endsWith(`.${HOST}`) ? servers.get(url.hostname.split(".", 1)[0] ?? "") : undefined;
    if (server === undefined) {
      const message = "a client without an address asks this server only inside a run or a request; give it an apiUrl";
      return new Response(message, { status: 403 });
    }
    return await server(new Request(`http://localhost${url.pathname}${url.search}`, asked));
  };
  global[ADDRESS] = new AddressHere(`http://${HOST}`);
}
