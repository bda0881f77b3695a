import { z } from "zod";
import { uuidSchema } from "../protocol/json.ts";

/** The beginning of a UUID. */
export const idPrefixSchema = z
  .string()
  .regex(/^[0-9a-f]{8}-?$|^[0-9a-f-]{4,36}$/i, "must be the first 4 characters of a UUID, or more")
  .transform((text) => text.toLowerCase());

/** The first and the last UUID that begin so; undefined where none does. */
export function idsWith(prefix: string): { first: string; last: string } | undefined {
  const first = padded(prefix, "0");
  const last = padded(prefix, "f");
  return first === undefined || last === undefined ? undefined : { first, last };
}

function padded(prefix: string, digit: "0" | "f"): string | undefined {
  const shape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx".replaceAll("x", digit);
  const id = uuidSchema.safeParse(prefix + shape.slice(prefix.length));
  return id.success ? id.data : undefined;
}
