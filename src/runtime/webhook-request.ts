import type { lookup } from "node:dns";
import { type GuardedAnswer, guardedRequest, PrivateAddress } from "../kit/guarded-request.ts";
import type { AllowList } from "../policy/private-address.ts";
import { isOwnRoute, webhookTarget } from "../policy/webhook-target.ts";
import type { WebhookAnswer } from "../protocol/delivery.ts";

// As much of an answer as tells a person what is wrong.
const ANSWER_BYTES = 2_048;

/** One request to a webhook. */
export interface WebhookRequest {
  url: string;
  headers: Readonly<Record<string, string>>;
  body: string;
  /** For all of it: looking the host up, connecting, sending, and the answer. */
  timeoutMs: number;
  allow: AllowList;
  signal: AbortSignal;
  /** Answers paths: the routes of the server's own project; none unless given. */
  local?: ((request: Request) => Promise<Response>) | undefined;
  /** How names become addresses; the system's way unless given. */
  resolve?: typeof lookup;
}

/** Sends it, and never throws: whatever comes of it is an answer. Redirects are answers too, and are not followed. */
export async function postWebhook(wanted: WebhookRequest): Promise<WebhookAnswer> {
  const startedAt = performance.now();
  const answer = await send(wanted).catch((error: unknown) => ({ status: null, body: null, error: reasonOf(error) }));
  return { ...answer, duration_ms: Math.round(performance.now() - startedAt) };
}

async function send(wanted: WebhookRequest): Promise<Omit<WebhookAnswer, "duration_ms">> {
  if (wanted.url.startsWith("/")) return await sendLocally(wanted);
  const { allow, timeoutMs, signal, headers, body, resolve } = wanted;
  // Looked at again: what is allowed may have changed since the run was created.
  const target = webhookTarget(wanted.url, allow);
  if (!target.ok) throw new PrivateAddress(`the webhook ${target.reason}`);
  const ending = new AbortController();
  const stop = () => ending.abort(new Error("the server was stopped before the answer came"));
  const timer = setTimeout(() => ending.abort(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
  signal.addEventListener("abort", stop, { once: true });
  try {
    if (signal.aborted) stop();
    return shown(
      await guardedRequest({
        url: new URL(target.url),
        method: "POST",
        headers,
        body,
        allow,
        allowedBy: "HOLDPOINT_WEBHOOK_ALLOW",
        maxBytes: ANSWER_BYTES,
        signal: ending.signal,
        resolve,
      }),
    );
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

/** What breaks after the status has come takes nothing back. */
function shown(answer: GuardedAnswer): Omit<WebhookAnswer, "duration_ms"> {
  if (answer.kind === "failure") throw answer.error;
  // Postgres holds no NUL.
  return { status: answer.status, body: answer.body.toString("utf8").replaceAll("\0", "\ufffd"), error: null };
}

/** Hands it to the project's own routes, without a connection. */
async function sendLocally({ local, ...wanted }: WebhookRequest): Promise<Omit<WebhookAnswer, "duration_ms">> {
  const { url, headers, body, timeoutMs } = wanted;
  if (local === undefined || !isOwnRoute(url)) throw new Error("this server has no routes of a project's own to call");
  const signal = AbortSignal.any([wanted.signal, AbortSignal.timeout(timeoutMs)]);
  const request = new Request(new URL(url, "http://localhost"), { method: "POST", headers, body, signal });
  const { promise: late, reject } = Promise.withResolvers<never>();
  const give = () => reject(new Error(`no answer within ${timeoutMs / 1000} s`));
  signal.addEventListener("abort", give, { once: true });
  try {
    const response = await Promise.race([local(request), late]);
    const text = await Promise.race([response.text(), late]);
    return { status: response.status, body: Buffer.from(text).subarray(0, ANSWER_BYTES).toString("utf8"), error: null };
  } finally {
    signal.removeEventListener("abort", give);
  }
}

function reasonOf(error: unknown): string {
  // Of several addresses that were tried, the first says it all.
  const told = error instanceof AggregateError ? error.errors[0] : error;
  const { message = "", code } = told as { message?: string; code?: string };
  const text = message === "" || code === undefined || message.includes(code) ? message : `${message} (${code})`;
  return (text || code || "the request failed").slice(0, 500);
}
