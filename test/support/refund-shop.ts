import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { Command, MemorySaver } from "@langchain/langgraph";
import type pg from "pg";
import type { LoadedGraph } from "../../src/graphs/graph-set.ts";
import { formatLoadError } from "../../src/graphs/graph-set.ts";
import { loadGraphs } from "../../src/graphs/load.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { seedChinook } from "../../src/postgres/seed-chinook.ts";
import { type ReviewValue, reviewValueSchema } from "../../src/protocol/interrupt.ts";
import { createMemoryEffects, type MemoryEffects, withTestPorts } from "../../src/testing.ts";
import { createTestDatabase } from "./postgres.ts";
import { virtualModules } from "./workflow-folder.ts";

/** The state of the refund graph, as far as tests read it. */
export interface RefundOutcome {
  outcome: string;
  answer: string;
  analysis: { method: string; note: string; confidence: number; value: { invoice_id: number | null } };
  findings: { code: string; severity: string }[];
  receipt: { status: string; amount?: string; left?: string; reason?: string; refund_id?: string } | null;
}

/** One thread of the refund graph, with the ports of a server and without one. */
export interface RefundCase {
  effects: MemoryEffects;
  /** Every node that has finished, in order. */
  nodes: string[];
  send(input: unknown): Promise<void>;
  /** What the reviewer sees. */
  shown(): Promise<ReviewValue>;
  decide(decision: Record<string, unknown>): Promise<void>;
  state(): Promise<RefundOutcome>;
}

/** The refund graph on a Chinook of its own. */
export interface RefundShop {
  graph: LoadedGraph;
  /** As the owner of the database, for what a test does behind the graph's back. */
  admin: pg.Pool;
  openCase(): Promise<RefundCase>;
  startCase(input: unknown): Promise<RefundCase>;
  refunds(): Promise<{ invoice_id: number; amount: string }[]>;
  /** Books a refund behind the graph's back. */
  book(invoice_id: number, amount: string): Promise<void>;
  clear(): Promise<void>;
  close(): Promise<void>;
}

/** Seeds a database and loads the graph. */
export async function openRefundShop(): Promise<RefundShop> {
  const home = await createTestDatabase();
  const { connection } = await seedChinook({ url: home.url });
  const pool = openPool(connection);
  const admin = openPool({ connectionString: home.url, max: 2 });
  const set = await loadGraphs({ directory: "workflows", virtualModules });
  const graph = set.graphs.get("refund-approval");
  if (graph === undefined) throw new Error(set.errors.map(formatLoadError).join("\n"));
  const openCase = () => openRefundCase(graph, pool);
  return {
    graph,
    admin,
    openCase,
    async startCase(input) {
      const opened = await openCase();
      await opened.send(input);
      return opened;
    },
    async refunds() {
      const text = "select invoice_id, amount::text from chinook.refund order by created_at";
      return (await admin.query<{ invoice_id: number; amount: string }>(text)).rows;
    },
    async book(invoice_id, amount) {
      const text = "insert into chinook.refund (effect_id, invoice_id, amount, reason) values ($1, $2, $3, 'booked')";
      await admin.query(text, [randomUUID(), invoice_id, amount]);
    },
    async clear() {
      await admin.query("delete from chinook.refund");
    },
    async close() {
      await pool.end();
      await admin.end();
      await home.drop();
    },
  };
}

/** One of the example inputs. */
export async function refundExample(name: string): Promise<Record<string, string>> {
  return JSON.parse(await readFile(`examples/refund-${name}.json`, "utf8")) as Record<string, string>;
}

async function openRefundCase(loaded: LoadedGraph, pool: pg.Pool): Promise<RefundCase> {
  const graph = await loaded.build({});
  graph.checkpointer = new MemorySaver();
  const config = { configurable: { thread_id: randomUUID() } };
  const effects = createMemoryEffects();
  const nodes: string[] = [];
  const send = (input: unknown) =>
    withTestPorts({ effects, databases: { chinook: pool } }, async () => {
      const stream = await graph.stream(input, { ...config, streamMode: "updates" });
      for await (const update of stream as AsyncIterable<Record<string, unknown>>) {
        nodes.push(...Object.keys(update).filter((name) => !name.startsWith("__")));
      }
    });
  const shown = async () => {
    const { tasks } = await graph.getState(config);
    return reviewValueSchema.parse(tasks[0]?.interrupts[0]?.value);
  };
  return {
    effects,
    nodes,
    send,
    shown,
    async decide(decision) {
      const { value_digest } = await shown();
      await send(new Command({ resume: { value_digest, decisions: [decision] } }));
    },
    state: async () => (await graph.getState(config)).values as RefundOutcome,
  };
}
