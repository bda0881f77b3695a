import { type Context, Hono } from "hono";
import { HoldpointError, isHoldpointError } from "../protocol/errors.ts";
import type { Log } from "../telemetry/log.ts";
import { withLogIds } from "../telemetry/log-context.ts";
import { admit } from "./auth/admit.ts";
import { AuthRefusal } from "./auth/refusal.ts";
import { authenticate, authorise } from "./authenticate.ts";
import { isPage } from "./console.ts";
import { withCors } from "./cors.ts";
import type { HttpDeps } from "./deps.ts";
import { failure, invalid } from "./failure.ts";
import { withPrefix } from "./mount-prefix.ts";
import { mountProject, unread } from "./project-app.ts";
import { type Arrived, readParts, readQuery } from "./read-parts.ts";
import { text } from "./reply.ts";
import { requestIds, requestLog } from "./request-log.ts";
import type { Route } from "./route.ts";
import { routes } from "./routes.ts";

/** Answers requests. */
export interface App {
  fetch(request: Request): Promise<Response>;
  /** Ends open streams, so that their clients go to another process. */
  drain(): void;
}

const NO_ORIGINS: ReadonlySet<string> = new Set();

/** Makes the answering side of the server out of the table of routes, or a part of it. */
export function createApp(deps: HttpDeps, table: readonly Route[] = routes): App {
  const draining = new AbortController();
  const hono = new Hono();
  // By themselves, to tell what is ours: a project's middleware is on every path.
  const ours = routesOf(table);
  if (deps.project !== undefined) {
    const open = routesOf(table.filter(({ permission }) => permission === "public"));
    mountProject(hono, deps, deps.project, (method, path) => open.router.match(method, path)[0].length > 0);
  }
  for (const route of table) {
    hono.on(route.method, route.path, (context) => answer(deps, route, context, draining.signal));
  }
  const refuseOutside = (request: Request, error: unknown) => {
    const ids = requestIds(request, {});
    const response = refuse(requestLog(deps.log, ids, { method: request.method, path: "none" }), request, error);
    response.headers.set("x-request-id", ids.request_id);
    return response;
  };
  hono.notFound((context) => refuseOutside(context.req.raw, noRoute(ours, context)));
  // What goes wrong before a route is reached: nothing is known to, and nothing is said.
  hono.onError((error, context) => saidByProject(deps, error) ?? refuseOutside(context.req.raw, error));
  const answered = withCors(
    async (request) => varied(request, await hono.fetch(request)),
    deps.settings.corsOrigins ?? NO_ORIGINS,
  );
  const prefixed = withPrefix(answered, deps.settings.mountPrefix);
  return {
    fetch: async (request) => deps.pages?.(request) ?? (await prefixed(request)),
    drain: () => draining.abort(),
  };
}

/** What a project's own routes answer by throwing an HTTPException of Hono. */
function saidByProject({ project }: HttpDeps, error: Error): Response | undefined {
  if (project === undefined || !("getResponse" in error) || typeof error.getResponse !== "function") return undefined;
  const response: unknown = error.getResponse();
  return response instanceof Response ? response : undefined;
}

function routesOf(table: readonly Route[]): Hono {
  const found = new Hono();
  for (const { method, path } of table) found.on(method, path, (context) => context.body(null));
  return found;
}

/** Where a page has the same address as an answer of the API, whoever keeps answers has to tell them apart. */
function varied(request: Request, response: Response): Response {
  if (isPage(new URL(request.url).pathname)) response.headers.append("vary", "Accept");
  return response;
}

async function answer(deps: HttpDeps, route: Route, context: Context, draining: AbortSignal): Promise<Response> {
  const arrivedAt = performance.now();
  const elapsedMs = () => performance.now() - arrivedAt;
  const request = await unread(context);
  const params = context.req.param();
  const ids = requestIds(request, params);
  const log = requestLog(deps.log, ids, route);
  const observe = (response: Response) => {
    const labels = { method: route.method, route: route.path, status: response.status };
    deps.metrics.request_seconds.observe(labels, elapsedMs() / 1000);
    log.debug({ status: response.status, ms: Math.round(elapsedMs()) }, "request answered");
    response.headers.set("x-request-id", ids.request_id);
    return response;
  };
  try {
    const url = new URL(request.url);
    const call: Arrived = { deps: { ...deps, log }, request, url, params, elapsedMs, draining };
    return observe(protect(await withLogIds(ids, () => handle(route, call))));
  } catch (error) {
    return observe(refuse(log, request, error));
  }
}

async function handle(route: Route, call: Arrived): Promise<Response> {
  if (route.permission === "public") return await route.handle({ ...call, query: readQuery(route, call) });
  const principal = await authenticate(call.deps, call.request);
  authorise(principal, route.permission);
  refuseNul(call.url);
  const known = { ...call, principal };
  const parts = await readParts(route, known);
  const admitted = await admit(route, { ...known, parts });
  if ("refused" in admitted) return admitted.refused;
  const again = async () => {
    const still = await authenticate(call.deps, call.request);
    authorise(still, route.permission);
    await admit(route, { ...known, principal: still, parts });
  };
  return await route.handle({ ...known, ...admitted.parts, access: admitted.access, again });
}

/** No text in Postgres can hold one, so nothing can be found by it. */
function refuseNul({ pathname, search }: URL): void {
  if (!/%00/.test(pathname + search)) return;
  throw invalid([{ pointer: "", message: "the address must not contain NUL characters" }]);
}

function noRoute(hono: Hono, context: Context): HoldpointError {
  const { path, method } = context.req;
  const others = ["GET", "POST", "PUT", "PATCH", "DELETE"].filter(
    (other) => other !== method && hono.router.match(other, path)[0].length > 0,
  );
  if (others.length === 0) return new HoldpointError("not_found", `there is nothing at ${path.slice(0, 200)}`);
  return new HoldpointError(
    "method_not_allowed",
    `${method} is not served at ${path.slice(0, 200)}; use ${others.join(" or ")}`,
    {
      facts: { allow: others },
    },
  );
}

function refuse(log: Log, request: Request, error: unknown): Response {
  if (isHoldpointError(error)) {
    const response = protect(failure(error, new URL(request.url).pathname));
    const allow = error.code === "method_not_allowed" ? error.facts["allow"] : undefined;
    if (Array.isArray(allow)) response.headers.set("allow", allow.join(", "));
    if (error.status >= 500) log.warn({ err: error }, "a request could not be answered");
    return response;
  }
  if (error instanceof AuthRefusal) return protect(text(error.message, error.status, error.headers));
  // Of a fault of ours nobody outside is told more.
  log.error({ err: error }, "a request failed for a reason of ours");
  return protect(text("Internal Server Error", 500));
}

function protect(response: Response): Response {
  response.headers.set("x-content-type-options", "nosniff");
  if (!response.headers.has("cache-control")) response.headers.set("cache-control", "no-store");
  return response;
}
