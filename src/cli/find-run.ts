import { z } from "zod";
import type { Api } from "./api.ts";
import { CommandError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";
import { type IdQuery, matchPrefix, parseId } from "./id-prefix.ts";
import { type RunView, runWire, type ThreadView, threadWire } from "./wire.ts";

const PAGE = 100;
const THREADS_AT_MOST = 5000;
const RUNS_OF_A_THREAD = 100;
const AT_ONCE = 8;

/** Threads, the most recently changed first. */
export async function searchThreads(
  api: Api,
  filter: { metadata?: Record<string, unknown>; limit: number; offset: number },
): Promise<ThreadView[]> {
  const body = { ...filter, sort_by: "updated_at", sort_order: "desc" };
  return (await api.request("POST", "/threads/search", z.array(threadWire), { body })).body;
}

/** Runs of one thread, newest first. */
export async function runsOfThread(api: Api, thread_id: string, limit: number, status?: string): Promise<RunView[]> {
  const query = { limit, status };
  return (await api.request("GET", `/threads/${encodeURIComponent(thread_id)}/runs`, z.array(runWire), { query })).body;
}

/** One run as it stands now. */
export async function readRun(
  api: Api,
  run: { thread_id: string; run_id: string },
  signal?: AbortSignal,
): Promise<RunView> {
  const path = `/threads/${encodeURIComponent(run.thread_id)}/runs/${encodeURIComponent(run.run_id)}`;
  return (await api.request("GET", path, runWire, { signal })).body;
}

/** Runs of many threads, some threads at a time. */
export async function runsOfThreads(
  api: Api,
  threads: readonly ThreadView[],
  limit: number,
  status?: string,
): Promise<RunView[]> {
  const runs: RunView[] = [];
  for (let at = 0; at < threads.length; at += AT_ONCE) {
    const some = threads.slice(at, at + AT_ONCE);
    runs.push(...(await Promise.all(some.map((thread) => runsOfThread(api, thread.thread_id, limit, status)))).flat());
  }
  return runs;
}

/** The run that an id, or the beginning of one, names. The API knows runs by their thread, so threads are searched, newest first. */
export async function findRun(api: Api, text: string, thread_id: string | undefined): Promise<RunView> {
  const id = parseId(text, "run");
  const candidates = thread_id === undefined ? await searchRuns(api, id) : await runsOfThread(api, thread_id, 1000);
  const match = matchPrefix(
    id,
    candidates,
    (run) => run.run_id,
    (run) => `${run.status}  ${run.created_at}`,
    "run",
  );
  if (match !== undefined) return match;
  throw new CommandError(EXIT.failed, `there is no run whose id begins with ${id.prefix}: see "holdpoint runs list"`);
}

async function searchRuns(api: Api, id: IdQuery): Promise<RunView[]> {
  const found: RunView[] = [];
  for (let offset = 0; offset < THREADS_AT_MOST; offset += PAGE) {
    const threads = await searchThreads(api, { limit: PAGE, offset });
    const runs = await runsOfThreads(api, threads, RUNS_OF_A_THREAD);
    found.push(...runs.filter(({ run_id }) => run_id.startsWith(id.prefix)));
    // A whole id is the only one; a beginning has to be looked for everywhere.
    if (threads.length < PAGE || (id.isWhole && found.length > 0)) break;
  }
  return found;
}
