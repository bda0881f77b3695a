import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { Client } from "@langchain/langgraph-sdk/client";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { decide, reviewsOf } from "../support/client.ts";
import { persist } from "./persist.ts";
import type { Said, ThreadPlan } from "./plan.ts";
import type { World } from "./world.ts";

/** An event as a client saw it. */
export interface SeenEvent {
  seq: number;
  event: string;
  digest: string;
}

/** What the clients of one thread were told. */
export interface Account {
  plan: ThreadPlan;
  /** Runs that were accepted, in the order of their turns. */
  accepted: string[];
  /** What was followed, by run. */
  seen: Map<string, SeenEvent[]>;
  /** By review: what a bot was told that it had decided. */
  won: Map<string, Said>;
  /** Two bots were told that each of them had decided. */
  faults: string[];
}

/** Where the clients ask, as whom, and until when. */
export interface Clients {
  url: string;
  /** The keys of the two bots. */
  keys: string[];
  deadline: number;
  /** What has really happened, for whoever is asked about it. */
  calls: World["calls"];
  /** Aborts at the deadline what would wait for ever. */
  signal: AbortSignal;
}

// Between the end of a run and the look at its thread another may have begun.
const LOOK_AGAIN_MS = 50;
const PATIENCE_MS = 120_000;

/** The fingerprint of an event's data. */
export const digestOf = (data: unknown): string =>
  createHash("sha256").update(JSON.stringify(data)).digest("base64url").slice(0, 16);

/** The question that a review asks. */
export const questionOf = ({ flavour, title, value }: Pick<ReviewTask, "flavour" | "title" | "value">): string =>
  flavour === "review" ? title : String(value);

/** Whether a review asks if an effect has happened. */
export const isDoubt = ({ flavour, value }: Pick<ReviewTask, "flavour" | "value">): boolean =>
  flavour === "review" && (value as { key?: unknown }).key === "effect_in_doubt";

/** Does what the plan of a thread says, through servers that come and go, until nothing of it is left to do. */
export async function drive(clients: Clients, plan: ThreadPlan): Promise<Account> {
  const { thread_id, graph, turns, durability, watched } = plan;
  const account: Account = { plan, accepted: [], seen: new Map(), won: new Map(), faults: [] };
  const again = <Result>(what: string, attempt: () => Promise<Result>) =>
    persist(`${what} of thread ${thread_id}`, attempt, clients.deadline);
  const client = sdk(clients.url, EVENTS_WANTED);
  await again("creation", () => client.threads.create({ threadId: thread_id, ifExists: "do_nothing" }));
  for (const turn of turns) {
    const keyed = sdk(clients.url, { "idempotency-key": `${thread_id}:${turn.turn}` });
    const streamMode: ("values" | "updates")[] = ["values", "updates"];
    const run = { input: { ...turn }, durability, streamMode, streamSubgraphs: true };
    const { run_id } = await again("a run", () => keyed.runs.create(thread_id, graph, run));
    account.accepted.push(run_id);
  }
  const ended = new Set<string>();
  let unansweredSince: number | undefined;
  // Bound: the deadline of every request, and of a pause in which nobody is asked anything.
  for (;;) {
    const runs = (await again("the runs", () => client.runs.list(thread_id, { limit: 100 }))).toReversed();
    const next = runs.find(({ run_id, status }) =>
      watched ? !ended.has(run_id) : status === "pending" || status === "running",
    );
    if (next !== undefined) {
      const { run_id } = next;
      if (watched)
        account.seen.set(
          run_id,
          await again("a stream", () => follow(client, thread_id, run_id, account, clients.signal)),
        );
      else await again("a wait", () => client.runs.join(thread_id, run_id, { signal: clients.signal }));
      ended.add(run_id);
      continue;
    }
    const { status } = await again("the thread", () => client.threads.get(thread_id));
    if (status !== "interrupted" && status !== "busy") return account;
    const asked = await again("answers", () => answerAll(clients, plan, account));
    unansweredSince = asked > 0 ? undefined : (unansweredSince ?? Date.now());
    if (unansweredSince === undefined) continue;
    if (Date.now() - unansweredSince > PATIENCE_MS)
      throw new Error(`thread ${thread_id} is ${status}, and nobody is asked`);
    await pause(LOOK_AGAIN_MS);
  }
}

// Whoever names it is told of the end of a stream by an event of its own.
const EVENTS_WANTED = { accept: "text/event-stream" };

const sdk = (url: string, defaultHeaders: Record<string, string> = {}) =>
  new Client({ apiUrl: url, apiKey: null as never, defaultHeaders, callerOptions: { maxRetries: 0 } });

/** Follows a run to its end. The client comes back by itself, and where it gives up it is asked for the rest. */
async function follow(
  client: Client,
  thread_id: string,
  run_id: string,
  account: Account,
  signal: AbortSignal,
): Promise<SeenEvent[]> {
  // Kept over attempts: a client that comes back must be given what comes next and nothing else.
  const seen = account.seen.get(run_id) ?? [];
  account.seen.set(run_id, seen);
  const last = seen.at(-1)?.seq;
  const options = last === undefined ? { signal } : { signal, lastEventId: String(last) };
  for await (const { id, event, data } of client.runs.joinStream(thread_id, run_id, options)) {
    if ((event as string) === "end") return seen;
    // What has no number of its own is given that of the event before it, as the standard says.
    if (id !== undefined) seen.push({ seq: Number(id), event, digest: digestOf(data) });
  }
  throw new Error("the stream was cut");
}

/** Answers what is open on a thread; how many questions that were. */
async function answerAll(clients: Clients, plan: ThreadPlan, account: Account): Promise<number> {
  const { url, keys } = clients;
  const open = await reviewsOf(url, plan.thread_id, "open");
  if (!Array.isArray(open)) throw new Error("the reviews were not listed");
  for (const review of open) {
    if (isDoubt(review)) {
      await tellTheTruth(clients, review, account);
      continue;
    }
    const said = plan.answers[questionOf(review)];
    if (said === undefined) throw Object.assign(new Error(`asked ${questionOf(review)}`), { status: 400 });
    const answers = await Promise.all(
      said.map(async (decision, bot) => ({
        decision,
        ...(await decide(url, review, decision, { key: keys[bot] as string })),
      })),
    );
    for (const { status, decision, body } of answers) {
      if (status === 200) claimWin(account, review.id, decision);
      else if (status < 500 && status !== 409) account.faults.push(`a decision got ${status}: ${JSON.stringify(body)}`);
    }
  }
  return open.length;
}

/** Looks where it would have happened, and says so: its result, or that it is to be tried again. */
async function tellTheTruth({ url, keys, calls }: Clients, review: ReviewTask, { faults }: Account): Promise<void> {
  const { arguments: args } = review.actions[0]!.args as { arguments: { call: string } };
  const [nonce] = calls.get(args.call)?.nonces ?? [];
  const value = nonce === undefined ? { try_again: true } : { happened: { nonce } };
  const { status, body } = await decide(url, review, { type: "respond", value }, { key: keys[0] as string });
  if (status !== 200 && status < 500 && status !== 409) faults.push(`the truth got ${status}: ${JSON.stringify(body)}`);
}

function claimWin({ won, faults }: Account, review_id: string, decision: Said): void {
  const other = won.get(review_id);
  if (other !== undefined && JSON.stringify(other) !== JSON.stringify(decision))
    faults.push(`review ${review_id} was won twice`);
  won.set(review_id, decision);
}
