import { z } from "zod";

/** One way a route answers, for whoever reads about it. */
export interface Answer {
  description: string;
  /** What the body is; an answer without it has none, unless it is of another type than JSON. */
  schema?: z.ZodType;
  /** The type of the body; JSON unless given. */
  type?: string;
  /** Headers that callers read. */
  headers?: readonly string[];
}

/** A JSON body. */
export function shows(schema: z.ZodType, description: string, headers: readonly string[] = []): Answer {
  return { schema, description, headers };
}

/** One page of a list. */
export function lists(item: z.ZodType, description: string): Answer {
  return shows(z.array(item), description, ["x-pagination-total", "x-pagination-next"]);
}

/** No body. */
export function says(description: string): Answer {
  return { description };
}

/** Server-sent events. */
export function streams(description: string): Answer {
  return { description, type: "text/event-stream", headers: ["content-location", "location"] };
}

/** A JSON object that is not described further. */
export const anyObject = z.record(z.string(), z.unknown());
