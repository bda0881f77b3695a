import type { Hono } from "hono";
import type { Config } from "../config.ts";
import { importExport } from "../graphs/import-file.ts";
import type { Project } from "../graphs/project/read-project.ts";
import type { Origins } from "../http/cors.ts";
import type { HttpSettings } from "../http/deps.ts";
import { ROUTE_GROUPS, withoutGroups } from "../http/disabled-routes.ts";
import type { ProjectApp } from "../http/project-app.ts";
import type { Route } from "../http/route.ts";
import { truncateRoutes } from "../http/routes/truncate.ts";
import { routes } from "../http/routes.ts";
import { HoldpointError } from "../protocol/errors.ts";
import type { InProcess } from "./in-process.ts";
import { loadOptions } from "./load-options.ts";

/** Loads what a project answers itself; undefined where it names nothing. Throws `configuration_invalid`. */
export async function openProjectApp(config: Config, { within }: InProcess): Promise<ProjectApp | undefined> {
  const { project } = config;
  const http = project?.http;
  if (project === undefined || http?.app === undefined) return undefined;
  const { virtualModules, cacheDirectory } = loadOptions(config);
  const app = await importExport(http.app, {
    directory: project.directory,
    virtualModules,
    ...(cacheDirectory === undefined ? {} : { cacheDirectory }),
  });
  if (!isHono(app)) {
    throw new HoldpointError(
      "configuration_invalid",
      `${project.path}: http.app is ${http.app}, which is no Hono app: export an instance of Hono`,
    );
  }
  return {
    app,
    within,
    customRouteAuth: http.enable_custom_route_auth === true,
    authFirst: http.middleware_order === "auth_first",
  };
}

// Told by its members: the project may have a copy of Hono of its own.
function isHono(value: unknown): value is Hono {
  if (typeof value !== "object" || value === null) return false;
  const { fetch, routes: own, errorHandler } = value as Partial<Record<"fetch" | "routes" | "errorHandler", unknown>>;
  return typeof fetch === "function" && Array.isArray(own) && typeof errorHandler === "function";
}

/** The routes of this server that a project leaves in, and in tests what empties it. */
export function servedRoutes({ project, isTest }: Config): readonly Route[] {
  const { http } = project ?? {};
  return withoutGroups(
    isTest ? [...routes, ...truncateRoutes] : routes,
    ROUTE_GROUPS.filter((group) => http?.[`disable_${group}`] === true),
  );
}

/** How requests are answered as far as a project says so. */
export function projectSettings(config: Config): Partial<HttpSettings> {
  const { project } = config;
  if (project === undefined) return {};
  const { include, exclude, includes = include, excludes = exclude } = project.http?.configurable_headers ?? {};
  return {
    graphHeaders: { includes, excludes },
    mountPrefix: project.http?.mount_prefix,
    ...ttlOf(project),
    ...originsOf(config),
  };
}

function ttlOf({ checkpointer }: Project): Pick<HttpSettings, "threadTtl"> {
  const { default_ttl: ttl, strategy = "delete" } = checkpointer?.ttl ?? {};
  return ttl == null ? {} : { threadTtl: { ttl, strategy } };
}

/** What the environment says of origins counts before what the project says. */
function originsOf({ project, corsOrigins }: Config): { corsOrigins?: Origins } {
  const { allow_origins: listed = [], allow_origin_regex: pattern } = project?.http?.cors ?? {};
  const isSaid = corsOrigins === "*" || corsOrigins.size > 0;
  if (isSaid || (listed.length === 0 && pattern === undefined)) return {};
  if (listed.includes("*")) return { corsOrigins: "*" };
  const expression = pattern === undefined ? undefined : new RegExp(`^(?:${pattern})$`);
  const has = (origin: string) => listed.includes(origin) || expression?.test(origin) === true;
  return { corsOrigins: { has, size: listed.length + (expression === undefined ? 0 : 1) } };
}
