import type { Route } from "./route.ts";

/** The groups of routes that a project may leave out. */
export const ROUTE_GROUPS = ["assistants", "threads", "runs", "store", "meta"] as const;

/** One of them. */
export type RouteGroup = (typeof ROUTE_GROUPS)[number];

const PATHS: Readonly<Record<RouteGroup, RegExp>> = {
  assistants: /^\/assistants(\/|$)/,
  threads: /^\/threads(?!\/:thread_id\/runs)(\/|$)/,
  runs: /^(\/threads\/:thread_id)?\/runs(\/|$)/,
  store: /^\/store(\/|$)/,
  // Not what watches the process.
  meta: /^\/(info|docs|openapi\.json)$/,
};

/** The routes without those of some groups. */
export function withoutGroups(routes: readonly Route[], groups: readonly RouteGroup[]): readonly Route[] {
  return routes.filter(({ path }) => !groups.some((group) => PATHS[group].test(path)));
}
