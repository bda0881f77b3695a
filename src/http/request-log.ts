import { randomUUID } from "node:crypto";
import { uuidSchema } from "../protocol/json.ts";
import type { Log } from "../telemetry/log.ts";
import type { LogIds } from "../telemetry/log-context.ts";

// Long enough for the ids of gateways and tracers, and nothing that a log or a header could be broken with.
const REQUEST_ID = /^[\w.:-]{1,128}$/;

/** What a request is about: its id, which a client or a gateway may have given it, and what its path names. */
export function requestIds(
  { headers }: Request,
  params: Readonly<Record<string, string>>,
): LogIds & { request_id: string } {
  const given = headers.get("x-request-id");
  const named = (["thread_id", "run_id"] as const).flatMap((name) => {
    const id = uuidSchema.safeParse(params[name]);
    return id.success ? [[name, id.data]] : [];
  });
  return {
    request_id: given !== null && REQUEST_ID.test(given) ? given : randomUUID(),
    ...(Object.fromEntries(named) as LogIds),
  };
}

/** The log of one request: each line says which. Only the route's pattern is told, because a path can hold a secret. */
export function requestLog(log: Log, { request_id }: LogIds, { method, path }: { method: string; path: string }): Log {
  return log.child({ request_id, method, route: path });
}
