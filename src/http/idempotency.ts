import { createHash } from "node:crypto";
import { canonicalJson } from "../policy/canonical-json.ts";
import { findStarted, type KeyedRequest, type Started } from "../postgres/idempotency.ts";
import { HoldpointError } from "../protocol/errors.ts";
import { MAX_IDEMPOTENCY_KEY } from "../protocol/idempotency.ts";
import { isWellFormedJson } from "../protocol/json.ts";
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

/** Takes a request's key, and gives what makes one of it and its body; undefined without a key. Throws `bad_request`. */
export function keyedRequest(
  call: Pick<Call, "request" | "url" | "principal">,
): ((sent: unknown) => KeyedRequest) | undefined {
  const idempotency_key = idempotencyKey(call.request);
  if (idempotency_key === undefined) return undefined;
  const { tenant_id, principal_id } = call.principal;
  return (sent) => ({ tenant_id, principal_id, idempotency_key, request_digest: digestOf(call, sent) });
}

/** Of the body as it was sent: also what the schema leaves out tells two requests apart. */
function digestOf({ request, url }: Pick<Call, "request" | "url">, body: unknown): string {
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
