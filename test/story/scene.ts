import { afterAll, beforeAll } from "vitest";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { type Answer, ask, openReview, sdk } from "../support/client.ts";
import { openRefundHouse, type RefundHouse } from "../support/refund-house.ts";
import { refundExample } from "../support/refund-shop.ts";
import { type Server, startServer } from "../support/server.ts";
import { until } from "../support/until.ts";

/** The database that the tests of one file share. */
export let house: RefundHouse;
/** The server. */
export let server: Server;

/** Opens both for the tests of the file that calls it. */
export function openScene(): void {
  beforeAll(async () => {
    house = await openRefundHouse();
    server = await startServer({ databaseUrl: house.url, shared: true });
  }, 120_000);
  afterAll(async () => {
    await server?.kill9();
    await house?.close();
  });
}

/** The official client. */
export const client = () => sdk(server.url);
/** The example, which is guarded. */
export const GUARDED = "refund-approval";
/** Yes. */
export const approval = { decisions: [{ type: "approve" }] };

/** A thread that waits for a person. */
export interface Waiting {
  thread_id: string;
  review: ReviewTask;
  /** The checkpoint before the head. */
  older: string;
  input: Record<string, unknown>;
}

/** Starts a graph and gives what it asks. */
export async function startWaiting(graph: string): Promise<Waiting> {
  const { thread_id } = await client().threads.create();
  const input = graph === GUARDED ? await refundExample("large") : { amount: 5 };
  await client().runs.wait(thread_id, graph, { input });
  const history = await client().threads.getHistory(thread_id);
  const older = history[1]?.checkpoint.checkpoint_id as string;
  return { thread_id, review: await openReview(server.url, thread_id), older, input };
}

/** Starts a run, over the LangGraph API. */
export const run = async (graph: string, thread_id: string, body: object, key?: string): Promise<Answer> =>
  await ask(server.url, `/threads/${thread_id}/runs`, { body: { assistant_id: graph, ...body }, key });

/** Resumes over the LangGraph API. */
export const resume = (graph: string, thread_id: string, value: unknown, more: object = {}) =>
  run(graph, thread_id, { command: { resume: value }, ...more });

/** What a refusal comes down to. */
export const said = ({ status, code }: Answer) => `${status} ${code}`;

/** The thread at rest: every run of it has ended. */
export async function settled(thread_id: string): Promise<void> {
  await until("every run has ended", async () => {
    const runs = await client().runs.list(thread_id, { limit: 100 });
    return runs.every(({ status }) => status !== "pending" && status !== "running");
  });
}
