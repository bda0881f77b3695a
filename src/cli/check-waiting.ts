import type { RunnableConfig } from "@langchain/core/runnables";
import pg from "pg";
import { formatLoadError, type GraphSet, type LoadedGraph } from "../graphs/graph-set.ts";
import { stateFit } from "../graphs/state-fit.ts";
import { topologyOf } from "../graphs/topology.ts";
import { redeployRefusal } from "../policy/review/redeploy.ts";
import { createSaver } from "../postgres/checkpointer/saver.ts";
import type { Database } from "../postgres/database.ts";
import { type AskedUnderRow, countWaiting, waitingAfter } from "../postgres/graph-shapes.sql.ts";
import { selectRunById } from "../postgres/runs.sql.ts";
import { isHoldpointError } from "../protocol/errors.ts";
import { parseGraphShape } from "../protocol/graph-shape.ts";
import type { Flavour } from "../protocol/interrupt.ts";
import { DEFAULT_TENANT } from "../protocol/principal.ts";
import type { RunKwargs } from "../protocol/run.ts";
import { runnableConfig } from "../runtime/run-config.ts";

/** A question whose answer the graphs here would not take. */
export interface Break {
  thread_id: string;
  review_id: string;
  graph_id: string;
  node: string;
  title: string;
  waiting_since: string;
  why: string;
}

/** What was found of one graph. */
export interface GraphFound {
  graph_id: string;
  waiting: number;
  fine: number;
  would_break: number;
  /** True when something waits that was not asked with review(). */
  waits_plainly: boolean;
  /** True when its own files pause otherwise; null where it is not here. What a package asks is not seen in them. */
  pauses_plainly: boolean | null;
}

/** What would become of everything that waits. */
export interface CheckResult {
  checked: number;
  would_break: number;
  /** The first of them, longest waiting first. */
  breaks: Break[];
  graphs: GraphFound[];
}

/** Told how far it is. */
export type OnChecked = (checked: number, total: number) => void;

const PAGE = 200;
const TOGETHER = 10;
const LISTED = 1_000;
const TITLE_LENGTH = 200;

/** Holds every waiting question against these graphs, page by page: what is kept meanwhile does not grow with them. */
export async function checkWaiting(database: Database, set: GraphSet, onChecked: OnChecked): Promise<CheckResult> {
  const { total } = await database.one(countWaiting(DEFAULT_TENANT));
  const graphs = new Map([...set.graphs.keys()].map((graph_id) => [graph_id, found(graph_id, set)]));
  const breaks: Break[] = [];
  const judge = createJudge(database, set);
  let checked = 0;
  for (let after: string | null = null; ; ) {
    const page: AskedUnderRow[] = await database.many(waitingAfter(DEFAULT_TENANT, after, PAGE));
    for (let from = 0; from < page.length; from += TOGETHER) {
      const rows = page.slice(from, from + TOGETHER);
      const reasons = await Promise.all(rows.map(judge));
      for (const [index, row] of rows.entries()) note(graphs, breaks, set, row, reasons[index] ?? null);
    }
    checked += page.length;
    onChecked(checked, Math.max(checked, total));
    if (page.length < PAGE) break;
    after = page.at(-1)?.id ?? null;
  }
  const listed = [...graphs.values()].toSorted((a, b) => (a.graph_id < b.graph_id ? -1 : 1));
  keepLongest(breaks);
  const would_break = listed.reduce((sum, graph) => sum + graph.would_break, 0);
  return { checked, would_break, breaks, graphs: listed };
}

function found(graph_id: string, { graphs }: GraphSet): GraphFound {
  const pauses_plainly = graphs.get(graph_id)?.code().pausesPlainly ?? null;
  return { graph_id, waiting: 0, fine: 0, would_break: 0, waits_plainly: false, pauses_plainly };
}

function note(
  graphs: Map<string, GraphFound>,
  breaks: Break[],
  set: GraphSet,
  row: AskedUnderRow,
  why: string | null,
): void {
  const graph = graphs.get(row.graph_id) ?? found(row.graph_id, set);
  graphs.set(row.graph_id, graph);
  graph.waiting += 1;
  if (isPlain(row.flavour)) graph.waits_plainly = true;
  if (why === null) {
    graph.fine += 1;
    return;
  }
  graph.would_break += 1;
  const { thread_id, id: review_id, graph_id, node, opened_at: waiting_since } = row;
  breaks.push({ thread_id, review_id, graph_id, node, title: row.title.slice(0, TITLE_LENGTH), waiting_since, why });
  if (breaks.length >= 2 * LISTED) keepLongest(breaks);
}

/** Of more than can be read, those that have waited longest. */
function keepLongest(breaks: Break[]): void {
  breaks.sort((a, b) => (a.waiting_since < b.waiting_since ? -1 : 1));
  breaks.splice(LISTED);
}

const isPlain = (flavour: Flavour) => flavour !== "review";

type Judge = (row: AskedUnderRow) => Promise<string | null>;

function createJudge(database: Database, set: GraphSet): Judge {
  const saver = createSaver({ pool: database.pool, prepare: database.prepare });
  const compare: Judge = async (row) => {
    const loaded = set.graphs.get(row.graph_id);
    if (loaded === undefined) return missing(row.graph_id, set);
    const question = { ...row, graph_shape: parseGraphShape(row.graph_shape), finished: false };
    const { fingerprint } = loaded;
    const codeDigest = () => loaded.code().digest;
    // Under the same code nothing has to be read.
    const topology = { nodes: {}, keys: {} };
    const state = { held: [], faults: [], missing: [] };
    if (row.graph_fingerprint === fingerprint)
      return redeployRefusal(question, { fingerprint, topology, state, codeDigest });
    const { thread_id, checkpoint_id } = row;
    const [graph, tuple] = await Promise.all([
      loaded.build(await configOf(database, loaded, row)),
      saver.getTuple({ configurable: { thread_id, checkpoint_ns: "", checkpoint_id } }),
    ]);
    if (tuple === undefined) return "the checkpoint that it waits at is gone";
    return redeployRefusal(question, {
      fingerprint,
      codeDigest,
      topology: topologyOf(graph),
      state: await stateFit(graph, tuple.checkpoint.channel_values),
    });
  };
  return (row) =>
    compare(row).catch((error: unknown) => {
      // That the database cannot be read says nothing about a question; anything else is about this one.
      if (error instanceof pg.DatabaseError || (isHoldpointError(error) && error.code === "database_unreachable"))
        throw error;
      return `it cannot be compared: ${error instanceof Error ? error.message : String(error)}`;
    });
}

/** What a factory makes its graph from: the settings of the run that asked. */
async function configOf(database: Database, loaded: LoadedGraph, row: AskedUnderRow): Promise<RunnableConfig> {
  const run = loaded.factory ? await database.maybeOne(selectRunById(DEFAULT_TENANT, row.run_id)) : undefined;
  return run === undefined ? {} : runnableConfig(run, JSON.parse(run.kwargs) as RunKwargs, loaded.fingerprint);
}

function missing(graph_id: string, { errors }: GraphSet): string {
  const mentions = errors.find(({ path, message }) => path.endsWith(`/${graph_id}.ts`) || message.includes(graph_id));
  return mentions === undefined ? "no file here has this graph" : `it is not loaded: ${formatLoadError(mentions)}`;
}
