import { z } from "zod";

const minutes = z.number().positive().max(100_000_000);
const names = z.array(z.string().max(1_000)).max(1_000);
const reference = z.string().min(1).max(4_096);

/** What of `langgraph.json` is used. Everything else in it is told, and has no effect. */
export const projectSchema = z.object({
  graphs: z.record(z.string(), z.union([reference, z.object({ path: reference, description: z.string().optional() })])),
  env: z.union([z.string().min(1), z.record(z.string(), z.string()), names]).optional(),
  auth: z.object({ path: reference.optional() }).optional(),
  http: z
    .object({
      app: reference.optional(),
      disable_assistants: z.boolean().optional(),
      disable_threads: z.boolean().optional(),
      disable_runs: z.boolean().optional(),
      disable_store: z.boolean().optional(),
      disable_meta: z.boolean().optional(),
      cors: z
        .object({
          allow_origins: names.optional(),
          allow_origin_regex: z.string().max(1_000).optional(),
        })
        .optional(),
      configurable_headers: z
        .object({
          includes: names.nullish(),
          include: names.nullish(),
          excludes: names.nullish(),
          exclude: names.nullish(),
        })
        .nullish(),
      mount_prefix: z
        .string()
        .regex(/^\/[\w\-./]*[\w\-.]$/, 'must begin with "/" and not end with it')
        .optional(),
      middleware_order: z.enum(["auth_first", "middleware_first"]).optional(),
      enable_custom_route_auth: z.boolean().optional(),
    })
    .optional(),
  store: z
    .object({
      index: z.record(z.string(), z.unknown()).optional(),
      ttl: z
        .object({
          default_ttl: minutes.nullish(),
          refresh_on_read: z.boolean().optional(),
          sweep_interval_minutes: minutes.nullish(),
        })
        .nullish(),
    })
    .nullish(),
  checkpointer: z
    .object({
      ttl: z
        .object({
          strategy: z.enum(["delete", "keep_latest"]).default("delete"),
          default_ttl: minutes.nullish(),
          sweep_interval_minutes: minutes.nullish(),
          sweep_limit: z.number().int().positive().nullish(),
        })
        .nullish(),
    })
    .nullish(),
});

/** A `langgraph.json` as it is written, what is not used left out. */
export type ProjectJson = z.output<typeof projectSchema>;

const BUILD = "only says how an image is built";

// Keys that other servers know, and why they have no effect. An empty reason: nothing is lost, so nothing is said.
const WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  $schema: "",
  node_version: "",
  dependencies: "is for Python",
  python_version: "is for Python",
  pip_config_file: "is for Python",
  pip_installer: "is for Python",
  keep_pkg_tools: "is for Python",
  source: BUILD,
  api_version: BUILD,
  base_image: BUILD,
  image_distro: BUILD,
  dockerfile_lines: BUILD,
  docker_compose_file: BUILD,
  node_loader: "TypeScript is loaded without it",
  ui: "no bundles of components are served",
  ui_config: "no bundles of components are served",
  encryption: "values are stored as they are",
  webhooks: "HOLDPOINT_WEBHOOK_ALLOW and HOLDPOINT_WEBHOOK_SECRETS say where webhooks may go and how they are signed",
  "auth.disable_studio_auth": "",
  "auth.openapi": "the description of the API does not take it",
  "auth.cache": "every request is authenticated",
  "http.disable_mcp": "",
  "http.disable_a2a": "",
  "http.disable_ui": "",
  "http.disable_webhooks": "runs may name webhooks",
  "http.logging_headers": "no headers are logged",
  "http.cors.allow_methods": "",
  "http.cors.allow_headers": "",
  "http.cors.max_age": "",
  "http.cors.allow_credentials": "pages of other origins send a key, and no cookie of theirs is believed",
  "http.cors.expose_headers": "what the clients read is exposed, and nothing else",
  "checkpointer.path": "checkpoints are in this server's database",
  "checkpointer.serde": "checkpoints are stored in this server's own way",
};

const SHAPES: Readonly<Record<string, z.ZodObject>> = {
  "": projectSchema,
  auth: projectSchema.shape.auth.unwrap(),
  http: projectSchema.shape.http.unwrap(),
  "http.cors": projectSchema.shape.http.unwrap().shape.cors.unwrap(),
  store: projectSchema.shape.store.unwrap().unwrap(),
  checkpointer: projectSchema.shape.checkpointer.unwrap().unwrap(),
};

/** One line for every key that has no effect here. */
export function withoutEffect(json: unknown): string[] {
  return Object.entries(SHAPES).flatMap(([place, shape]) => {
    const part = place.split(".").reduce<unknown>((value, key) => (key === "" ? value : memberOf(value, key)), json);
    if (typeof part !== "object" || part === null || Array.isArray(part)) return [];
    return Object.keys(part).flatMap((key) => {
      if (Object.hasOwn(shape.shape, key)) return [];
      const full = place === "" ? key : `${place}.${key}`;
      const known = Object.hasOwn(WITHOUT_EFFECT, full) ? WITHOUT_EFFECT[full] : undefined;
      if (known === "") return [];
      return [`${shown(full)} has no effect: ${known ?? "it is not known here"}`];
    });
  });
}

function memberOf(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string, unknown>)[key];
}

const shown = (key: string) => (key.length > 80 ? `${key.slice(0, 80)}…` : key);
