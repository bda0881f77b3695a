import { z } from "zod";
import type { AssistantFilter } from "../../postgres/assistants.sql.ts";
import { countMatching, readAssistants } from "../../postgres/assistants.ts";
import { metadataSchema } from "../../protocol/json.ts";
import { findAssistant } from "../find-graph.ts";
import { limitSchema, offsetSchema, readBody, textSchema } from "../read-request.ts";
import { json, page } from "../reply.ts";
import type { Call, Route } from "../route.ts";

const filterSchema = z.object({
  graph_id: textSchema.nullish(),
  name: textSchema.nullish(),
  metadata: metadataSchema.nullish(),
});

const searchSchema = filterSchema.extend({
  limit: limitSchema.nullish(),
  offset: offsetSchema.nullish(),
});

/** Assistants: each graph's own. */
export const assistantRoutes: readonly Route[] = [
  {
    method: "POST",
    path: "/assistants/search",
    permission: "runs:read",
    async handle(call) {
      const { limit, offset, ...filter } = await readBody(call, searchSchema);
      const range = { limit: limit ?? 10, offset: offset ?? 0 };
      const { database } = call.deps;
      const found = await readAssistants(database, call.principal.tenant_id, loadedOnly(call, filter), range);
      return page(found.assistants, range, found.total);
    },
  },
  {
    method: "POST",
    path: "/assistants/count",
    permission: "runs:read",
    async handle(call) {
      const filter = await readBody(call, filterSchema);
      return json(await countMatching(call.deps.database, call.principal.tenant_id, loadedOnly(call, filter)));
    },
  },
  {
    method: "GET",
    path: "/assistants/:assistant_id",
    permission: "runs:read",
    handle: async (call) => json(await findAssistant(call, call.params["assistant_id"] ?? "")),
  },
];

/** Assistants whose graph is not loaded are kept, for what they did, but not offered. */
function loadedOnly({ deps }: Call, filter: z.infer<typeof filterSchema>): AssistantFilter {
  return {
    graph_ids: [...deps.graphs().graphs.keys()],
    graph_id: filter.graph_id ?? null,
    name: filter.name ?? null,
    metadata: filter.metadata ?? {},
  };
}
