import { z } from "zod";

const shownAs = new WeakMap<z.ZodType, z.ZodType>();

/** Says what a schema is shown as, where what it takes says less than what is meant: a number that travels as text. */
export function showAs<Schema extends z.ZodType>(schema: Schema, shown: z.ZodType): Schema {
  shownAs.set(schema, shown);
  return schema;
}

/**
 * A schema that refuses nothing: what was sent is read all the same, and whoever has it decides what to say of what is wrong
 * with it. `shown` is what should be sent.
 */
export function notRefused<Read>(shown: z.ZodType, read: (sent: unknown) => Read): z.ZodType<Read> {
  return showAs(z.unknown().transform(read), shown);
}

/** What should be sent, as a schema has it. */
export function shownSchema(schema: z.ZodType): z.ZodType {
  return shownAs.get(schema) ?? schema;
}
