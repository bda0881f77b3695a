import { z } from "zod";

const shownAs = new WeakMap<z.ZodType, z.ZodType>();

/**
 * A schema that refuses nothing: what was sent is read all the same, and whoever has it decides what to say of what is wrong
 * with it. `shown` is what should be sent.
 */
export function notRefused<Read>(shown: z.ZodType, read: (sent: unknown) => Read): z.ZodType<Read> {
  const schema = z.unknown().transform(read);
  shownAs.set(schema, shown);
  return schema;
}

/** What should be sent, as a schema has it. */
export function shownSchema(schema: z.ZodType): z.ZodType {
  return shownAs.get(schema) ?? schema;
}
