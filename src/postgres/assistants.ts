import { randomUUID } from "node:crypto";
import { type AccessFilter, EVERYTHING, isHeld } from "../policy/access-filter.ts";
import {
  type Assistant,
  type AssistantCreate,
  type AssistantUpdate,
  type AssistantVersion,
  assistantIdOf,
} from "../protocol/assistant.ts";
import { HoldpointError } from "../protocol/errors.ts";
import { DEFAULT_TENANT } from "../protocol/principal.ts";
import {
  type AssistantFilter,
  type AssistantPage,
  type AssistantRow,
  assistantForUpdate,
  changeAssistant,
  countAssistants,
  insertAssistant,
  keepVersion,
  listVersions,
  newestVersion,
  removeAssistant,
  restoreVersion,
  searchAssistants,
  selectAssistant,
  upsertGraphAssistant,
} from "./assistants.sql.ts";
import type { Database, Queryable } from "./database.ts";

/** What the assistant of a graph starts with. */
type AssistantDefaults = ReadonlyMap<string, Pick<AssistantRow, "config" | "context">>;

/** Gives every graph its own assistant, under the id that the clients derive from the graph's. Repeatable. */
export async function registerAssistants(
  database: Database,
  graphs: Iterable<{ graph_id: string; description?: string }>,
  defaults: AssistantDefaults = new Map(),
  tenant_id = DEFAULT_TENANT,
): Promise<void> {
  for (const { graph_id, description = null } of graphs) {
    const assistant_id = assistantIdOf(graph_id);
    const { config, context } = defaults.get(graph_id) ?? { config: {}, context: {} };
    await database.run(upsertGraphAssistant({ tenant_id, assistant_id, graph_id, description, config, context }));
    await database.run(keepVersion(tenant_id, assistant_id));
  }
}

/** Creates an assistant, or gives the one that is there when the caller does not mind. Throws `assistant_exists`. */
export async function createAssistant(
  database: Database,
  tenant_id: string,
  { if_exists, ...wish }: AssistantCreate,
  /** Which assistants whoever asks may see: of one they may not, they learn no more than that its id is taken. */
  filter: AccessFilter = EVERYTHING,
): Promise<Assistant> {
  const assistant_id = wish.assistant_id ?? randomUUID();
  const created = await database.transaction(async (tx) => {
    const row = await tx.maybeOne(
      insertAssistant({
        tenant_id,
        assistant_id,
        graph_id: wish.graph_id,
        name: wish.name ?? "Untitled",
        description: wish.description ?? null,
        config: wish.config ?? {},
        context: wish.context ?? {},
        metadata: wish.metadata ?? {},
      }),
    );
    if (row !== undefined) await tx.finish([keepVersion(tenant_id, assistant_id)]);
    return row;
  });
  if (created !== undefined) return wireAssistant(created);
  const existing = if_exists === "do_nothing" ? await readAssistant(database, tenant_id, assistant_id) : undefined;
  if (existing !== undefined && isHeld(filter, existing.metadata)) return existing;
  throw new HoldpointError("assistant_exists", `Assistant with ID ${assistant_id} already exists`);
}

/** Makes a new version of an assistant, also where nothing is changed. Locks: the assistant. Throws `not_found`. */
export async function updateAssistant(
  database: Database,
  tenant_id: string,
  assistant_id: string,
  update: AssistantUpdate,
): Promise<Assistant> {
  return await database.transaction(async (tx) => {
    const assistant = await tx.maybeOne(assistantForUpdate(tenant_id, assistant_id));
    if (assistant === undefined) throw noAssistant(assistant_id);
    // What is the current version may not be the newest one.
    const { version } = await tx.one(newestVersion(tenant_id, assistant_id));
    const changed = changeAssistant({
      tenant_id,
      assistant_id,
      graph_id: update.graph_id ?? assistant.graph_id,
      name: update.name ?? assistant.name,
      description: update.description ?? assistant.description,
      config: update.config ?? assistant.config,
      context: update.context ?? assistant.context,
      metadata: { ...assistant.metadata, ...update.metadata },
      version: version + 1,
    });
    const [[row]] = await tx.finish([changed, keepVersion(tenant_id, assistant_id)]);
    return wireAssistant(row as AssistantRow);
  });
}

/** Makes a version of an assistant the current one. Throws `not_found`. */
export async function setLatest(
  database: Database,
  tenant_id: string,
  assistant_id: string,
  version: number,
): Promise<Assistant> {
  const row = await database.maybeOne(restoreVersion(tenant_id, assistant_id, version));
  if (row !== undefined) return wireAssistant(row);
  throw new HoldpointError("not_found", `Assistant not found: ${assistant_id} has no version ${version}`);
}

/** The versions of an assistant, newest first. */
export async function readVersions(
  database: Database,
  tenant_id: string,
  assistant_id: string,
  { metadata, ...page }: { metadata: unknown; limit: number; offset: number },
): Promise<AssistantVersion[]> {
  const rows = await database.many(listVersions(tenant_id, assistant_id, metadata, page));
  return rows.map(({ tenant_id: _tenant, ...version }) => version);
}

/** Removes an assistant with its versions. Its runs stay. Throws `not_found`. */
export async function deleteAssistant(database: Database, tenant_id: string, assistant_id: string): Promise<void> {
  if ((await database.run(removeAssistant(tenant_id, assistant_id))) === 0) throw noAssistant(assistant_id);
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
  page: AssistantPage,
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

function noAssistant(assistant_id: string): HoldpointError {
  return new HoldpointError("not_found", `Assistant not found: ${assistant_id}`);
}
