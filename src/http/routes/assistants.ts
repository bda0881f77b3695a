import { z } from "zod";
import { narrowed } from "../../policy/access-filter.ts";
import { ASSISTANT_SORTS, type AssistantFilter } from "../../postgres/assistants.sql.ts";
import { countMatching, createAssistant, readAssistants, updateAssistant } from "../../postgres/assistants.ts";
import {
  ASSISTANT_MEMBERS,
  type Assistant,
  assistantCreateSchema,
  assistantIdOf,
  assistantUpdateSchema,
} from "../../protocol/assistant.ts";
import { metadataSchema } from "../../protocol/json.ts";
import { assistantPartWire, assistantWire } from "../../protocol/wire-schemas.ts";
import { lists, shows } from "../answers.ts";
import { authorise } from "../authenticate.ts";
import { invalid } from "../failure.ts";
import { findAssistant, graphForRun } from "../find-graph.ts";
import { pickMembers } from "../pick-members.ts";
import { limitSchema, offsetSchema, textSchema } from "../read-request.ts";
import { json, page } from "../reply.ts";
import { type Call, defineRoute, type Route } from "../route.ts";

const filterSchema = z.object({
  graph_id: textSchema.nullish(),
  name: textSchema.nullish(),
  metadata: metadataSchema.nullish(),
});

const searchSchema = filterSchema.extend({
  limit: limitSchema.nullish(),
  offset: offsetSchema.nullish(),
  sort_by: z.enum(ASSISTANT_SORTS).nullish(),
  sort_order: z.enum(["asc", "desc"]).nullish(),
  select: z.array(z.enum(ASSISTANT_MEMBERS)).max(100).nullish(),
});

/** Assistants: each graph's own, and those that somebody has made of one. */
export const assistantRoutes: readonly Route[] = [
  defineRoute({
    method: "POST",
    path: "/assistants",
    permission: "runs:create",
    event: "assistants:create",
    summary: "Make an assistant of a graph",
    body: assistantCreateSchema,
    example: { graph_id: "triage", name: "Careful", context: { tone: "formal" } },
    answers: { 200: shows(assistantWire, "The assistant.") },
    refuses: ["not_found", "assistant_exists"],
    async handle(call) {
      const wish = call.body;
      graphForRun(call, wish.graph_id);
      const isOwn = wish.assistant_id != null && ownGraph(call, wish.assistant_id) !== undefined;
      if (isOwn) authorise(call.principal, "admin");
      const filter = call.access.of("assistants");
      return json(await createAssistant(call.deps.database, call.principal.tenant_id, wish, filter));
    },
  }),
  defineRoute({
    method: "POST",
    path: "/assistants/search",
    permission: "runs:read",
    event: "assistants:search",
    summary: "Search assistants",
    body: searchSchema,
    example: { graph_id: "triage", metadata: { team: "billing" }, limit: 20 },
    answers: { 200: lists(assistantPartWire, "Those found, each with the members that were asked for.") },
    async handle(call) {
      const { limit, offset, sort_by, sort_order, select, ...filter } = call.body;
      const range = { limit: limit ?? 10, offset: offset ?? 0 };
      const order = { sort_by: sort_by ?? "created_at", sort_order: sort_order ?? "desc" } as const;
      const { tenant_id } = call.principal;
      const wish = loadedOnly(call, filter);
      if (wish === undefined) return page([], range, 0);
      const found = await readAssistants(call.deps.database, tenant_id, wish, { ...range, ...order });
      return page(pickMembers(found.assistants, select), range, found.total);
    },
  }),
  defineRoute({
    method: "POST",
    path: "/assistants/count",
    permission: "runs:read",
    event: "assistants:search",
    summary: "Count assistants",
    body: filterSchema,
    answers: { 200: shows(z.int(), "How many there are.") },
    async handle(call) {
      const filter = loadedOnly(call, call.body);
      return json(filter === undefined ? 0 : await countMatching(call.deps.database, call.principal.tenant_id, filter));
    },
  }),
  defineRoute({
    method: "GET",
    path: "/assistants/:assistant_id",
    permission: "runs:read",
    event: "assistants:read",
    summary: "Read an assistant",
    answers: { 200: shows(assistantWire, "The assistant.") },
    handle: async (call) => json(await namedAssistant(call)),
  }),
  defineRoute({
    method: "PATCH",
    path: "/assistants/:assistant_id",
    permission: "runs:create",
    event: "assistants:update",
    summary: "Change an assistant",
    description: "Each change is a new version. What is left out stays; metadata is added to.",
    body: assistantUpdateSchema,
    example: { name: "More careful", metadata: { owner: "ada" } },
    answers: { 200: shows(assistantWire, "The assistant as it is now.") },
    async handle(call) {
      const update = call.body;
      const { assistant_id } = await changeableAssistant(call);
      const own = ownGraph(call, assistant_id);
      if (update.graph_id != null) graphForRun(call, update.graph_id);
      if (own !== undefined && update.graph_id != null && update.graph_id !== own) {
        const message = `this is the own assistant of "${own}", by whose name it is found; make another one`;
        throw invalid([{ pointer: "/graph_id", message }]);
      }
      return json(await updateAssistant(call.deps.database, call.principal.tenant_id, assistant_id, update));
    },
  }),
];

/** The assistant that the path names. Throws `not_found`. */
export async function namedAssistant(call: Call<"assistant_id">): Promise<Assistant> {
  return await findAssistant(call, call.params.assistant_id);
}

/** The same, to change it: whoever starts a graph by its name gets the graph's own, so that is not everybody's to change. */
export async function changeableAssistant(call: Call<"assistant_id">): Promise<Assistant> {
  const assistant = await namedAssistant(call);
  if (ownGraph(call, assistant.assistant_id) !== undefined) authorise(call.principal, "admin");
  return assistant;
}

/** The graph whose own assistant it is. */
export function ownGraph({ deps }: Call, assistant_id: string): string | undefined {
  return [...deps.graphs().graphs.keys()].find((graph_id) => assistantIdOf(graph_id) === assistant_id);
}

/**
 * Assistants whose graph is not loaded are kept, for what they did, but not offered; nor are those that may not be seen.
 * Undefined where that leaves nothing at all.
 */
function loadedOnly({ deps, access }: Call, filter: z.infer<typeof filterSchema>): AssistantFilter | undefined {
  const metadata = narrowed(filter.metadata ?? {}, access.of("assistants"));
  if (metadata === undefined) return undefined;
  return {
    graph_ids: [...deps.graphs().graphs.keys()],
    graph_id: filter.graph_id ?? null,
    name: filter.name ?? null,
    metadata,
  };
}
