import { AsyncLocalStorage } from "node:async_hooks";
import type { App } from "../http/app.ts";
import { authenticate } from "../http/authenticate.ts";
import type { HttpDeps } from "../http/deps.ts";
import { inNameOf, type Name } from "../http/in-name-of.ts";
import { offerServer, type ThisServer, withServer } from "../kit/this-server.ts";
import { DEFAULT_TENANT, type Principal, SYSTEM_PREFIX } from "../protocol/principal.ts";
import type { RunStarter } from "../runtime/runner.ts";
import { mayUseOf, principalOfRun } from "./run-principal.ts";

/** How code of this process asks the server that it is part of, without a connection. */
export interface InProcess {
  /** For what a run executes: in the name of who started it. */
  serverFor(run: RunStarter): ThisServer;
  /** Whether who started a run may use what asks for this permission of a tool, now. */
  mayUse(run: RunStarter, permission: string): Promise<boolean>;
  /** For what a project does with a request: in the name of who sent it. */
  within<Result>(request: Request, answer: () => Promise<Result>): Promise<Result>;
  /** For webhooks, which nobody sends: they may call what the project answers, and nothing of ours. */
  webhooks: ThisServer;
  /** From here on there is somebody who answers. */
  open(app: App, deps: HttpDeps): void;
}

// What a caller shows who has a name of their own; in this process it counts only where it is a key of this server.
const OWN_KEY = /^(?:bearer +)?hp_[\w-]{43}$/i;
const SHOWN = ["authorization", "cookie", "x-api-key"] as const;

const WEBHOOK_SENDER: Principal = {
  tenant_id: DEFAULT_TENANT,
  principal_id: `${SYSTEM_PREFIX}webhook`,
  kind: "system",
  display_name: "webhooks of this server",
  groups: [],
  permissions: new Set(),
};

/** Opens the way; what asks before there is an app hears that the server is still starting. */
export function createInProcess(): InProcess {
  offerServer();
  // What answers is no part of the run that asks: LangGraph would take its state, its checkpointer and its callbacks for ours.
  const outside = AsyncLocalStorage.snapshot();
  const opened: { app?: App; deps?: HttpDeps } = {};
  const asking =
    (nameOf: (deps: HttpDeps) => Name): ThisServer =>
    async (request) => {
      const { app, deps } = opened;
      if (app === undefined || deps === undefined)
        return new Response("this server is still starting", { status: 503 });
      const asked = withoutCredentials(request);
      return await outside(() => app.fetch(asked === undefined ? request : inNameOf(asked, nameOf(deps))));
    };
  return {
    serverFor: (run) => asking((deps) => () => principalOfRun(deps, run)),
    // Before there is anybody to ask, nobody may.
    mayUse: async (run, permission) => opened.deps !== undefined && (await mayUseOf(opened.deps, run, permission)),
    within(request, answer) {
      const server = asking((deps) => () => authenticate(deps, request));
      return withServer(server, answer);
    },
    webhooks: asking(() => async () => WEBHOOK_SENDER),
    open(app, deps) {
      Object.assign(opened, { app, deps });
    },
  };
}

/** The request without what clients send by themselves, such as a key of LangSmith; undefined where a key of ours is shown. */
function withoutCredentials(request: Request): Request | undefined {
  const isOwn = ["x-api-key", "authorization"].some((name) => OWN_KEY.test(request.headers.get(name) ?? ""));
  if (isOwn) return undefined;
  const headers = new Headers(request.headers);
  for (const name of SHOWN) headers.delete(name);
  return new Request(request, { headers });
}
