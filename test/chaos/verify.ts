import type pg from "pg";
import { createSaver } from "../../src/postgres/checkpointer/saver.ts";
import { type Account, digestOf, isDoubt, questionOf, type SeenEvent } from "./client.ts";
import { expectedLines, type Line, type Said } from "./plan.ts";
import type { Call } from "./world.ts";

interface RunRow {
  run_id: string;
  kind: string;
  status: string;
  error: string | null;
  /** How each attempt at it went, for whoever reads a failure. */
  attempts: string | null;
}

interface ReviewRow {
  id: string;
  run_id: string;
  status: string;
  title: string;
  flavour: "review" | "raw";
  value: string;
  decisions: string | null;
}

const POISON = "poison";
const LOSSES_OF_POISON = 5;

/** What is wrong with a thread after everything has ended; empty when nothing is. */
export async function faultsOf(pool: pg.Pool, account: Account, calls: ReadonlyMap<string, Call>): Promise<string[]> {
  const { thread_id, graph } = account.plan;
  const rows = async <Row extends pg.QueryResultRow>(text: string) => (await pool.query<Row>(text, [thread_id])).rows;
  const runs = await rows<RunRow>(RUNS);
  const reviews = await rows<ReviewRow>(REVIEWS);
  const [thread] = await rows<{ status: string; values: string | null }>(THREAD);
  const shown = thread?.values == null ? [] : (JSON.parse(thread.values).log as string[]);
  const head = await createSaver({ pool }).getTuple({ configurable: { thread_id } });
  const log = (head?.checkpoint.channel_values["log"] ?? []) as string[];
  const events = await rows<{ run_id: string; seq_from: number; body: string }>(EVENTS);
  const isStale = runs.some((run) => codeOf(run) === POISON);
  const doubts = reviews.filter(doubted);
  const dropped = new Set(doubts.filter(({ status }) => status === "superseded").map(({ run_id }) => run_id));
  const asked = reviews.filter((review) => !doubted(review));
  const faults = [
    ...account.faults,
    ...runFaults(account, runs),
    ...reviewFaults(account, asked, runs.at(-1)?.status === "error"),
    ...doubts.flatMap(doubtFaults),
    ...logFaults({ account, runs, reviews: asked, dropped, log, calls }),
    ...[...account.seen].flatMap(([run_id, seen]) => streamFaults(run_id, seen, events)),
    ...(isStale ? [] : openFaults(await rows<{ run_id: string; name: string }>(OPEN_EFFECTS), dropped)),
  ];
  // Nobody forked these threads: where two checkpoints follow one, one of them is of a worker that had lost its lease.
  for (const fork of await rows(FORKS)) faults.push(`two checkpoints follow one: ${JSON.stringify(fork)}`);
  // Who gives a run up as poison executes nothing, and leaves the thread with the values it showed before.
  if (shown.join() !== (isStale ? log.slice(0, shown.length) : log).join()) {
    faults.push(`the head has the log ${log.join()}, shown is ${shown.join()}`);
  }
  const expected = runs.at(-1)?.status === "error" ? "error" : "idle";
  if (thread?.status !== expected) faults.push(`the thread is ${thread?.status} and not ${expected}`);
  return faults.map((fault) => `${graph} ${thread_id}: ${fault}`);
}

function runFaults({ accepted }: Account, runs: readonly RunRow[]): string[] {
  const faults: string[] = [];
  const started = runs.filter(({ kind }) => kind === "run").map(({ run_id }) => run_id);
  if (started.join() !== accepted.join()) faults.push(`accepted were ${accepted.join()}, there are ${started.join()}`);
  for (const run of runs) {
    // An attempt that was given back has stored nothing either, and is no loss.
    const attempts = (run.attempts ?? "").split(", ").filter((attempt) => !attempt.includes(" drained "));
    const last = attempts.slice(-LOSSES_OF_POISON);
    const isPoison = last.length === LOSSES_OF_POISON && last.every((attempt) => attempt.includes("lease_lost"));
    const isWell = run.status === "success" || (codeOf(run) === POISON && isPoison);
    if (!isWell) faults.push(`run ${run.run_id} is ${run.status}: ${run.error} after ${run.attempts}`);
  }
  return faults;
}

