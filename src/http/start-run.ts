import { randomUUID } from "node:crypto";
import { checkInput } from "../graphs/check-input.ts";
import { guardedIn, type LoadedGraph } from "../graphs/graph-set.ts";
import { isHeld, stamped } from "../policy/access-filter.ts";
import { refuseSideDoors, refuseSwitches } from "../policy/guarded.ts";
import { isOpen } from "../policy/review/lifecycle.ts";
import { createRun, type ThreadAccess } from "../postgres/create-run.ts";
import { startedRun } from "../postgres/idempotency.ts";
import { resumeThread } from "../postgres/resume.ts";
import { newestReviewsOfThread } from "../postgres/reviews.sql.ts";
import type { RunRow } from "../postgres/runs.sql.ts";
import { selectThread, type ThreadRow } from "../postgres/threads.sql.ts";
import type { Assistant } from "../protocol/assistant.ts";
import { HoldpointError } from "../protocol/errors.ts";
import { projectUserOf } from "../protocol/principal.ts";
import type { RunCreate } from "../protocol/run.ts";
import { authorise } from "./authenticate.ts";
import { bypassOf } from "./bypass.ts";
import { checkWebhook } from "./check-webhook.ts";
import { invalid } from "./failure.ts";
import { factsForAnswer, graphForRun, startableAssistant } from "./find-graph.ts";
import { type Creation, once } from "./idempotency.ts";
import { takeBackMoved } from "./moved-questions.ts";
import type { Call } from "./route.ts";
import { commandOf, runKwargs, startedBy } from "./run-kwargs.ts";
import { priorityOf } from "./run-priority.ts";
import { timeoutOf } from "./run-timeout.ts";
import { startTtl } from "./thread-ttl.ts";

interface Wish extends Creation<RunCreate> {
  thread_id: string;
  assistant: Assistant;
  graph: LoadedGraph;
  thread: ThreadRow | undefined;
  /** Whether its thread, which is made for it, ends with it. */
  temporary: boolean;
}

/**
 * Accepts a run, or takes an answer: a request with `command.resume`, and an empty one at a static breakpoint, are
 * decisions and go the way of every decision. An equal request with the same key gets the same run.
 */
export async function startRun(
  call: Call,
  thread_id: string,
  creation: Creation<RunCreate>,
  { temporary = false }: { temporary?: boolean } = {},
): Promise<RunRow> {
  const run = await once(
    call,
    creation.keyed,
    () => start(call, thread_id, creation, temporary),
    (started) => startedRun(call.deps.database, call.principal.tenant_id, started),
  );
  call.deps.wakeups.wake("runs", run.thread_id);
  const { run_id, graph_id } = run;
  call.deps.log.info(
    { run_id, thread_id: run.thread_id, graph_id, principal_id: call.principal.principal_id },
    "run accepted",
  );
  return run;
}

async function start(
  call: Call,
  thread_id: string,
  { body, keyed }: Creation<RunCreate>,
  temporary: boolean,
): Promise<RunRow> {
  const { database } = call.deps;
  const webhook = checkWebhook(call, body.webhook);
  const [assistant, thread] = await Promise.all([
    startableAssistant(call, body.assistant_id),
    database.maybeOne(selectThread(call.principal.tenant_id, thread_id)),
  ]);
  if (thread !== undefined && !isHeld(call.access.of("threads"), thread.metadata)) throw noThread(thread_id);
  const graph = graphForRun(call, assistant.graph_id);
  const wish: Wish = {
    thread_id,
    keyed,
    body: { ...body, webhook, command: commandOf(body), timeout: timeoutOf(call, body) },
    assistant,
    graph,
    thread,
    temporary,
  };
  if (await isAnswer(call, wish)) return await answerWith(call, wish);
  const run = await queueRun(call, wish);
  if (thread === undefined) await startTtl(call, thread_id);
  return run;
}

async function isAnswer(call: Call, { thread_id, body }: Wish): Promise<boolean> {
  if (body.command != null) return "resume" in body.command;
  if (body.input != null) return false;
  const from = body.checkpoint?.checkpoint_id ?? body.checkpoint_id ?? null;
  const reviews = await call.deps.database.many(newestReviewsOfThread(call.principal.tenant_id, thread_id));
  return reviews.some(
    ({ status, flavour, checkpoint_id }) =>
      isOpen(status) && flavour === "breakpoint" && (from === null || from === checkpoint_id),
  );
}

