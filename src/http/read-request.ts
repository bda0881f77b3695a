import { z } from "zod";
import { HoldpointError } from "../protocol/errors.ts";
import type { Checked, Fault } from "../protocol/fault.ts";
import { invalid } from "./failure.ts";
import type { PublicCall } from "./route.ts";
import { showAs } from "./shown-as.ts";

// Deeper than any real payload, far from the end of the stack of whatever walks it later.
const MAX_DEPTH = 256;
const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;

/** The largest page of any list. */
export const MAX_LIMIT = 1000;
/** Far enough for any list, and within an integer of Postgres. */
const MAX_OFFSET = 1_000_000_000;

/** How many entries of a list to give. */
export const limitSchema = z.number().int().min(1).max(MAX_LIMIT);
/** How many entries of a list to skip. */
export const offsetSchema = z.number().int().min(0).max(MAX_OFFSET);

/** A short text that Postgres can hold: no NUL characters, no halves of UTF-16 pairs. */
export const textSchema = z
  .string()
  .max(500)
  .refine(
    (value) => !value.includes("\0") && value.isWellFormed(),
    "must not contain NUL characters or lone surrogates",
  );

/** A value as the schema has it. Throws `invalid`. */
export function parseWith<Value>(sent: unknown, schema: z.ZodType<Value>): Value {
  const checked = checkWith(schema, sent);
  if (!checked.ok) throw invalid(checked.faults);
  return checked.value;
}

/** The request's body as JSON; `{}` when there is none. Throws `body_too_large`, `unsupported_media_type`, `bad_request`, `invalid`. */
export async function readJson({ request, deps }: Pick<PublicCall, "request" | "deps">): Promise<unknown> {
  const bytes = await readBytes(request, deps.settings.maxBodyBytes);
  if (bytes.length === 0) return {};
  const type = request.headers.get("content-type") ?? "";
  if (!JSON_TYPE.test(type)) {
    throw new HoldpointError(
      "unsupported_media_type",
      `the body must be sent as application/json, not as ${type === "" ? "nothing" : JSON.stringify(type.slice(0, 100))}`,
    );
  }
  const text = bytes.toString("utf8");
  refuseDepth(text);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new HoldpointError("bad_request", `the body is not JSON: ${(cause as Error).message.slice(0, 200)}`);
  }
}

/** What the schema makes of a value, or what is wrong with it. */
export function checkWith<Value>(schema: z.ZodType<Value>, value: unknown): Checked<Value> {
  const parsed = schema.safeParse(value);
  return parsed.success ? { ok: true, value: parsed.data } : { ok: false, faults: faultsOf(parsed.error) };
}

function faultsOf(error: z.ZodError): Fault[] {
  return error.issues.map(({ path, message }) => ({
    pointer: path.map((key) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`).join(""),
    message,
  }));
}

async function readBytes(request: Request, maxBytes: number): Promise<Buffer> {
  const announced = Number(request.headers.get("content-length") ?? 0);
  if (announced > maxBytes) throw tooLarge(maxBytes);
  if (request.body === null) return Buffer.alloc(0);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function tooLarge(maxBytes: number): HoldpointError {
  return new HoldpointError(
    "body_too_large",
    `the body is larger than ${maxBytes} bytes; HOLDPOINT_MAX_BODY_BYTES allows more`,
  );
}

/** Looks at the text before it is parsed: whatever walks a value that is too deep ends in a stack overflow. */
function refuseDepth(text: string): void {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (inString) {
      if (code === 0x5c) index += 1;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x5b || code === 0x7b) {
      depth += 1;
      if (depth > MAX_DEPTH) throw invalid([{ pointer: "", message: `is nested deeper than ${MAX_DEPTH} levels` }]);
    } else if (code === 0x5d || code === 0x7d) depth -= 1;
  }
}

/** The query, as the schema has it: a parameter that is given twice is an array. Throws `invalid`. */
export function parseQuery<Value>({ searchParams }: URL, schema: z.ZodType<Value>): Value {
  const given = Object.fromEntries(
    [...new Set(searchParams.keys())].map((key) => {
      const values = searchParams.getAll(key);
      return [key, values.length === 1 ? values[0] : values];
    }),
  );
  return parseWith(given, schema);
}

/** A whole number of the query. */
export const wholeNumber = (schema: z.ZodNumber) =>
  showAs(
    z
      .string()
      .regex(/^\d{1,10}$/, "must be a whole number")
      .transform(Number)
      .pipe(schema),
    schema,
  );

/** A yes or no of the query: the clients send 0 and 1, people also write true and false. */
export const flag = showAs(
  z.enum(["0", "1", "true", "false"]).transform((value) => value === "1" || value === "true"),
  z.boolean(),
);

/** A list of the query: given once, several times, or as one JSON array, depending on the client's age. */
export const listParameter = <Item>(item: z.ZodType<Item>) => {
  const list = z.array(item).max(100);
  const read = z
    .union([z.string(), z.array(z.string())])
    .transform((given) => (typeof given === "string" ? parsedList(given) : given))
    .pipe(list);
  return showAs(read, list);
};

/** One of a few words, several with commas between, or the parameter several times. */
export const wordsParameter = <const Word extends string>(words: readonly Word[]) => {
  const list = z.array(z.enum(words)).max(100);
  const read = z
    .union([z.string(), z.array(z.string())])
    .transform((given) => [given].flat().flatMap((one) => one.split(",")))
    .pipe(list);
  return showAs(read, list.describe("One, or several."));
};

function parsedList(text: string): unknown {
  if (!text.startsWith("[")) return [text];
  try {
    return JSON.parse(text);
  } catch {
    return [text];
  }
}
