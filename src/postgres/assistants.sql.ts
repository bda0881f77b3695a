import { columns, sql } from "./sql.ts";

/** An assistant as it is stored. */
export interface AssistantRow {
  tenant_id: string;
  assistant_id: string;
  graph_id: string;
  name: string;
  description: string | null;
  config: Record<string, unknown>;
  context: Record<string, unknown>;
  metadata: Record<string, unknown>;
  version: number;
  created_at: string;
  updated_at: string;
}

const ASSISTANT = columns`tenant_id, assistant_id, graph_id, name, description, config, context, metadata, version, created_at, updated_at`;

/** Stores a graph's own assistant; one that is there only takes a new description. */
export const upsertGraphAssistant = (
  tenant_id: string,
  assistant_id: string,
  graph_id: string,
  description: string | null,
) => sql`
  insert into holdpoint.assistant (tenant_id, assistant_id, graph_id, name, description, metadata)
  values (${tenant_id}, ${assistant_id}::uuid, ${graph_id}, ${graph_id}, ${description}, '{"created_by": "system"}')
  on conflict (tenant_id, assistant_id) do update set description = excluded.description, updated_at = holdpoint.now()
  where assistant.description is distinct from excluded.description`;

/** One assistant. */
export const selectAssistant = (tenant_id: string, assistant_id: string) => sql<AssistantRow>`
  select ${ASSISTANT} from holdpoint.assistant
  where tenant_id = ${tenant_id} and assistant_id = ${assistant_id}::uuid`;

/** What assistants can be searched by. `graph_ids` are the graphs that are loaded. */
export interface AssistantFilter {
  graph_ids: readonly string[];
  graph_id: string | null;
  name: string | null;
  metadata: unknown;
}

/** Assistants by filter, newest first. */
export const searchAssistants = (
  tenant_id: string,
  filter: AssistantFilter,
  page: { limit: number; offset: number },
) => sql<AssistantRow>`
  select ${ASSISTANT} from holdpoint.assistant
  where tenant_id = ${tenant_id} and graph_id = any(${filter.graph_ids}::text[])
    and (${filter.graph_id}::text is null or graph_id = ${filter.graph_id})
    and (${filter.name}::text is null or strpos(lower(name), lower(${filter.name})) > 0)
    and metadata @> ${JSON.stringify(filter.metadata)}::jsonb
  order by created_at desc, assistant_id
  limit ${page.limit}::int offset ${page.offset}::int`;

/** How many assistants match. */
export const countAssistants = (tenant_id: string, filter: AssistantFilter) => sql<{ total: number }>`
  select count(*) as total from holdpoint.assistant
  where tenant_id = ${tenant_id} and graph_id = any(${filter.graph_ids}::text[])
    and (${filter.graph_id}::text is null or graph_id = ${filter.graph_id})
    and (${filter.name}::text is null or strpos(lower(name), lower(${filter.name})) > 0)
    and metadata @> ${JSON.stringify(filter.metadata)}::jsonb`;
