import type { RunnableConfig } from "@langchain/core/runnables";
import { getCheckpointId } from "@langchain/langgraph-checkpoint";
import { HoldpointError } from "../../protocol/errors.ts";

/** Where a checkpoint is. */
export interface Address {
  readonly tenant_id: string;
  readonly thread_id: string;
  readonly checkpoint_ns: string;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Together with the fixed columns these stay below the 2,704 bytes an index entry of Postgres can hold. */
const MAX_BYTES = { thread_id: 512, checkpoint_ns: 1_500, task_id: 255 } as const;

/** True for a UUID of any version. */
export const isUuid = (value: unknown): value is string => typeof value === "string" && UUID.test(value);

/** The address of a write; throws `invalid` for identifiers that cannot be stored. */
export function addressToWrite(tenant_id: string, config: RunnableConfig): Address {
  const { thread_id, checkpoint_ns = "" } = config.configurable ?? {};
  return {
    tenant_id,
    thread_id: requireIdentifier("thread_id", thread_id),
    checkpoint_ns: requireIdentifier("checkpoint_ns", checkpoint_ns),
  };
}

/** The address of a read; undefined for identifiers under which nothing can have been stored. */
export function addressToRead(tenant_id: string, config: RunnableConfig): Address | undefined {
  const { thread_id, checkpoint_ns = "" } = config.configurable ?? {};
  return isStorable("thread_id", thread_id) && isStorable("checkpoint_ns", checkpoint_ns)
    ? { tenant_id, thread_id, checkpoint_ns }
    : undefined;
}

/** The checkpoint a config names; null when it names none, undefined when no checkpoint can have that id. */
export function checkpointIdToRead(config: RunnableConfig): string | null | undefined {
  const checkpoint_id = getCheckpointId(config);
  if (checkpoint_id === "") return null;
  return isUuid(checkpoint_id) ? checkpoint_id.toLowerCase() : undefined;
}

/** The identifier, or `invalid` with what is wrong with it. */
export function requireIdentifier(name: keyof typeof MAX_BYTES, value: unknown): string {
  if (isStorable(name, value)) return value;
  throw new HoldpointError(
    "invalid",
    `${name} must be a string of at most ${MAX_BYTES[name]} bytes without NUL characters or lone surrogates, got ${shown(value)}`,
    { facts: { field: name } },
  );
}

/** The checkpoint id in lower case, or `invalid`. */
export function requireCheckpointId(value: unknown): string {
  if (isUuid(value)) return value.toLowerCase();
  throw new HoldpointError("invalid", `checkpoint_id must be a UUID, got ${shown(value)}`, {
    facts: { field: "checkpoint_id" },
  });
}

/** True when the identifier can be a text column and part of an index key. */
export function isStorable(name: keyof typeof MAX_BYTES, value: unknown): value is string {
  return isStorableText(value) && Buffer.byteLength(value) <= MAX_BYTES[name];
}

/** True for a string that Postgres keeps as it is. */
export const isStorableText = (value: unknown): value is string =>
  typeof value === "string" && !value.includes("\0") && value.isWellFormed();

const shown = (value: unknown) => {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 80)}… (${text.length} characters)` : text;
};
