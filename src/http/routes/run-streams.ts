import { z } from "zod";
import { seenThread } from "../../postgres/access.sql.ts";
import type { RunRow } from "../../postgres/runs.sql.ts";
import { type RunCreate, type RunKwargs, runCreateSchema, STREAM_MODES, type StreamMode } from "../../protocol/run.ts";
import { type Answer, streams } from "../answers.ts";
import { authorise } from "../authenticate.ts";
import { waitForRun } from "../await-run.ts";
import { cancel } from "../cancel.ts";
import { parseEventId } from "../event-id.ts";
import { type Follow, followRun } from "../follow-run.ts";
import { flag, listParameter } from "../read-request.ts";
import { NOT_STARTED } from "../refusal-codes.ts";
import { type Call, defineRoute, type Route } from "../route.ts";
import { streamModes } from "../run-kwargs.ts";
import { frame, SSE_HEADERS } from "../sse.ts";
import { noThread, startRun } from "../start-run.ts";
import { type StreamEnd, streamBody } from "../stream-body.ts";
import { addressOf, findRun } from "./runs.ts";

const namespaceSchema = listParameter(z.string().max(1_000)).optional();

/** What of a run that it starts a request wants to see. */
export const followQuery = z.object({ namespace: namespaceSchema });

/** What of a run that was started before a request wants to see. */
export const joinQuery = z.object({
  namespace: namespaceSchema,
  cancel_on_disconnect: flag.default(false),
  stream_mode: listParameter(z.enum(STREAM_MODES)).optional(),
});

type FollowQuery = z.infer<typeof followQuery>;
type JoinQuery = z.infer<typeof joinQuery>;

/** The end of a run, for whoever waits for it. */
export const WAITS: Answer = {
  description:
    "Newlines while the run executes, then its last values, its open questions as __interrupt__, or what went wrong as __error__.",
  schema: z.unknown(),
  headers: ["content-location", "location"],
};

/** A run while it executes, for whoever follows it. */
export const FOLLOWS = streams("The run's events as server-sent events; the last is end.");

/** Runs that are watched: by the request that starts them, or later by another. */
export const runStreamRoutes: readonly Route[] = [
  defineRoute({
    method: "POST",
    path: "/threads/:thread_id/runs/wait",
    permission: "runs:create",
    event: "threads:create_run",
    summary: "Start a run on a thread and wait for its end",
    body: runCreateSchema,
    example: { assistant_id: "triage", command: { resume: { decisions: [{ type: "approve" }] } } },
    keyed: true,
    answers: { 200: WAITS },
    refuses: NOT_STARTED,
    async handle(call) {
      const run = await startRun(call, call.params.thread_id, call);
      return waited(call, run, call.body.on_disconnect === "cancel");
    },
  }),
  defineRoute({
    method: "POST",
    path: "/threads/:thread_id/runs/stream",
    permission: "runs:create",
    event: "threads:create_run",
    summary: "Start a run on a thread and follow it",
    body: runCreateSchema,
    example: { assistant_id: "triage", input: { amount: 120 }, stream_mode: ["values", "messages-tuple"] },
    query: followQuery,
    keyed: true,
    answers: { 200: FOLLOWS },
    refuses: NOT_STARTED,
    async handle(call) {
      const run = await startRun(call, call.params.thread_id, call);
      return followed(call, run);
    },
  }),
  defineRoute({
    method: "GET",
    path: "/threads/:thread_id/runs/:run_id/join",
    permission: "runs:read",
    event: "threads:read",
    summary: "Wait for the end of a run",
    query: joinQuery,
    answers: { 200: WAITS },
    handle: async (call) => await joined(call, await findRun(call)),
  }),
  defineRoute({
    method: "GET",
    path: "/threads/:thread_id/runs/:run_id/stream",
    permission: "runs:read",
    event: "threads:read",
    summary: "Follow a run",
    description: "From its beginning, or behind Last-Event-ID.",
    query: joinQuery,
    answers: { 200: FOLLOWS },
    // As LangGraph's own server says it.
    hidden: () =>
      new Response(frame("error", { error: "Error", message: "404: Thread not found" }), { headers: SSE_HEADERS }),
    handle: async (call) => await joinedStream(call, await findRun(call)),
  }),
];

