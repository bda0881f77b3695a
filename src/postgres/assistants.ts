import { type Assistant, assistantIdOf } from "../protocol/assistant.ts";
import { DEFAULT_TENANT } from "../protocol/principal.ts";
import {
  type AssistantFilter,
  type AssistantRow,
  countAssistants,
  searchAssistants,
  selectAssistant,
  upsertGraphAssistant,
} from "./assistants.sql.ts";
import type { Database, Queryable } from "./database.ts";

/** Gives every graph its own assistant, under the id that the clients derive from the graph's. Repeatable. */
export async function registerAssistants(
  database: Database,
  graphs: Iterable<{ graph_id: string; description?: string }>,
  tenant_id = DEFAULT_TENANT,
): Promise<void> {
  for (const { graph_id, description } of graphs) {
    await database.run(upsertGraphAssistant(tenant_id, assistantIdOf(graph_id), graph_id, description ?? null));
  }
}

/** One assistant, or undefined. */
export async function readAssistant(
  database: Queryable,
  tenant_id: string,
  assistant_id: string,
): Promise<Assistant | undefined> {
  const row = await database.maybeOne(selectAssistant(tenant_id, assistant_id));
  return row === undefined ? undefined : wireAssistant(row);
}

/** A page of assistants, and how many there are in all. */
export async function readAssistants(
  database: Database,
  tenant_id: string,
  filter: AssistantFilter,
  page: { limit: number; offset: number },
): Promise<{ assistants: Assistant[]; total: number }> {
  const rows = await database.many(searchAssistants(tenant_id, filter, page));
  const { total } = await database.one(countAssistants(tenant_id, filter));
  return { assistants: rows.map(wireAssistant), total };
}

/** How many assistants match. */
export async function countMatching(database: Database, tenant_id: string, filter: AssistantFilter): Promise<number> {
  return (await database.one(countAssistants(tenant_id, filter))).total;
}

function wireAssistant({ tenant_id: _tenant, ...assistant }: AssistantRow): Assistant {
  return assistant;
}
