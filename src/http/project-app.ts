import type { Context, Hono, MiddlewareHandler } from "hono";
import { projectUserOf } from "../protocol/principal.ts";
import { authenticate } from "./authenticate.ts";
import type { HttpDeps } from "./deps.ts";
import { inNameOf, nameOn } from "./in-name-of.ts";

/** The routes of a project's own, and the middleware that it has around ours. */
export interface ProjectApp {
  /** Of whichever copy of Hono. */
  app: Hono;
  /** Whether its routes are for those alone who are known; its middleware is not asked about others then either. */
  customRouteAuth: boolean;
  /** Whether somebody has to be known before its middleware sees a request to a route of ours. */
  authFirst: boolean;
  /** Lets what it does with a request ask this server in the name of who sent it. */
  within<Result>(request: Request, answer: () => Promise<Result>): Promise<Result>;
}

/** Puts a project's routes and middleware before ours. `isPublic` is about the routes of ours that a request leads to. */
export function mountProject(
  hono: Hono,
  deps: HttpDeps,
  project: ProjectApp,
  isPublic: (method: string, path: string) => boolean,
): void {
  hono.use((context, next) => project.within(context.req.raw, next));
  if (project.customRouteAuth || project.authFirst) hono.use(knownFirst(deps, isPublic));
  hono.route("/", project.app);
}

function knownFirst(deps: HttpDeps, isPublic: (method: string, path: string) => boolean): MiddlewareHandler {
  return async (context, next) => {
    if (isPublic(context.req.method, context.req.path)) return await next();
    const principal = await authenticate(deps, context.req.raw);
    const { principal_id: identity, display_name, permissions } = principal;
    const user = { identity, display_name, permissions: [...permissions], ...projectUserOf(principal) };
    context.set("auth", { user, scopes: user.permissions });
    return await next();
  };
}

/** The request as a route of ours reads it, also where a middleware has read its body before. */
export async function unread({ req }: Context): Promise<Request> {
  const { raw } = req;
  if (!raw.bodyUsed) return raw;
  const copy = new Request(raw.url, { method: raw.method, headers: raw.headers, body: await req.arrayBuffer() });
  const name = nameOn(raw);
  return name === undefined ? copy : inNameOf(copy, name);
}