const codeOf = ({ error }: RunRow): string | null => (error === null ? null : JSON.parse(error).error);

const doubted = ({ flavour, value }: ReviewRow) => isDoubt({ flavour, value: JSON.parse(value) });

/** What asks if an effect has happened is answered, or the next turn has come before its answer. */
function doubtFaults({ status, title }: ReviewRow): string[] {
  return status === "closed" || status === "superseded" ? [] : [`the question ${title} is ${status}`];
}

/** Every effect that was started has a receipt, but for those about which nobody could be asked any more. */
function openFaults(open: readonly { run_id: string; name: string }[], dropped: ReadonlySet<string>): string[] {
  if (open.length === dropped.size) return [];
  return [
    `of ${open.length} effects nobody knows what became, and ${dropped.size} questions were dropped: ${JSON.stringify(open)}`,
  ];
}

function reviewFaults({ won, plan }: Account, reviews: readonly ReviewRow[], isFailed: boolean): string[] {
  const faults: string[] = [];
  const ends = isFailed ? ["closed", "resume_failed"] : ["closed"];
  const asked = reviews.map((review) => question(review));
  if (new Set(asked).size !== asked.length) faults.push(`asked twice: ${asked.join()}`);
  for (const review of reviews) {
    if (!ends.includes(review.status)) faults.push(`review ${question(review)} is ${review.status}`);
    const said = decisionOf(review);
    const told = won.get(review.id);
    if (told !== undefined && JSON.stringify(said) !== JSON.stringify(told)) {
      faults.push(`a bot was told ${JSON.stringify(told)} of ${question(review)}, kept is ${JSON.stringify(said)}`);
    }
    const wanted = plan.answers[question(review)]?.map((answer) => JSON.stringify(answer));
    if (said !== undefined && !wanted?.includes(JSON.stringify(said)))
      faults.push(`nobody said ${JSON.stringify(said)}`);
  }
  return faults;
}

const question = ({ flavour, title, value }: ReviewRow) => questionOf({ flavour, title, value: JSON.parse(value) });

function decisionOf({ decisions }: ReviewRow): Said | undefined {
  if (decisions === null) return undefined;
  const [{ action: _first, ...said }] = JSON.parse(decisions);
  return said.type === "edit" ? { type: said.type, args: said.args } : said;
}

interface Written {
  account: Account;
  runs: readonly RunRow[];
  reviews: readonly ReviewRow[];
  /** Runs whose question about an effect was dropped for the next turn. */
  dropped: ReadonlySet<string>;
  log: readonly string[];
  calls: ReadonlyMap<string, Call>;
}

/** The log has what each run was to do, in the order of the queue; of one that failed or was left what came before. */
function logFaults({ account: { plan }, runs, reviews, dropped, log, calls }: Written): string[] {
  const answers = new Map(reviews.map((review) => [question(review), decisionOf(review) as Said]));
  const failed = runs.find(({ status }) => status === "error");
  const started = runs.filter(({ kind }) => kind === "run");
  const lines = plan.turns.flatMap((turn, position) => {
    const all = expectedLines(plan, turn, answers);
    const cut = plan.graph === "errand" ? started[position] : failed;
    if (cut !== undefined && dropped.has(cut.run_id)) return all.slice(0, all.findIndex(isOnce));
    if (cut === undefined || cut.status !== "error") return all;
    return all.slice(0, log.filter((entry) => entry.startsWith(`${turn.turn}.`)).length);
  });
  const written = log.map((entry) => entry.replace(/=n[-\w]+$/, ""));
  const expected = lines.map((line) => ("text" in line ? line.text : line.call));
  if (written.join() !== expected.join()) return [`log is ${log.join()}, not ${expected.join()}`];
  return lines.flatMap((line, position) => callFaults(plan.thread_id, line, log[position] as string, calls));
}

