import { z } from "zod";
import { streams } from "../answers.ts";
import { followThread, THREAD_STREAM_MODES } from "../follow-thread.ts";
import { listParameter } from "../read-request.ts";
import { type Call, defineRoute, type Route } from "../route.ts";
import { SSE_HEADERS } from "../sse.ts";
import { streamBody } from "../stream-body.ts";
import { findThread } from "./threads.ts";

const modesSchema = listParameter(z.enum(THREAD_STREAM_MODES)).optional();
const streamQuery = z.object({ stream_mode: modesSchema, stream_modes: modesSchema });

/** Threads that are followed, one run after the other. */
export const threadStreamRoutes: readonly Route[] = [
  defineRoute({
    method: "GET",
    path: "/threads/:thread_id/stream",
    permission: "runs:read",
    event: "threads:read",
    summary: "Follow a thread, one run after the other",
    query: streamQuery,
    answers: { 200: streams("What happens on the thread, from now on or behind Last-Event-ID.") },
    handle: stream,
  }),
];

async function stream(call: Call<"thread_id", unknown, z.infer<typeof streamQuery>>): Promise<Response> {
  const { deps, request, draining } = call;
  const { stream_mode, stream_modes } = call.query;
  const named = [...(stream_mode ?? []), ...(stream_modes ?? [])];
  const { tenant_id, thread_id } = await findThread(call);
  const modes = named.length === 0 ? (["run_modes"] as const) : named;
  const wish = { tenant_id, thread_id, modes, after: lastEventId(request.headers) };
  const source = {
    ...deps,
    hitlAliases: deps.settings.hitlAliases ?? true,
    ask: call.again,
  };
  const query = new URLSearchParams(modes.map((mode) => ["stream_mode", mode]));
  return new Response(
    streamBody((signal) => followThread(source, wish, signal), draining),
    { headers: { ...SSE_HEADERS, location: `/threads/${thread_id}/stream?${query}` } },
  );
}

/** From the beginning where that is asked for, behind an event that was given, otherwise from now on. */
function lastEventId(headers: Headers): number | null {
  const id = headers.get("last-event-id") ?? "";
  if (id === "-" || id === "-1") return 0;
  return /^\d{1,15}$/.test(id) ? Number(id) : null;
}
