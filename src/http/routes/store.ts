import { z } from "zod";
import { findItems, findNamespaces, readItem, writeItems } from "../../postgres/store/items.ts";
import { flag, limitSchema, offsetSchema, readBody, readQuery } from "../read-request.ts";
import { empty, json } from "../reply.ts";
import type { Route } from "../route.ts";

const DEFAULT_ITEMS = 10;
const DEFAULT_NAMESPACES = 100;
const LONGEST_TTL_MINUTES = 100 * 365 * 24 * 60;

// Kept as it is: a schema of zod's own would leave out a member that is called __proto__.
const objectSchema = z.custom<Record<string, unknown>>(
  (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  "must be an object",
);
const pathSchema = z.array(z.string()).max(100);
const nameSchema = z.object({ namespace: pathSchema, key: z.string() });

const putSchema = nameSchema.extend({
  value: objectSchema,
  index: z.union([z.literal(false), z.array(z.string().max(500)).max(100)]).nullish(),
  ttl: z.number().positive().max(LONGEST_TTL_MINUTES).nullish(),
});

const getSchema = z.object({ namespace: z.string(), key: z.string(), refresh_ttl: flag.optional() });

const searchSchema = z.object({
  namespace_prefix: pathSchema.nullish(),
  filter: z.record(z.string(), z.unknown()).nullish(),
  query: z.string().max(10_000).nullish(),
  limit: limitSchema.nullish(),
  offset: offsetSchema.nullish(),
  refresh_ttl: z.boolean().nullish(),
});

const namespacesSchema = z.object({
  prefix: pathSchema.nullish(),
  suffix: pathSchema.nullish(),
  max_depth: z.number().int().min(1).max(100).nullish(),
  limit: limitSchema.nullish(),
  offset: offsetSchema.nullish(),
});

/** What graphs remember across threads, for whoever else wants to read or write it. */
export const storeRoutes: readonly Route[] = [
  {
    method: "PUT",
    path: "/store/items",
    permission: "runs:create",
    async handle(call) {
      const item = await readBody(call, putSchema);
      await writeItems(call.deps.database, call.principal.tenant_id, [item]);
      return empty(204);
    },
  },
  {
    method: "GET",
    path: "/store/items",
    permission: "runs:read",
    async handle(call) {
      const { namespace, key, refresh_ttl } = readQuery(call, getSchema);
      const names = { namespace: namespace === "" ? [] : namespace.split("."), key };
      const item = await readItem(call.deps.database, call.principal.tenant_id, names, refresh_ttl);
      // What is not there is null and no error: the clients read it so.
      return json(item ?? null);
    },
  },
  {
    method: "DELETE",
    path: "/store/items",
    permission: "runs:create",
    async handle(call) {
      const names = await readBody(call, nameSchema);
      await writeItems(call.deps.database, call.principal.tenant_id, [{ ...names, value: null }]);
      return empty(204);
    },
  },
  {
    method: "POST",
    path: "/store/items/search",
    permission: "runs:read",
    async handle(call) {
      const { namespace_prefix, filter, query, limit, offset, refresh_ttl } = await readBody(call, searchSchema);
      const search = {
        namespace_prefix: namespace_prefix ?? [],
        filter,
        query,
        limit: limit ?? DEFAULT_ITEMS,
        offset: offset ?? 0,
      };
      const { tenant_id } = call.principal;
      const items = await findItems(call.deps.database, tenant_id, search, refresh_ttl ?? true);
      return json({ items: items.map(({ score, ...item }) => (score === null ? item : { ...item, score })) });
    },
  },
  {
    method: "POST",
    path: "/store/namespaces",
    permission: "runs:read",
    async handle(call) {
      const { prefix, suffix, max_depth, limit, offset } = await readBody(call, namespacesSchema);
      const conditions = [
        ...(prefix == null ? [] : [{ path: prefix, at_end: false }]),
        ...(suffix == null ? [] : [{ path: suffix, at_end: true }]),
      ];
      const range = { limit: limit ?? DEFAULT_NAMESPACES, offset: offset ?? 0 };
      const wish = { conditions, max_depth: max_depth ?? null, ...range };
      return json({ namespaces: await findNamespaces(call.deps.database, call.principal.tenant_id, wish) });
    },
  },
];
