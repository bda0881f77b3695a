import { z } from "zod";
import { isHeld } from "../../policy/access-filter.ts";
import { findNamespaces, readItem, writeItems } from "../../postgres/store/items.ts";
import { searchStore } from "../../postgres/store/search.ts";
import { DEFAULT_TERMS, withTerms } from "../../postgres/store/terms.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import { foundItemWire, itemWire } from "../../protocol/wire-schemas.ts";
import { says, shows } from "../answers.ts";
import { flag, limitSchema, offsetSchema } from "../read-request.ts";
import { empty, json } from "../reply.ts";
import { type Call, defineRoute, type Route } from "../route.ts";

const DEFAULT_ITEMS = 10;
const DEFAULT_NAMESPACES = 100;
const LONGEST_TTL_MINUTES = 100 * 365 * 24 * 60;

// Kept as it is: a schema of zod's own would leave out a member that is called __proto__.
const objectSchema = z
  .custom<Record<string, unknown>>(
    (value) => typeof value === "object" && value !== null && !Array.isArray(value),
    "must be an object",
  )
  .meta({ type: "object" });
const pathSchema = z.array(z.string()).max(100);
const nameSchema = z.object({ namespace: pathSchema, key: z.string() });

const putSchema = nameSchema.extend({
  value: objectSchema,
  index: z.union([z.literal(false), z.array(z.string().max(500)).max(100)]).nullish(),
  ttl: z.number().positive().max(LONGEST_TTL_MINUTES).nullish(),
});

const getSchema = z.object({
  namespace: z.string().transform((names) => (names === "" ? [] : names.split("."))),
  key: z.string(),
  refresh_ttl: flag.optional(),
});

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

const foundWire = z.object({
  items: z.array(foundItemWire),
  ranked_by: z
    .enum(["words", "vectors_exact", "vectors_hnsw"])
    .describe("What the question was compared with: words, every vector, or an index of vectors, which may miss one.")
    .optional(),
  complete: z.boolean().describe("False when there were more vectors than a search looks at.").optional(),
});

/** What graphs remember across threads, for whoever else wants to read or write it. */
export const storeRoutes: readonly Route[] = [
  defineRoute({
    method: "PUT",
    path: "/store/items",
    permission: "runs:create",
    event: "store:put",
    summary: "Write an item",
    body: putSchema,
    example: { namespace: ["users", "ada"], key: "tone", value: { text: "formal" } },
    answers: { 204: says("It is written.") },
    async handle(call) {
      await refuseHidden(call, call.body, call.body.value);
      const { database, embedder, storeTerms = DEFAULT_TERMS } = call.deps;
      const item = withTerms(call.body, storeTerms);
      await writeItems(database, call.principal.tenant_id, [item], undefined, embedder);
      return empty(204);
    },
  }),
  defineRoute({
    method: "GET",
    path: "/store/items",
    permission: "runs:read",
    event: "store:get",
    summary: "Read an item",
    description: "The names of its namespace are joined by dots.",
    query: getSchema,
    answers: { 200: shows(itemWire.nullable(), "The item; null where there is none.") },
    async handle(call) {
      const { refresh_ttl, ...names } = call.query;
      await refuseHidden(call, names);
      const isKept = refresh_ttl ?? call.deps.storeTerms?.refresh_on_read;
      const item = await readItem(call.deps.database, call.principal.tenant_id, names, isKept);
      // What is not there is null and no error: the clients read it so.
      return json(item ?? null);
    },
  }),
  defineRoute({
    method: "DELETE",
    path: "/store/items",
    permission: "runs:create",
    event: "store:delete",
    summary: "Delete an item",
    body: nameSchema,
    answers: { 204: says("It is gone, or was not there.") },
    async handle(call) {
      await refuseHidden(call, call.body);
      await writeItems(call.deps.database, call.principal.tenant_id, [{ ...call.body, value: null }]);
      return empty(204);
    },
  }),
  defineRoute({
    method: "POST",
    path: "/store/items/search",
    permission: "runs:read",
    event: "store:search",
    summary: "Search items",
    body: searchSchema,
    example: { namespace_prefix: ["users"], filter: { team: { $eq: "billing" } }, query: "tone", limit: 5 },
    answers: { 200: shows(foundWire, "Those found, the best first.") },
    async handle(call) {
      const { namespace_prefix, filter, query, limit, offset, refresh_ttl } = call.body;
      const search = {
        namespace_prefix: namespace_prefix ?? [],
        filter,
        query,
        limit: limit ?? DEFAULT_ITEMS,
        offset: offset ?? 0,
        seen: call.access.of("store"),
      };
      const { tenant_id } = call.principal;
      const { database, embedder, storeTerms = DEFAULT_TERMS } = call.deps;
      const options = { isKept: refresh_ttl ?? storeTerms.refresh_on_read, embedder };
      const { items, ranked_by, complete } = await searchStore(database, tenant_id, search, options);
      return json({
        items: items.map(({ score, ...item }) => (score === null ? item : { ...item, score })),
        ...(ranked_by === null ? {} : { ranked_by, complete }),
      });
    },
  }),
  defineRoute({
    method: "POST",
    path: "/store/namespaces",
    permission: "runs:read",
    event: "store:list_namespaces",
    summary: "List namespaces",
    body: namespacesSchema,
    answers: { 200: shows(z.object({ namespaces: z.array(z.array(z.string())) }), "Those that hold something.") },
    async handle(call) {
      const { prefix, suffix, max_depth, limit, offset } = call.body;
      const conditions = [
        ...(prefix == null ? [] : [{ path: prefix, at_end: false }]),
        ...(suffix == null ? [] : [{ path: suffix, at_end: true }]),
      ];
      const range = { limit: limit ?? DEFAULT_NAMESPACES, offset: offset ?? 0 };
      const wish = { conditions, max_depth: max_depth ?? null, ...range, seen: call.access.of("store") };
      return json({ namespaces: await findNamespaces(call.deps.database, call.principal.tenant_id, wish) });
    },
  }),
];

/** Refuses an item that may not be seen, and one that whoever writes it would not see. Throws `not_found`, `permission_denied`. */
async function refuseHidden(
  { deps, access, principal }: Call,
  names: { namespace: string[]; key: string },
  value?: Record<string, unknown>,
): Promise<void> {
  const filter = access.of("store");
  if (Object.keys(filter).length === 0) return;
  const item = await readItem(deps.database, principal.tenant_id, names, false);
  if (item !== undefined && !isHeld(filter, { ...item.value, ...names })) {
    throw new HoldpointError("not_found", "Item not found");
  }
  if (value === undefined || isHeld(filter, { ...value, ...names })) return;
  throw new HoldpointError("permission_denied", "the item would not be yours to see");
}
