import { Client } from "@langchain/langgraph-sdk";
import type { Permission } from "../../src/protocol/principal.ts";
import type { ReviewTask } from "../../src/protocol/review.ts";

/** What a server answered. */
// biome-ignore lint/suspicious/noExplicitAny: what a test reads of it, the test checks
export interface Answer<Body = any> {
  status: number;
  /** The code of a refusal. */
  code: string | undefined;
  body: Body;
  headers: Headers;
}

/** What to ask. */
export interface Ask {
  method?: "GET" | "POST" | "PATCH" | "DELETE";
  body?: unknown;
  key?: string | undefined;
  headers?: Record<string, string>;
}

/** The official client. */
export function sdk(url: string, apiKey?: string): Client {
  // Null: the client must not pick up a key from the environment of whoever runs the tests.
  return new Client({ apiUrl: url, apiKey: (apiKey ?? null) as never, callerOptions: { maxRetries: 0 } });
}

/** Asks as it stands, without a client that explains answers away. */
export async function ask(url: string, path: string, { method, body, key, headers }: Ask = {}): Promise<Answer> {
  const response = await fetch(url + path, {
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers: {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(key === undefined ? {} : { "x-api-key": key }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const code = response.headers.get("x-holdpoint-error") ?? undefined;
  return { status: response.status, code, body: parsed(text), headers: response.headers };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The reviews of a thread, in the order they were opened. */
export async function reviewsOf(url: string, thread_id: string, status?: string): Promise<ReviewTask[]> {
  const filter = status === undefined ? "" : `&status=${status}`;
  return (await ask(url, `/reviews?thread_id=${thread_id}${filter}`)).body as ReviewTask[];
}

/** The one review that is open on a thread. */
export async function openReview(url: string, thread_id: string): Promise<ReviewTask> {
  const open = await reviewsOf(url, thread_id, "open");
  if (open.length !== 1) throw new Error(`expected one open review on ${thread_id}, got ${open.length}`);
  return open[0] as ReviewTask;
}

/** Decides a review by our own API, bound to what it shows. */
export async function decide(
  url: string,
  review: Pick<ReviewTask, "id" | "request_digest">,
  decision: unknown,
  { key, ...more }: { key?: string; [field: string]: unknown } = {},
): Promise<Answer<{ review: ReviewTask; run_id: string }>> {
  const body = { decisions: [decision], seen_digest: review.request_digest, ...more };
  return await ask(url, `/reviews/${review.id}/decision`, { body, key });
}

/** Makes a key for a principal of its own. */
export async function keyFor(
  url: string,
  principal_id: string,
  permissions: readonly Permission[] = ["runs:create", "runs:read", "review:read", "review:decide"],
): Promise<string> {
  const body = { name: principal_id, principal: { principal_id, kind: "user" }, permissions };
  const made = await ask(url, "/api-keys", { body });
  if (made.status !== 201) throw new Error(`no key: ${made.status} ${JSON.stringify(made.body)}`);
  return made.body.secret as string;
}
