import { Client } from "@langchain/langgraph-sdk";
import type { App } from "../../src/http/app.ts";
import { createApp } from "../../src/http/app.ts";
import type { ProjectAuth } from "../../src/http/auth/project-auth.ts";
import type { HttpDeps, HttpSettings } from "../../src/http/deps.ts";
import { type Listening, listen } from "../../src/http/node.ts";
import type { ProjectApp } from "../../src/http/project-app.ts";
import { createReviewFeeds } from "../../src/http/review-feed.ts";
import { createRunFeeds } from "../../src/http/run-feed.ts";
import { createThreadFeeds } from "../../src/http/thread-feed.ts";
import { registerAssistants } from "../../src/postgres/assistants.ts";
import { createApiKey, ensureLocalOwner } from "../../src/postgres/identity.ts";
import type { Permission, PrincipalKind } from "../../src/protocol/principal.ts";
import { type House, openHouse } from "../support/house.ts";

/** What a test asks in memory. */
export interface Ask {
  method?: string;
  body?: unknown;
  headers?: Record<string, string>;
}

/** The answering side over a database of its own, in memory and over a socket. */
export interface TestServer {
  house: House;
  app: App;
  deps: HttpDeps;
  listening: Listening;
  client: Client;
  /** Asks in memory, as a caller on this machine. */
  ask(path: string, ask?: Ask): Promise<Response>;
  /** Makes a key for a principal of its own. */
  key(principal_id: string, permissions?: readonly Permission[], kind?: PrincipalKind): Promise<string>;
  close(): Promise<void>;
}

interface ServerParts {
  works?: boolean;
  directory?: string;
  auth?: ProjectAuth;
  project?: ProjectApp;
}

/** Opens a server; its worker runs unless told not to. */
export async function openServer(
  settings: Partial<HttpSettings> = {},
  { works = true, directory, auth, project }: ServerParts = {},
): Promise<TestServer> {
  const house = await openHouse(directory);
  await ensureLocalOwner(house.database);
  await registerAssistants(house.database, house.graphs.graphs.values());
  if (works) house.worker.start();
  const deps: HttpDeps = {
    ...house.parts,
    runFeeds: createRunFeeds(house.parts, settings.hitlAliases),
    reviewFeeds: createReviewFeeds(house.parts),
    threadFeeds: createThreadFeeds(house.parts),
    settings: {
      version: "0.0.0-test",
      maxBodyBytes: 1_000_000,
      allowScalarResume: true,
      loopbackOwner: true,
      ...settings,
    },
    isReady: () => ({ ready: true, reasons: [] }),
    auth,
    project,
  };
  const app = createApp(deps);
  const listening = await listen(app, { host: "127.0.0.1", port: 0, portIsExplicit: true });
  return {
    house,
    app,
    deps,
    listening,
    client: new Client({ apiUrl: listening.url, apiKey: null as never }),
    ask: (path, { method = "GET", body, headers = {} } = {}) =>
      app.fetch(
        new Request(`http://127.0.0.1:8123${path}`, {
          method,
          headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
          ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
        }),
      ),
    async key(principal_id, permissions, kind = "user") {
      const { secret } = await createApiKey(house.database, {
        name: principal_id,
        principal: { principal_id, kind, display_name: principal_id },
        ...(permissions === undefined ? {} : { permissions }),
        created_by: "test",
      });
      return secret;
    },
    async close() {
      await listening.close(200);
      await house.close();
    },
  };
}
