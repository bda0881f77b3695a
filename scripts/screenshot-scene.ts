// What the pictures show: a few days in a music shop, lived through in seconds by moving the database's clock.
import { readFile, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Client } from "@langchain/langgraph-sdk";
import type { Pool } from "pg";
import { benchFolder, startServer } from "../bench/server.ts";
import { bootEmbedded } from "../src/postgres/embedded.ts";
import { openPool } from "../src/postgres/pool.ts";

/** The moment at which everything is looked at, so that the same times stand in the pictures whenever they are made. */
export const NOW = new Date("2026-03-05T14:30:00Z");

// So that what was asked three hours ago is not shown as two hours and 59 minutes.
const A_LITTLE_SECONDS = 30;
const GRAPH = "refund-approval";
const fromHere = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** What the pictures need of a review. */
export interface Asked {
  id: string;
  request_digest: string;
  actions: { args: Record<string, unknown> }[];
}

/** A run as it was started, and the review that it asked for, if it did. */
export interface Told {
  run_id: string;
  asked: Asked | undefined;
}

/** A server with a past. */
export interface Scene {
  url: string;
  /** Has the database believe that it is so many seconds before the moment of the pictures. */
  setClock(secondsBefore: number): Promise<void>;
  /** Starts a run on a message of a customer and waits until it has ended or asks. */
  tell(secondsBefore: number, input: Message): Promise<Told>;
  /** Somebody decides a review; gives the run that carries the answer. */
  decide(secondsBefore: number, who: string, asked: Asked, decision: Decision): Promise<void>;
  /** Nothing of the machine that makes the pictures is in them, and its worker has been heard of, whatever the clock did. */
  nameWorker(): Promise<void>;
  close(): Promise<void>;
}

/** What a customer writes. */
export interface Message {
  email: string;
  message: string;
}

/** What is sent as a decision. */
export interface Decision {
  decision: Record<string, unknown>;
  comment?: string;
}

/** Starts a server with a PostgreSQL of its own in a temporary folder. */
export async function openScene(): Promise<Scene> {
  // The pictures are of the product as it comes, whatever is set here.
  for (const name of Object.keys(process.env)) {
    if (/^(HOLDPOINT_|OPENAI_|DATABASE_URL$)/.test(name)) delete process.env[name];
  }
  const folder = await benchFolder();
  const server = await startServer(folder, fromHere("../workflows"));
  const postgres = await bootEmbedded({ dataDir: folder });
  const pool = openPool({ connectionString: postgres.url, max: 2 });
  const client = new Client({ apiUrl: server.url });
  const keys = new Map<string, string>();
  const setClock = async (secondsBefore: number) => await moveClock(pool, secondsBefore);
  return {
    url: server.url,
    setClock,
    async tell(secondsBefore, input) {
      await setClock(secondsBefore + A_LITTLE_SECONDS);
      const { thread_id } = await client.threads.create();
      const { run_id } = await client.runs.create(thread_id, GRAPH, {
        input: { ...input },
        streamMode: ["values", "updates", "tasks"],
      });
      await client.runs.join(thread_id, run_id);
      await pool.query(DATED, [run_id, NOW, secondsBefore]);
      const [asked] = await send<Asked[]>(`${server.url}/reviews?status=open&thread_id=${thread_id}`);
      return { run_id, asked };
    },
    async decide(secondsBefore, who, asked, { decision, comment }) {
      await setClock(secondsBefore);
      const key = keys.get(who) ?? (await keyFor(server.url, who));
      keys.set(who, key);
      const body = { decisions: [decision], seen_digest: asked.request_digest, ...(comment && { comment }) };
      const { run_id, review } = await send<{ run_id: string; review: { thread_id: string } }>(
        `${server.url}/reviews/${asked.id}/decision`,
        { body, key },
      );
      await client.runs.join(review.thread_id, run_id);
      await pool.query(DATED, [run_id, NOW, secondsBefore]);
    },
    nameWorker: async () => void (await pool.query(NAMED, [NOW])),
    async close() {
      await pool.end();
      await server.stop();
      await postgres.release();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

// LangGraph dates checkpoints by the clock of the process, which nobody can move.
const DATED = `
  update holdpoint.checkpoint
  set body = regexp_replace(body, '"ts":"[^"]*"', format('"ts":%s', to_json($2::timestamptz - make_interval(secs => $3))))
  where run_id = $1::uuid`;

const NAMED = `
  update holdpoint.worker
  set hostname = 'shop-1', process_id = 4711, started_at = $1::timestamptz - interval '3 days',
    heartbeat_at = holdpoint.now()`;

async function moveClock(pool: Pool, secondsBefore: number): Promise<void> {
  await pool.query(
    "update holdpoint.clock set shift = $1::timestamptz - make_interval(secs => $2) - pg_catalog.clock_timestamp()",
    [NOW, secondsBefore],
  );
}

/** One of the example inputs. */
export async function exampleOf(name: string): Promise<Message> {
  return JSON.parse(await readFile(fromHere(`../examples/refund-${name}.json`), "utf8")) as Message;
}

async function keyFor(url: string, name: string): Promise<string> {
  const principal_id = name.toLowerCase();
  const permissions = ["runs:read", "review:read", "review:decide"];
  const body = { name, principal: { principal_id, kind: "user", display_name: name }, permissions };
  return (await send<{ secret: string }>(`${url}/api-keys`, { body })).secret;
}

async function send<Body>(url: string, { body, key }: { body?: unknown; key?: string } = {}): Promise<Body> {
  const response = await fetch(url, {
    method: body === undefined ? "GET" : "POST",
    headers: {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(key === undefined ? {} : { "x-api-key": key }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Body;
}