const isOnce = (line: Line) => "kind" in line && line.kind === "once";

function callFaults(thread_id: string, line: Line, entry: string, calls: ReadonlyMap<string, Call>): string[] {
  if ("text" in line) return [];
  const nonce = entry.slice(entry.indexOf("=") + 1);
  const call = calls.get(`${thread_id}/${line.call.replace(".", "/")}`);
  return call?.nonces.has(nonce) ? [] : [`${entry} was never answered by the world`];
}

const isFirstAttempt = (data: unknown) => (data as { attempt?: number } | null)?.attempt === 1;

/** Every stored event of a run exactly once, in order and as it is stored. Attempts are announced without a number too. */
function streamFaults(
  run_id: string,
  seen: readonly SeenEvent[],
  rows: readonly { run_id: string; seq_from: number; body: string }[],
): string[] {
  const stored = rows
    .filter((row) => row.run_id === run_id)
    .flatMap(({ seq_from, body }) =>
      (JSON.parse(body) as { event: string; data: unknown }[]).map(({ event, data }, position) => ({
        place: Number(seq_from) + position,
        event,
        data,
      })),
    )
    // Clients count from the announcement of the first attempt on, also where nothing of that was stored.
    .map(({ place, event, data }, _index, [first]) => ({
      seq: place - (first?.place ?? 0) + (isFirstAttempt(first?.data) ? 0 : 1),
      event,
      digest: digestOf(data),
    }))
    .filter(({ event }) => event !== "metadata");
  const shown = seen.filter(({ event }) => event !== "metadata");
  // The end of a run that was ended from outside is told without being an event of its own.
  const [before, last] = shown.slice(-2);
  if (last?.event === "error" && before?.event !== "error" && last.seq === before?.seq) shown.pop();
  const text = (events: readonly SeenEvent[]) => events.map(({ seq, event, digest }) => `${seq} ${event} ${digest}`);
  const [got, wanted] = [text(shown), text(stored)];
  if (got.join() === wanted.join()) return [];
  const at = wanted.findIndex((event, position) => got[position] !== event);
  return [
    `the stream of run ${run_id} has ${got.length} events of ${wanted.length}; first other: ${got[at]}, not ${wanted[at]}`,
  ];
}

/** What is wrong with the calls that the world has got. */
export function worldFaults(calls: ReadonlyMap<string, Call>): string[] {
  return [...calls].flatMap(([call, { kind, effects }]) => {
    const times = [...effects.values()].reduce((sum, count) => sum + count, 0);
    if (kind === "once" && times > 1) return [`the once effect ${call} was executed ${times} times`];
    if (kind === "idempotent" && effects.size > 1) return [`${call} came under ${effects.size} effect ids`];
    return [];
  });
}

const RUNS = `select run_id, kind, status, error, (
    select string_agg(format('%s %s %s-%s', a.worker_id, a.outcome, to_char(a.started_at, 'MI:SS.MS'), to_char(a.ended_at, 'MI:SS.MS')), ', ' order by a.attempt)
    from holdpoint.run_attempt a where a.run_id = r.run_id) as attempts
  from holdpoint.run r where thread_id = $1 order by queue_seq`;
const REVIEWS = `select v.id, v.run_id, v.status, v.title, v.flavour, v.value, d.decisions
  from holdpoint.review v left join holdpoint.decision d on d.review_id = v.id
  where v.thread_id = $1 order by v.opened_at, v.id`;
const FORKS = `select checkpoint_ns, parent_checkpoint_id, count(*)::int as followers from holdpoint.checkpoint
  where thread_id = $1 group by checkpoint_ns, parent_checkpoint_id having count(*) > 1`;
const THREAD = `select status, "values" from holdpoint.thread where thread_id = $1`;
const EVENTS = "select run_id, seq_from, body from holdpoint.event where thread_id = $1 order by seq_from";
const OPEN_EFFECTS =
  "select run_id, name from holdpoint.effect where thread_id = $1 and kind = 'once' and status <> 'receipt'";
