import { createHash } from "node:crypto";
import type { z } from "zod";
import { canonicalJson } from "../policy/canonical-json.ts";
import { findStarted, type KeyedRequest, type Started } from "../postgres/idempotency.ts";
import { HoldpointError } from "../protocol/errors.ts";
import { MAX_IDEMPOTENCY_KEY } from "../protocol/idempotency.ts";
import { isWellFormedJson } from "../protocol/json.ts";
import { invalid } from "./failure.ts";
import { checkWith, readJson } from "./read-request.ts";
import type { Call } from "./route.ts";

const VISIBLE_ASCII = /^[\x21-\x7e]+$/;

/** A request that makes something: its body, and who it is when it comes again. */
export interface Creation<Body> {
  body: Body;
  keyed: KeyedRequest | undefined;
}

/** The request's Idempotency-Key, if it has one. Throws `bad_request`. */
export function idempotencyKey({ headers }: Request): string | undefined {
  const key = headers.get("idempotency-key");
  if (key === null) return undefined;
  const fault = faultOf(key);
  if (fault === undefined) return key;
  throw new HoldpointError(
    "bad_request",
    `Idempotency-Key ${fault}; send one of 1 to ${MAX_IDEMPOTENCY_KEY} visible ASCII characters, such as a UUID, or none`,
  );
}

function faultOf(key: string): string | undefined {
  if (key === "") return "is empty";
  if (key.length > MAX_IDEMPOTENCY_KEY) return `has ${key.length} characters`;
  return VISIBLE_ASCII.test(key) ? undefined : `is ${JSON.stringify(key)}, with characters that no key may have`;
}

/** The body of a request that makes something, as the schema has it, and its key. Throws what is wrong with either. */
export async function readCreation<Body>(call: Call, schema: z.ZodType<Body>): Promise<Creation<Body>> {
  const key = idempotencyKey(call.request);
  const json = await readJson(call);
  const checked = checkWith(schema, json);
  if (!checked.ok) throw invalid(checked.faults);
  if (key === undefined) return { body: checked.value, keyed: undefined };
  const { tenant_id, principal_id } = call.principal;
  const keyed = { tenant_id, principal_id, idempotency_key: key, request_digest: digestOf(call, json) };
  return { body: checked.value, keyed };
}

/** Of the body as it was sent: also what the schema leaves out tells two requests apart. */
function digestOf({ request, url }: Call, body: unknown): string {
  // Half of a UTF-16 pair has no canonical form; written as its escape it is still told from every other.
  const text = isWellFormedJson(body) ? canonicalJson(body) : JSON.stringify(body);
  // Identifiers in the path are UUIDs, which may be written in either case.
  const line = `${request.method} ${url.pathname.toLowerCase()}\n`;
  return `sha256:${createHash("sha256").update(line).update(text).digest("hex")}`;
}

/**
 * Makes something. What makes it looks under the key's lock whether an equal request has; after a refusal it is looked
 * for once more, because before that lock a thread that has moved on since, or a graph that is gone, would refuse what
 * was accepted; and because a connection that ends behind a commit leaves nothing but the key to say so.
 */
export async function once<Made>(
  { deps }: Call,
  keyed: KeyedRequest | undefined,
  make: () => Promise<Made>,
  find: (started: Started) => Promise<Made>,
): Promise<Made> {
  try {
    return await make();
  } catch (error) {
    const started = keyed && (await findStarted(deps.database, keyed).catch(() => undefined));
    if (started === undefined) throw error;
    return await find(started);
  }
}
