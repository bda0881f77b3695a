import { post } from "../data/api.ts";

// What the run's page shows live: where it stands, what is said, and what nodes tell.
const STREAM_MODES = ["values", "updates", "messages-tuple", "custom", "tasks"];

/** Starts a run on a thread of its own. A key makes a second click the same run. */
export async function startRun(graph_id: string, input: unknown, key: string): Promise<{ run_id: string }> {
  const { thread_id } = await post<{ thread_id: string }>("/threads", {}, { "idempotency-key": `${key}-thread` });
  const body = { assistant_id: graph_id, input, stream_mode: STREAM_MODES };
  return await post<{ run_id: string }>(`/threads/${thread_id}/runs`, body, { "idempotency-key": key });
}
