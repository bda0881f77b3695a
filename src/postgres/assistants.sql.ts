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

/** Stores a graph's own assistant; one that nobody has changed takes a new description and new settings. */
export const upsertGraphAssistant = (
  assistant: Pick<AssistantRow, "tenant_id" | "assistant_id" | "graph_id" | "description" | "config" | "context">,
) => sql`
  insert into holdpoint.assistant (tenant_id, assistant_id, graph_id, name, description, config, context, metadata)
  values (${assistant.tenant_id}, ${assistant.assistant_id}::uuid, ${assistant.graph_id}, ${assistant.graph_id},
    ${assistant.description}, ${JSON.stringify(assistant.config)}::jsonb, ${JSON.stringify(assistant.context)}::jsonb,
    '{"created_by": "system"}')
  on conflict (tenant_id, assistant_id) do update set description = excluded.description, config = excluded.config,
    context = excluded.context, updated_at = holdpoint.now()
  where assistant.version = 1 and (assistant.description, assistant.config, assistant.context)
    is distinct from (excluded.description, excluded.config, excluded.context)`;

/** Keeps what an assistant is now as the version that it has. */
export const keepVersion = (tenant_id: string, assistant_id: string) => sql`
  insert into holdpoint.assistant_version (tenant_id, assistant_id, version, graph_id, name, description, config, context, metadata)
  select tenant_id, assistant_id, version, graph_id, name, description, config, context, metadata from holdpoint.assistant
  where tenant_id = ${tenant_id} and assistant_id = ${assistant_id}::uuid
  on conflict (tenant_id, assistant_id, version) do update set description = excluded.description, config = excluded.config,
    context = excluded.context
  where (assistant_version.description, assistant_version.config, assistant_version.context)
    is distinct from (excluded.description, excluded.config, excluded.context)`;

/** Creates an assistant; no row when the id is taken. */
export const insertAssistant = (
  assistant: Pick<
    AssistantRow,
    "tenant_id" | "assistant_id" | "graph_id" | "name" | "description" | "config" | "context" | "metadata"
  >,
) => sql<AssistantRow>`
  insert into holdpoint.assistant (tenant_id, assistant_id, graph_id, name, description, config, context, metadata)
  values (${assistant.tenant_id}, ${assistant.assistant_id}::uuid, ${assistant.graph_id}, ${assistant.name}, ${assistant.description},
    ${JSON.stringify(assistant.config)}::jsonb, ${JSON.stringify(assistant.context)}::jsonb,
    ${JSON.stringify(assistant.metadata)}::jsonb)
  on conflict (tenant_id, assistant_id) do nothing
  returning ${ASSISTANT}`;

/** One assistant. */
export const selectAssistant = (tenant_id: string, assistant_id: string) => sql<AssistantRow>`
  select ${ASSISTANT} from holdpoint.assistant
  where tenant_id = ${tenant_id} and assistant_id = ${assistant_id}::uuid`;

/** One assistant, locked, and its newest version. */
export const assistantForUpdate = (tenant_id: string, assistant_id: string) => sql<AssistantRow>`
  select ${ASSISTANT} from holdpoint.assistant
  where tenant_id = ${tenant_id} and assistant_id = ${assistant_id}::uuid
  for no key update`;

/** The newest version of an assistant; asked under its lock. */
export const newestVersion = (tenant_id: string, assistant_id: string) => sql<{ version: number }>`
  select coalesce(max(version), 0) as version from holdpoint.assistant_version
  where tenant_id = ${tenant_id} and assistant_id = ${assistant_id}::uuid`;

/** Changes an assistant. */
export const changeAssistant = (assistant: Omit<AssistantRow, "created_at" | "updated_at">) => sql<AssistantRow>`
  update holdpoint.assistant
  set graph_id = ${assistant.graph_id}, name = ${assistant.name}, description = ${assistant.description},
    config = ${JSON.stringify(assistant.config)}::jsonb, context = ${JSON.stringify(assistant.context)}::jsonb,
    metadata = ${JSON.stringify(assistant.metadata)}::jsonb, version = ${assistant.version}::int, updated_at = holdpoint.now()
  where tenant_id = ${assistant.tenant_id} and assistant_id = ${assistant.assistant_id}::uuid
  returning ${ASSISTANT}`;