async function queueRun(call: Call, wish: Wish): Promise<RunRow> {
  const { thread_id, body, keyed, assistant, graph, thread, temporary } = wish;
  const multitask_strategy = body.multitask_strategy ?? "enqueue";
  if (multitask_strategy === "interrupt" || multitask_strategy === "rollback") authorise(call.principal, "runs:cancel");
  if (thread === undefined && body.if_not_exists !== "create") throw noThread(thread_id);
  // A command wins over the input that comes with it.
  const input = body.command == null ? body.input : null;
  const faults = await checkInput(graph, input);
  if (faults.length > 0) throw invalid(faults.map((fault) => ({ ...fault, pointer: `/input${fault.pointer}` })));
  if (graph.guarded && input === null && body.command == null) await takeBackMoved(call, graph, thread_id);
  const { tenant_id, principal_id, permissions } = call.principal;
  return await createRun(call.deps.database, {
    tenant_id,
    thread_id,
    run_id: randomUUID(),
    principal_id,
    kind: "run",
    graph_id: graph.graph_id,
    guarded: graph.guarded,
    isGuarded: guardedIn(call.deps.graphs),
    assistant_id: assistant.assistant_id,
    kwargs: { ...runKwargs(body, assistant, thread, graph.guarded), ...startedBy(call) },
    access: threadAccess(call, body.metadata ?? {}, thread),
    metadata: body.metadata ?? {},
    multitask_strategy,
    after_seconds: body.after_seconds ?? 0,
    priority: priorityOf(call, body),
    if_not_exists: body.if_not_exists ?? "reject",
    temporary,
    bypass: bypassOf(call, body.bypass_reason),
    may_decide: permissions.has("review:decide"),
    idempotency: keyed,
  });
}

async function answerWith(call: Call, wish: Wish): Promise<RunRow> {
  authorise(call.principal, "review:decide");
  const { thread_id, body, keyed, assistant, graph, thread } = wish;
  if (thread === undefined) throw noThread(thread_id);
  if (thread.graph_id !== null && thread.graph_id !== graph.graph_id) {
    const message = `thread ${thread_id} is of graph "${thread.graph_id}", so "${graph.graph_id}" cannot answer for it`;
    throw invalid([{ pointer: "/assistant_id", message }]);
  }
  const { input: _input, checkpoint, command, ...asked } = runKwargs(body, assistant, thread, graph.guarded);
  const { resume, ...beside } = command ?? {};
  if (graph.guarded) refuseBesides({ ...asked, command: beside });
  else refuseSwitches("resume", asked);
  const facts = await factsForAnswer(call, graph.graph_id, thread_id);
  const { stream_mode = ["values"], stream_subgraphs = false, durability = null, webhook } = asked;
  const watched = { stream_mode, stream_subgraphs, durability, ...(webhook === undefined ? {} : { webhook }) };
  const decided = await resumeThread(call.deps.database, {
    principal: call.principal,
    thread_id,
    resume: resume ?? null,
    checkpoint_id: checkpoint?.checkpoint_id ?? undefined,
    graphOf: (graph_id) => (graph_id === graph.graph_id ? facts : null),
    elapsedMs: call.elapsedMs,
    allowScalarResume: call.deps.settings.allowScalarResume,
    filter: call.access.of("threads"),
    idempotency: keyed,
    run: {
      run_id: randomUUID(),
      // What was approved on a guarded graph runs as it was started: nobody who answers changes its settings.
      kwargs: graph.guarded ? watched : { ...asked, command: nonEmpty(beside) },
      metadata: body.metadata ?? {},
      assistant_id: assistant.assistant_id,
    },
  });
  call.deps.metrics.decisions.inc({ result: decided.replayed ? "replayed" : "accepted" });
  if (decided.resume_run !== null) return decided.resume_run;
  throw new HoldpointError(
    "already_decided",
    `this answer was recorded before, and other questions of thread ${thread_id} are open`,
  );
}

/** What whoever starts a run may see of threads; a thread that is made for it is marked as theirs. Throws `permission_denied`. */
function threadAccess(
  call: Call,
  metadata: Record<string, unknown>,
  thread: ThreadRow | undefined,
): ThreadAccess | undefined {
  if (projectUserOf(call.principal) === undefined) return undefined;
  const filter = call.access.of("threads");
  const made = stamped(filter, metadata);
  if (made !== undefined || thread !== undefined) return { filter, metadata: made ?? metadata };
  throw new HoldpointError("permission_denied", "the metadata is of a thread that is not yours to make");
}

function refuseBesides(kwargs: Parameters<typeof refuseSideDoors>[0]["kwargs"]): void {
  refuseSideDoors({
    kind: "run",
    kwargs: { ...kwargs, input: {} },
    head_checkpoint_id: null,
    live_reviews: 0,
    thread_status: "interrupted",
  });
}

function nonEmpty<Part extends object>(part: Part): Part | null {
  return Object.values(part).some((value) => value != null) ? part : null;
}

/** There is no such thread. */
export function noThread(thread_id: string): HoldpointError {
  return new HoldpointError("not_found", `Thread with ID ${thread_id} not found`);
}
