import { DeltaSnapshot } from "@langchain/langgraph-checkpoint";
import { setOwn, TAG, TYPED_ARRAYS } from "./encode.ts";
import { messageFrom } from "./messages.ts";

/** The value of a text that `encode` wrote. */
export function decode(text: string): unknown {
  return revive(JSON.parse(text));
}

/** Turns parsed JSON into the value it stands for, in place. */
export function revive(value: unknown): unknown {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1) {
      const item: unknown = value[index];
      if (item !== null && typeof item === "object") value[index] = revive(item);
    }
    return value;
  }
  return Object.hasOwn(value, TAG) ? untag(value as Tagged) : reviveFields(value as Record<string, unknown>);
}

function reviveFields(value: Record<string, unknown>): Record<string, unknown> {
  for (const key of Object.keys(value)) {
    const item = value[key];
    if (item !== null && typeof item === "object") setOwn(value, key, revive(item));
  }
  return value;
}

interface Tagged {
  readonly [TAG]: string;
  readonly name?: string;
  readonly value?: unknown;
}

/** One case for each tag `encode` writes. Nothing but these is ever constructed from stored data. */
function untag({ [TAG]: type, name = "", value }: Tagged): unknown {
  switch (type) {
    case "undefined":
      return undefined;
    case "number":
      return Number(value);
    case "bigint":
      return BigInt(value as string);
    case "date":
      return new Date(value === null ? Number.NaN : (value as string));
    case "map":
      return new Map(revive(value) as [unknown, unknown][]);
    case "set":
      return new Set(revive(value) as unknown[]);
    case "bytes":
      return new Uint8Array(Buffer.from(value as string, "base64"));
    case "typed_array":
      return typedArrayFrom(name, value as string);
    case "regexp":
      return new RegExp(...(value as [string, string]));
    case "error":
      return errorFrom(revive(value) as { name: string; message: string });
    case "delta_snapshot":
      return new DeltaSnapshot(revive(value));
    case "message":
      return messageFrom(name, revive(value));
    case "object":
      return reviveFields(value as Record<string, unknown>);
    default:
      throw new Error(
        `stored state has the unknown type ${JSON.stringify(type)}: a newer version of Holdpoint wrote it`,
      );
  }
}

function typedArrayFrom(name: string, base64: string): unknown {
  const View = TYPED_ARRAYS[name as keyof typeof TYPED_ARRAYS];
  if (View === undefined) throw new Error(`stored state names the unknown array type ${JSON.stringify(name)}`);
  // A copy of its own: the pooled buffer of Buffer.from is not aligned for wider elements.
  return new View(new Uint8Array(Buffer.from(base64, "base64")).buffer);
}

function errorFrom({ name, message }: { name: string; message: string }): Error {
  const error = new Error(message);
  if (name !== error.name) error.name = name;
  return error;
}
