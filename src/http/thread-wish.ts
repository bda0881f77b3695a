import { z } from "zod";
import { narrowed } from "../policy/access-filter.ts";
import { THREAD_SORTS, type ThreadWish } from "../postgres/thread-list.sql.ts";
import { isStorableJson, metadataSchema, uuidSchema } from "../protocol/json.ts";
import { THREAD_MEMBERS, THREAD_STATUSES, type Thread } from "../protocol/thread.ts";
import type { Access } from "./auth/access.ts";
import { limitSchema, offsetSchema, textSchema } from "./read-request.ts";

const MAX_PATHS = 10;
const PATH = /^(?:values|metadata|config|interrupts)(?:\.[^.[\]]+|\[-?\d{1,9}\])*$/;
const STEP = /\[(-?\d+)\]|([^.[\]]+)/g;

const valuesSchema = z
  .record(z.string(), z.unknown())
  .refine(isStorableJson, "values must not contain NUL characters or lone surrogates");

/** Which threads are counted. */
export const threadCountSchema = z.object({
  status: z.enum(THREAD_STATUSES).nullish(),
  metadata: metadataSchema.nullish(),
  values: valuesSchema.nullish(),
});

/** Which threads are searched for, in which order, and what of each. */
export const threadSearchSchema = threadCountSchema.extend({
  ids: z.array(uuidSchema).max(1_000).nullish(),
  limit: limitSchema.nullish(),
  offset: offsetSchema.nullish(),
  sort_by: z.enum(THREAD_SORTS).nullish(),
  sort_order: z.enum(["asc", "desc"]).nullish(),
  select: z
    .array(z.enum([...THREAD_MEMBERS, "context"]))
    .max(100)
    .nullish(),
  extract: z
    .record(textSchema, textSchema.regex(PATH, "must be a path such as values.messages[-1].content"))
    .refine((paths) => Object.keys(paths).length <= MAX_PATHS, `must not have more than ${MAX_PATHS} paths`)
    .nullish(),
});

/**
 * What the database looks for: a filter that says nothing is none, and nothing is found that may not be seen. Undefined
 * where that is nothing at all.
 */
export function threadWish(
  { status, metadata, values, ids }: z.infer<typeof threadCountSchema> & { ids?: string[] | null | undefined },
  access: Access,
): ThreadWish | undefined {
  const held = narrowed(metadata ?? {}, access.of("threads"));
  return held === undefined ? undefined : { status, ids, metadata: held, values: nonEmpty(values) };
}

function nonEmpty(part: Record<string, unknown> | null | undefined): Record<string, unknown> | null {
  return part == null || Object.keys(part).length === 0 ? null : part;
}

/** What paths of a search lead to in a thread; null where they lead nowhere. A negative place counts from the end. */
export function extractFrom(thread: Thread, paths: Record<string, string>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(paths).map(([alias, path]) => [alias, follow(thread, path)]));
}

function follow(thread: Thread, path: string): unknown {
  let value: unknown = thread;
  for (const [, place, key] of path.matchAll(STEP)) {
    if (typeof value !== "object" || value === null) return null;
    if (place !== undefined) value = Array.isArray(value) ? value.at(Number(place)) : undefined;
    else value = Object.hasOwn(value, key as string) ? (value as Record<string, unknown>)[key as string] : undefined;
  }
  return value ?? null;
}
