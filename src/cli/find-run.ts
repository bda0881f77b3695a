import { z } from "zod";
import type { Api } from "./api.ts";
import { CommandError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";
import { matchPrefix, parseId } from "./id-prefix.ts";
import { type RunView, runWire } from "./wire.ts";

const CANDIDATES_AT_MOST = 100;

/** A run in a list: without what it was asked and what came of it. */
const listedRunWire = z.looseObject({
  run_id: z.string(),
  thread_id: z.string(),
  graph_id: z.string(),
  status: z.string(),
  attempt: z.number(),
  error: z.looseObject({ error: z.string(), message: z.string() }).nullable(),
  created_at: z.string(),
  started_at: z.string().nullable(),
  ended_at: z.string().nullable(),
  updated_at: z.string(),
  /** The open review it waits for. */
  review_id: z.string().nullable(),
});

/** A run in a list. */
export type ListedRun = z.infer<typeof listedRunWire>;

/** Which runs to list. */
export interface RunQuery {
  graph_id?: string | undefined;
  thread_id?: string | undefined;
  status?: string | undefined;
  since?: string | undefined;
  id_prefix?: string;
  limit: number;
}

/** Runs of all threads, newest first. */
export async function listRuns(api: Api, query: RunQuery): Promise<ListedRun[]> {
  return (await api.request("GET", "/runs", z.array(listedRunWire), { query: { ...query } })).body;
}

/** One run as it stands now. */
export async function readRun(
  api: Api,
  run: { thread_id: string; run_id: string },
  signal?: AbortSignal,
): Promise<RunView> {
  return (await api.request("GET", addressOfRun(run), runWire, { signal })).body;
}

/** Where the API has a run. */
export function addressOfRun({ thread_id, run_id }: { thread_id: string; run_id: string }): string {
  return `/threads/${encodeURIComponent(thread_id)}/runs/${encodeURIComponent(run_id)}`;
}

/** The run that an id, or the beginning of one, names. */
export async function findRun(api: Api, text: string, thread_id?: string): Promise<ListedRun> {
  const id = parseId(text, "run");
  const found = await listRuns(api, { id_prefix: id.prefix, limit: CANDIDATES_AT_MOST });
  const match = matchPrefix(
    id,
    thread_id === undefined ? found : found.filter((run) => run.thread_id === thread_id),
    (run) => run.run_id,
    (run) => `${run.status}  ${run.created_at}`,
    "run",
  );
  if (match !== undefined) return match;
  throw new CommandError(EXIT.failed, `there is no run whose id begins with ${id.prefix}: see "holdpoint runs list"`);
}
