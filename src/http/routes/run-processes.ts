import { z } from "zod";
import { spanSeconds } from "../../policy/span.ts";
import { lookAtRuns } from "../../postgres/events.ts";
import type { AskedRow, DoneRow, PartRow } from "../../postgres/process-parts.sql.ts";
import { type ListedProcess, PROCESS_STATUSES } from "../../postgres/processes.sql.ts";
import { listProcesses, readEffects, readProcess } from "../../postgres/processes.ts";
import { selectRunById } from "../../postgres/runs.sql.ts";
import { assistantIdOf } from "../../protocol/assistant.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import { uuidSchema } from "../../protocol/json.ts";
import type { RunKwargs } from "../../protocol/run.ts";
import { anyObject, shows } from "../answers.ts";
import { aliasedEvent } from "../hitl-aliases.ts";
import { limitSchema, textSchema, wholeNumber, wordsParameter } from "../read-request.ts";
import { json } from "../reply.ts";
import { type Call, defineRoute, type Route } from "../route.ts";
import { sinceSchema } from "./run-list.ts";

const spanSchema = z.string().transform((text, context) => {
  const seconds = spanSeconds(text);
  if (seconds !== undefined) return seconds;
  context.addIssue({ code: "custom", message: "must be a span such as 90m, 24h or 7d" });
  return z.NEVER;
});

const listSchema = z.object({
  status: wordsParameter(PROCESS_STATUSES).optional(),
  graph_id: textSchema.optional(),
  started_by: textSchema.optional(),
  error_class: textSchema.optional(),
  waiting_over: spanSchema.optional().describe("Only those that have waited for a person for longer, such as 24h."),
  since: sinceSchema.optional(),
  after: uuidSchema.optional().describe("The run that the page before gave as next."),
  limit: wholeNumber(limitSchema.max(200)).default(50),
});

const MAX_SEQ = 999_999_999;
const eventsSchema = z.object({ after: wholeNumber(z.number().int().min(0).max(MAX_SEQ)).default(0) });

/** A run together with the runs that carried its answers: what people take for one run. */
export const runProcessRoutes: readonly Route[] = [
  defineRoute({
    method: "GET",
    path: "/insights/runs",
    permission: "runs:read",
    event: "threads:search",
    summary: "List runs together with the runs that carried their answers",
    query: listSchema,
    answers: { 200: shows(anyObject, "The runs, and the one to go on after.") },
    async handle(call) {
      const { status, started_by, waiting_over, ...asked } = call.query;
      const seen = call.access.of("threads");
      const wish = { ...asked, seen, statuses: status, principal_id: started_by, waiting_seconds: waiting_over };
      const { processes, ...rest } = await listProcesses(call.deps.database, call.principal.tenant_id, defined(wish));
      return json({ runs: processes.map(listed), ...rest });
    },
  }),
  defineRoute({
    method: "GET",
    path: "/runs/:run_id",
    permission: "runs:read",
    event: "threads:read",
    summary: "Read a run with its parts, its questions and what its nodes did",
    answers: { 200: shows(anyObject, "The run.") },
    handle: detail,
  }),
  defineRoute({
    method: "GET",
    path: "/runs/:run_id/effects",
    permission: "runs:read",
    event: "threads:read",
    summary: "List what a run did outside",
    answers: { 200: shows(z.array(anyObject), "Its effects, what they were given and what they gave.") },
    async handle(call) {
      const { run_id } = call.params;
      const effects = await readEffects(call.deps.database, call.principal.tenant_id, run_id);
      if (effects === undefined) throw notFound(run_id);
      return json(effects.map(effect));
    },
  }),
  defineRoute({
    method: "GET",
    path: "/runs/:run_id/events",
    permission: "runs:read",
    event: "threads:read",
    summary: "Read the stored events of a run",
    query: eventsSchema,
    answers: { 200: shows(anyObject, "As many as are given at once, and where to go on.") },
    handle: events,
  }),
];

const notFound = (run_id: string) => new HoldpointError("not_found", `Run with ID ${run_id} not found`);
const parsed = (text: string | null) => (text === null ? null : (JSON.parse(text) as unknown));

function defined<Wish extends object>(wish: Wish): { [Key in keyof Wish]: Exclude<Wish[Key], undefined> } {
  const entries = Object.entries(wish).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [Key in keyof Wish]: Exclude<Wish[Key], undefined> };
}

function listed({ error, assistant_id, ...process }: ListedProcess) {
  return { ...process, assistant_id: assistant_id ?? assistantIdOf(process.graph_id), error: parsed(error) };
}

async function detail(call: Call<"run_id">): Promise<Response> {
  const { run_id } = call.params;
  const process = await readProcess(call.deps.database, call.principal.tenant_id, run_id);
  if (process === undefined) throw notFound(run_id);
  const { parts, questions, executions, is_cut, ...summary } = process;
  const graph = call.deps.graphs().graphs.get(summary.graph_id);
  return json({
    ...listed(summary),
    // Of a graph that is not loaded nobody can say; what it asks says so itself.
    graph: { is_loaded: graph !== undefined, is_guarded: graph?.guarded ?? null },
    parts: parts.map(part),
    questions: questions.map((question): AskedRow => question),
    executions,
    is_cut,
  });
}

/** What it was given is a part of what the executor needs. */
function part({ input, output, error, ...row }: PartRow) {
  const kwargs = input === null ? null : (JSON.parse(input) as RunKwargs);
  const given = kwargs === null ? null : { input: kwargs.input ?? null, command: kwargs.command ?? null };
  return { ...row, error: parsed(error), given, output: parsed(output) };
}

function effect({ args, result, ...row }: DoneRow) {
  return { ...row, args: parsed(args), result: parsed(result) };
}

/** The stored events of one run, as many at a time as its stream sends at once. */
async function events(call: Call<"run_id", unknown, z.infer<typeof eventsSchema>>): Promise<Response> {
  const { run_id } = call.params;
  const { after } = call.query;
  const { tenant_id } = call.principal;
  const { database, settings } = call.deps;
  const run = await database.maybeOne(selectRunById(tenant_id, run_id));
  const [look] =
    run === undefined ? [] : await lookAtRuns(database, [{ tenant_id, run_id, thread_id: run.thread_id, after }]);
  if (look === undefined) throw notFound(run_id);
  const shown = look.events.map(({ seq, event, data }) => {
    const mode = event.split("|", 1)[0] as string;
    return { seq, event, data: (settings.hitlAliases ?? true) ? aliasedEvent(mode, data) : data };
  });
  return json({ events: shown, next: look.isWhole ? null : (shown.at(-1)?.seq ?? after), status: look.status });
}
