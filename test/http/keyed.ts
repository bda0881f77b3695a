import { expect } from "vitest";
import type { TestServer } from "./server.ts";

/** What a request with a key was answered. */
export interface KeyedAnswer {
  status: number;
  code: string | null;
  text: string;
  /** The run that it started, or found. */
  run_id: string | undefined;
}

/** A run to ask for. */
export const WORDS = { assistant_id: "http-words", input: { text: "a" } };

/** Sends a request that makes something, with a key. */
export async function post(
  server: TestServer,
  path: string,
  key: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<KeyedAnswer> {
  const response = await server.ask(path, { method: "POST", body, headers: { "idempotency-key": key, ...headers } });
  const text = await response.text();
  const code = response.headers.get("x-holdpoint-error");
  const run_id = response.headers.get("content-location")?.split("/").at(-1);
  return { status: response.status, code, text, run_id };
}

/** How many rows there are. */
export async function count(
  server: TestServer,
  table: "run" | "thread" | "idempotency_key",
  where = "true",
  values: unknown[] = [],
): Promise<number> {
  const text = `select count(*)::int as count from holdpoint.${table} where ${where}`;
  return (await server.house.database.pool.query(text, values)).rows[0].count;
}

/** How many runs of a thread there are. */
export const runsOf = (server: TestServer, thread_id: string) => count(server, "run", "thread_id = $1", [thread_id]);

/** Waits until nothing is queued or running. */
export async function atRest(server: TestServer): Promise<void> {
  await expect.poll(() => count(server, "run", "status in ('pending', 'running')")).toBe(0);
}
