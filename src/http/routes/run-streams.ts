import { z } from "zod";
import type { RunRow } from "../../postgres/runs.sql.ts";
import { type RunCreate, runCreateSchema, STREAM_MODES } from "../../protocol/run.ts";
import { authorise } from "../authenticate.ts";
import { waitForRun } from "../await-run.ts";
import { cancel } from "../cancel.ts";
import { type Follow, followRun } from "../follow-run.ts";
import { readCreation } from "../idempotency.ts";
import { flag, listParameter, readQuery, uuidParameter } from "../read-request.ts";
import type { Call, Route } from "../route.ts";
import { streamModes } from "../run-kwargs.ts";
import { SSE_HEADERS } from "../sse.ts";
import { startRun } from "../start-run.ts";
import { type StreamEnd, streamBody } from "../stream-body.ts";
import { addressOf, findRun } from "./runs.ts";

const FROM_START = 0;

const namespaceSchema = listParameter(z.string().max(1_000)).optional();
const followQuery = z.object({ namespace: namespaceSchema });

const joinQuery = z.object({
  namespace: namespaceSchema,
  cancel_on_disconnect: flag.default(false),
  stream_mode: listParameter(z.enum(STREAM_MODES)).optional(),
});

/** Runs that are watched: by the request that starts them, or later by another. */
export const runStreamRoutes: readonly Route[] = [
  {
    method: "POST",
    path: "/threads/:thread_id/runs/wait",
    permission: "runs:create",
    async handle(call) {
      const thread_id = uuidParameter(call, "thread_id");
      const creation = await readCreation(call, runCreateSchema);
      const run = await startRun(call, thread_id, creation);
      return waited(call, run, creation.body.on_disconnect === "cancel");
    },
  },
  {
    method: "POST",
    path: "/threads/:thread_id/runs/stream",
    permission: "runs:create",
    async handle(call) {
      const thread_id = uuidParameter(call, "thread_id");
      const creation = await readCreation(call, runCreateSchema);
      const namespaces = namespacesOf(call);
      const run = await startRun(call, thread_id, creation);
      return followed(call, run, creation.body, namespaces);
    },
  },
  {
    method: "GET",
    path: "/threads/:thread_id/runs/:run_id/join",
    permission: "runs:read",
    handle: async (call) => joined(call, await findRun(call)),
  },
  {
    method: "GET",
    path: "/threads/:thread_id/runs/:run_id/stream",
    permission: "runs:read",
    handle: async (call) => joinedStream(call, await findRun(call)),
  },
];

/** Waits for a run that somebody has started before. */
export function joined(call: Call, run: RunRow): Response {
  const { cancel_on_disconnect } = readQuery(call, joinQuery);
  if (cancel_on_disconnect) authorise(call.principal, "runs:cancel");
  return waited(call, run, cancel_on_disconnect);
}

/** Follows a run that somebody has started before. */
export function joinedStream(call: Call, run: RunRow): Response {
  const { cancel_on_disconnect, stream_mode, namespace: namespaces } = readQuery(call, joinQuery);
  if (cancel_on_disconnect) authorise(call.principal, "runs:cancel");
  const after = lastEventId(call.request.headers);
  return streamResponse(call, run, { after, modes: stream_mode ?? null, namespaces }, cancel_on_disconnect);
}

/** Everything is stored, so whoever names no event, or one that was never given, gets everything. */
function lastEventId(headers: Headers): number {
  const id = headers.get("last-event-id") ?? "";
  return /^\d{1,15}$/.test(id) ? Number(id) : FROM_START;
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

/** Which subgraphs a request asks for; to be read before it starts anything. Throws `invalid`. */
export function namespacesOf(call: Call): readonly string[] | undefined {
  return readQuery(call, followQuery).namespace;
}

/** Follows the run that a request has started. */
export function followed(
  call: Call,
  run: RunRow,
  body: RunCreate,
  namespaces: readonly string[] | undefined,
  at?: string,
): Response {
  const follow = { after: FROM_START, modes: streamModes(body), namespaces };
  return streamResponse(call, run, follow, body.on_disconnect === "cancel", at);
}

function streamResponse(
  call: Call,
  run: RunRow,
  follow: Follow,
  cancelOnDisconnect: boolean,
  at = addressOf(run),
): Response {
  const source = (signal: AbortSignal) => followRun(call.deps.runFeeds, run, follow, signal);
  return new Response(streamBody(watched(call, run, cancelOnDisconnect, source), call.draining), {
    headers: { ...SSE_HEADERS, "content-location": at, location: streamAddress(run, follow) },
  });
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