/** Whoever only watches a run may not be somebody who may stop it. */
async function authoriseCancel(call: Call, { tenant_id, thread_id, run_id }: RunRow): Promise<void> {
  authorise(call.principal, "runs:cancel");
  const value = { thread_id, run_id, action: "interrupt" };
  const filter = await call.access.ask("threads:update", value);
  const seen = await call.deps.database.maybeOne(seenThread(tenant_id, thread_id, filter));
  if (seen === undefined) throw noThread(thread_id);
}

/** Waits for a run that somebody has started before. */
export async function joined(call: Call<never, unknown, JoinQuery>, run: RunRow): Promise<Response> {
  const { cancel_on_disconnect } = call.query;
  if (cancel_on_disconnect) await authoriseCancel(call, run);
  return waited(call, run, cancel_on_disconnect);
}

/** Follows a run that somebody has started before. */
export async function joinedStream(call: Call<never, unknown, JoinQuery>, run: RunRow): Promise<Response> {
  const { cancel_on_disconnect, stream_mode, namespace: namespaces } = call.query;
  if (cancel_on_disconnect) await authoriseCancel(call, run);
  const after = parseEventId(call.request.headers.get("last-event-id") ?? "");
  return streamResponse(call, run, { after, modes: stream_mode ?? modesOf(run), namespaces }, cancel_on_disconnect);
}

/** Who starts a run says what there is to see of it; what is stored beside that is shown to who asks for it. */
function modesOf({ kwargs }: RunRow): readonly StreamMode[] | null {
  return (JSON.parse(kwargs) as RunKwargs).stream_mode ?? null;
}

/** Waits for a run; `at` is where it is found, where that is not below its thread. */
export function waited(call: Call, run: RunRow, cancelOnDisconnect: boolean, at = addressOf(run)): Response {
  const source = (signal: AbortSignal) => waitForRun(call.deps, run, signal, call.deps.settings.hitlAliases);
  return new Response(streamBody(watched(call, run, cancelOnDisconnect, source)), {
    headers: {
      "content-type": "application/json; charset=utf-8",
      "x-accel-buffering": "no",
      "content-location": at,
      location: `${addressOf(run)}/join`,
    },
  });
}

/** Follows the run that a request has started. */
export function followed(call: Call<never, RunCreate, FollowQuery>, run: RunRow, at?: string): Response {
  const { body, query } = call;
  const follow = { modes: streamModes(body), namespaces: query.namespace };
  return streamResponse(call, run, follow, body.on_disconnect === "cancel", at);
}

function streamResponse(
  call: Call,
  run: RunRow,
  follow: Follow,
  cancelOnDisconnect: boolean,
  at = addressOf(run),
): Response {
  const tellsEnd = asksForEvents(call.request);
  const own = modesOf(run);
  const source = (signal: AbortSignal) => followRun(call.deps.runFeeds, run, { ...follow, own, tellsEnd }, signal);
  return new Response(streamBody(watched(call, run, cancelOnDisconnect, source), call.draining), {
    headers: { ...SSE_HEADERS, "content-location": at, location: streamAddress(run, follow) },
  });
}

/**
 * Whoever asks for an event stream by name (a browser's EventSource, the Python client) cannot tell an end from a cut
 * without an event. The JavaScript client names nothing, asks for the run when its stream closes, and hands an `end` on
 * to its caller, who knows none.
 */
function asksForEvents({ headers }: Request): boolean {
  return /\btext\/event-stream\b/i.test(headers.get("accept") ?? "");
}

/** Where a client that is cut off goes on; it must be shown the same there, and asks for nothing itself. */
function streamAddress(run: RunRow, { modes, namespaces = [] }: Follow): string {
  const query = new URLSearchParams([
    ...(modes ?? []).map((mode) => ["stream_mode", mode]),
    ...namespaces.map((namespace) => ["namespace", namespace]),
  ]);
  return `${addressOf(run)}/stream${query.size === 0 ? "" : `?${query}`}`;
}

/** Cancels the run when its watcher hangs up and has asked for that; not when the server itself stops. */
function watched(
  call: Call,
  run: RunRow,
  cancelOnDisconnect: boolean,
  source: (signal: AbortSignal) => AsyncGenerator<string>,
): (signal: AbortSignal) => AsyncGenerator<string> {
  return async function* watch(signal) {
    try {
      yield* source(signal);
    } finally {
      const hungUp = (signal.reason as StreamEnd | undefined) === "disconnected" && !call.draining.aborted;
      if (cancelOnDisconnect && hungUp) await cancel(call, run);
    }
  };
}
