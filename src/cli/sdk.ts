import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "@langchain/langgraph-sdk/client";
import type { Connection } from "./connection.ts";

const AGAIN_AFTER_MS = [200, 1_000];

/**
 * The official LangGraph client for a server: what runs are started and followed with. It gives each call that makes
 * something a key, so that the call can be sent again when its answer was lost: the server then does it once.
 */
export async function createSdkClient({ url, apiKey }: Pick<Connection, "url" | "apiKey">): Promise<Client> {
  // Loaded only where it is used: it takes longer to load than most commands take.
  const { Client } = await import("@langchain/langgraph-sdk/client");
  return new Client({
    apiUrl: url,
    // null, not undefined: the client would go looking for somebody else's keys in the environment.
    apiKey: apiKey ?? null,
    // Its own retries are for requests that never arrived, and a command says at once that nothing listens.
    callerOptions: { maxRetries: 0, fetch: fetchAgain },
    onRequest: (_, init) => (init.method === "POST" ? keyed(init) : init),
  });
}

/** Called once for a call, however often that is sent. */
function keyed(init: RequestInit): RequestInit {
  const headers = new Headers(init.headers);
  headers.set("idempotency-key", randomUUID());
  return { ...init, headers };
}

/** A request with a key is sent again when the connection broke before there was an answer. */
async function fetchAgain(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const hasKey = new Headers(init?.headers).has("idempotency-key");
  for (const afterMs of hasKey ? AGAIN_AFTER_MS : []) {
    try {
      return await fetch(input, init);
    } catch (error) {
      if (init?.signal?.aborted === true || isRefused(error)) throw error;
    }
    await sleep(afterMs, undefined, init?.signal ? { signal: init.signal } : {});
  }
  return await fetch(input, init);
}

const isRefused = (error: unknown): boolean =>
  error instanceof Error && (("code" in error && error.code === "ECONNREFUSED") || isRefused(error.cause));