/** Makes an assistant what it was at a version; no row when there is no such version. */
export const restoreVersion = (tenant_id: string, assistant_id: string, version: number) => sql<AssistantRow>`
  update holdpoint.assistant a
  set graph_id = v.graph_id, name = v.name, description = v.description, config = v.config, context = v.context,
    metadata = v.metadata, version = v.version, updated_at = holdpoint.now()
  from holdpoint.assistant_version v
  where a.tenant_id = ${tenant_id} and a.assistant_id = ${assistant_id}::uuid and v.tenant_id = a.tenant_id
    and v.assistant_id = a.assistant_id and v.version = ${version}::int
  returning a.tenant_id, a.assistant_id, a.graph_id, a.name, a.description, a.config, a.context, a.metadata, a.version, a.created_at,
    a.updated_at`;

/** Removes an assistant with its versions. */
export const removeAssistant = (tenant_id: string, assistant_id: string) => sql`
  delete from holdpoint.assistant where tenant_id = ${tenant_id} and assistant_id = ${assistant_id}::uuid`;

/** The versions of an assistant, newest first. */
export const listVersions = (
  tenant_id: string,
  assistant_id: string,
  metadata: unknown,
  page: { limit: number; offset: number },
) => sql<Omit<AssistantRow, "updated_at">>`
  select tenant_id, assistant_id, graph_id, name, description, config, context, metadata, version, created_at
  from holdpoint.assistant_version
  where tenant_id = ${tenant_id} and assistant_id = ${assistant_id}::uuid
    and metadata @> ${JSON.stringify(metadata)}::jsonb
  order by version desc
  limit ${page.limit}::int offset ${page.offset}::int`;

/** What assistants can be searched by. `graph_ids` are the graphs that are loaded. */
export interface AssistantFilter {
  graph_ids: readonly string[];
  graph_id: string | null;
  name: string | null;
  metadata: unknown;
}

/** What assistants are sorted by. */
export const ASSISTANT_SORTS = ["assistant_id", "graph_id", "name", "created_at", "updated_at"] as const;

/** A page of assistants, and what comes first on it. */
export interface AssistantPage {
  limit: number;
  offset: number;
  sort_by: (typeof ASSISTANT_SORTS)[number];
  sort_order: "asc" | "desc";
}

/** Assistants by filter. */
export const searchAssistants = (tenant_id: string, filter: AssistantFilter, page: AssistantPage) => sql<AssistantRow>`
  with found as (
    select ${ASSISTANT},
      case ${page.sort_by}::text when 'assistant_id' then assistant_id::text when 'graph_id' then graph_id when 'name' then name end
        collate "C" as by_text,
      case ${page.sort_by}::text when 'created_at' then created_at when 'updated_at' then updated_at end as by_time
    from holdpoint.assistant
    where tenant_id = ${tenant_id} and graph_id = any(${filter.graph_ids}::text[])
      and (${filter.graph_id}::text is null or graph_id = ${filter.graph_id})
      and (${filter.name}::text is null or strpos(lower(name), lower(${filter.name})) > 0)
      and metadata @> ${JSON.stringify(filter.metadata)}::jsonb
  )
  select ${ASSISTANT} from found
  order by case when ${page.sort_order} = 'asc' then by_text end, case when ${page.sort_order} = 'desc' then by_text end desc,
    case when ${page.sort_order} = 'asc' then by_time end, case when ${page.sort_order} = 'desc' then by_time end desc, assistant_id
  limit ${page.limit}::int offset ${page.offset}::int`;

/** How many assistants match. */
export const countAssistants = (tenant_id: string, filter: AssistantFilter) => sql<{ total: number }>`
  select count(*) as total from holdpoint.assistant
  where tenant_id = ${tenant_id} and graph_id = any(${filter.graph_ids}::text[])
    and (${filter.graph_id}::text is null or graph_id = ${filter.graph_id})
    and (${filter.name}::text is null or strpos(lower(name), lower(${filter.name})) > 0)
    and metadata @> ${JSON.stringify(filter.metadata)}::jsonb`;
