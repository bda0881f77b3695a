import type { Permission, Principal } from "../protocol/principal.ts";
import type { HttpDeps } from "./deps.ts";

/** One request, before anybody knows who asks. */
export interface PublicCall {
  deps: HttpDeps;
  request: Request;
  url: URL;
  /** The path's parameters, decoded. */
  params: Readonly<Record<string, string>>;
  /** How long ago the request arrived. */
  elapsedMs: () => number;
  /** Aborted when the server stops: open streams end then. */
  draining: AbortSignal;
}

/** One request of somebody who may make it. */
export interface Call extends PublicCall {
  principal: Principal;
}

interface RouteBase {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  path: string;
}

/** A route anybody may call; it must give nothing away. */
export interface PublicRoute extends RouteBase {
  permission: "public";
  handle(call: PublicCall): Promise<Response> | Response;
}

/** A route for callers that hold one permission, one of several, or are known at all. */
export interface ProtectedRoute extends RouteBase {
  permission: "authenticated" | Permission | readonly Permission[];
  handle(call: Call): Promise<Response> | Response;
}

/** What is answered where, and to whom. */
export type Route = PublicRoute | ProtectedRoute;
