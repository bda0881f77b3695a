import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { createApp } from "../../src/http/app.ts";
import { createReviewFeeds } from "../../src/http/review-feed.ts";
import { createRunFeeds } from "../../src/http/run-feed.ts";
import { createThreadFeeds } from "../../src/http/thread-feed.ts";
import { registerAssistants } from "../../src/postgres/assistants.ts";
import { ensureLocalOwner } from "../../src/postgres/identity.ts";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { type House, openHouse } from "../support/house.ts";
import { violations } from "../support/invariants.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { reviewsOf } from "../support/reviewer.ts";
import { createWorkflowFolder } from "../support/workflow-folder.ts";

/** One version of the workflows, as a server and a worker that have just been started with it. */
export interface Version {
  house: House;
  /** Decides over HTTP, bound to what the review shows. */
  decide(review: ReviewTask, decision: object): Promise<Said>;
  /** Asks over HTTP. */
  post(path: string, body: unknown): Promise<Said>;
  /** Runs what is queued. */
  settle(): Promise<void>;
}

/** What was answered. */
export interface Said {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the server says.
  body: any;
}

let database: TestDatabase;
const versions = new Map<string, Version>();

/** One database for all versions of the file that calls it; the invariants hold after each test. */
export function openScene(): void {
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterEach(async () => {
    for (const { house } of [...versions.values()].slice(0, 1)) expect(await violations(house.database)).toEqual([]);
  });
  afterAll(async () => {
    for (const { house } of versions.values()) await house.close();
    versions.clear();
    await database.drop();
  });
}

/** Starts this version beside those that are running, or gives the one that is; its graphs have to load. */
export async function deploy(files: Record<string, string>): Promise<Version> {
  const key = JSON.stringify(files);
  const version = versions.get(key) ?? (await start(files));
  versions.set(key, version);
  return version;
}

async function start(files: Record<string, string>): Promise<Version> {
  const folder = await createWorkflowFolder(files);
  const house = await openHouse(folder.directory, {}, { ...database, drop: folder.drop });
  expect(house.graphs.errors).toEqual([]);
  await ensureLocalOwner(house.database);
  await registerAssistants(house.database, house.graphs.graphs.values());
  const app = createApp({
    ...house.parts,
    runFeeds: createRunFeeds(house.parts),
    reviewFeeds: createReviewFeeds(house.parts),
    threadFeeds: createThreadFeeds(house.parts),
    settings: { version: "0.0.0-test", maxBodyBytes: 100_000, allowScalarResume: true, loopbackOwner: true },
    isReady: () => ({ ready: true, reasons: [] }),
  });
  const post = async (path: string, body: unknown) => {
    const headers = { "content-type": "application/json" };
    const request = new Request(`http://127.0.0.1${path}`, { method: "POST", body: JSON.stringify(body), headers });
    const response = await app.fetch(request);
    const text = await response.text();
    // What the clients of LangGraph ask is refused in words.
    const said = (text.startsWith("{") ? JSON.parse(text) : { message: text }) as { error?: { facts?: object } };
    return { status: response.status, body: { ...said, ...said.error, ...said.error?.facts } };
  };
  return {
    house,
    post,
    decide: ({ id, request_digest }, decision) =>
      post(`/reviews/${id}/decision`, { decisions: [decision], seen_digest: request_digest }),
    settle: () => house.settle(),
  };
}

/** Starts a graph and gives the one question at which it waits. */
export async function startWaiting({ house }: Version, graph_id = "pay"): Promise<ReviewTask> {
  const { thread_id } = await house.start(graph_id, { input: { amount: 5 } });
  await house.settle();
  return await theOpen(house, thread_id);
}

/** The one question that a thread waits at. */
export async function theOpen(house: House, thread_id: string): Promise<ReviewTask> {
  const open = await reviewsOf(house, thread_id, "open");
  expect(open).toHaveLength(1);
  return open[0] as ReviewTask;
}

/** What the thread has done in the world. */
export async function paid({ house }: Version, thread_id: string): Promise<unknown[]> {
  const { rows } = await house.database.pool.query(
    "select args::json ->> 'amount' as amount from holdpoint.effect where thread_id = $1 and status = 'receipt'",
    [thread_id],
  );
  return rows.map(({ amount }) => Number(amount));
}

/** What the thread's nodes have written down. */
export async function logOf({ house }: Version, thread_id: string): Promise<string[]> {
  return JSON.parse((await house.thread(thread_id)).values ?? "{}").log;
}

/** Goes on without input, which asks again. */
export async function goOn({ house }: Version, thread_id: string, graph_id = "pay") {
  const run = await house.start(graph_id, { input: null }, { thread_id });
  await house.settle();
  return await house.run(run.run_id);
}

/** A graph that proposes, asks and pays; how it asks is given. */
export function payGraph(ask: string): string {
  return `import { END, interrupt, START, StateGraph, StateSchema } from "@langchain/langgraph";
import { effect, review } from "holdpoint";
import { z } from "zod";

const State = new StateSchema({ amount: z.number(), log: z.array(z.string()).default([]) });
type S = typeof State.State;
const schema = z.object({ amount: z.number() });

const propose = async (state: S) => ({ log: [...state.log, "propose"] });
${ask}
const pay = async (state: S) => {
  await effect({ name: "pay", kind: "idempotent", args: { amount: state.amount }, run: async ({ effect_id }) => ({ effect_id }) });
  return { log: [...state.log, "pay"] };
};

export default new StateGraph(State)
  .addNode("propose", propose)
  .addNode("ask", ask, { ends: ["pay", END] })
  .addNode("pay", pay)
  .addEdge(START, "propose")
  .addEdge("propose", "ask")
  .addConditionalEdges("ask", (state: S) => (state.log.at(-1) === "no" ? END : "pay"), ["pay", END])
  .addEdge("pay", END);
`;
}

/** Asks with review(). */
export const REVIEWED = payGraph(`const ask = async (state: S) => {
  const [decision] = await review({ key: "pay", title: "Pay?", actions: [{ name: "pay", args: { amount: state.amount }, schema }] });
  return { log: [...state.log, decision.type === "approve" ? "yes" : "no"] };
};`);

/** Asks with a plain interrupt(). */
export const PLAIN = payGraph(`const ask = async (state: S) => {
  const answer = interrupt("refund?");
  return { log: [...state.log, answer === "yes" ? "yes" : "no"] };
};`);

/** given a change to a source that asks: what it becomes. */
export const change = (source: string, from: string | RegExp, to: string) => {
  const changed = source.replaceAll(from, to);
  expect(changed).not.toBe(source);
  return changed;
};

/** The links of a review's chain. */
export async function links({ house }: Version, review_id: string) {
  const { rows } = await house.database.pool.query(
    "select kind, body::json as body from holdpoint.audit where review_id = $1 order by review_seq",
    [review_id],
  );
  return rows as { kind: string; body: Record<string, unknown> }[];
}
