import { randomUUID } from "node:crypto";
import { checkInput } from "../graphs/check-input.ts";
import type { LoadedGraph } from "../graphs/graph-set.ts";
import { stamped } from "../policy/access-filter.ts";
import { configurableOf, mergeConfigs, mergeContexts, type RunConfig } from "../policy/run-settings.ts";
import { readAssistant } from "../postgres/assistants.ts";
import type { CreateRun, ThreadAccess } from "../postgres/create-run.ts";
import { type CronGrant, grantOf, makerOf, payloadOf } from "../postgres/crons.ts";
import type { Queryable } from "../postgres/database.ts";
import { fireCron, type Occurrence } from "../postgres/fire-cron.ts";
import type { ErrandHandler } from "../postgres/jobs.ts";
import { selectThread, type ThreadRow } from "../postgres/threads.sql.ts";
import type { Assistant } from "../protocol/assistant.ts";
import type { CronPayload } from "../protocol/cron.ts";
import { HoldpointError } from "../protocol/errors.ts";
import type { RunKwargs } from "../protocol/run.ts";
import type { RunnerParts } from "./runner.ts";

type CronParts = Pick<RunnerParts, "database" | "graphs" | "wakeups" | "log">;

/** Makes the handler that makes the run of a cron that is due, by the road and with the checks of every other run. */
export function createCronFirer(parts: CronParts): ErrandHandler {
  return async ({ tenant_id, id: cron_id }) => {
    const fired = await fireCron(parts.database, { tenant_id, cron_id }, (tx, occurrence) =>
      plan(parts, tx, occurrence),
    );
    if (fired === undefined) return;
    if (fired.run === null) {
      parts.log.warn({ cron_id, reason: fired.error }, "a cron could not start its run; it goes on with its next time");
      return;
    }
    const { run_id, thread_id } = fired.run;
    parts.log.info({ cron_id, run_id, thread_id }, "a cron started a run");
    parts.wakeups.wake("runs", thread_id);
  };
}

async function plan(parts: CronParts, tx: Queryable, { cron, run_id }: Occurrence): Promise<CreateRun> {
  const { tenant_id, principal_id, assistant_id } = cron;
  const graphs = parts.graphs().graphs;
  const assistant = await readAssistant(tx, tenant_id, assistant_id);
  const graph = assistant === undefined ? undefined : graphs.get(assistant.graph_id);
  if (assistant === undefined || graph === undefined) {
    throw new HoldpointError("graph_not_loaded", `the graph of assistant ${assistant_id} is not loaded`);
  }
  const thread = cron.thread_id === null ? undefined : await tx.maybeOne(selectThread(tenant_id, cron.thread_id));
  const payload = payloadOf(cron);
  const grant = grantOf(cron);
  const faults = await checkInput(graph, payload.input);
  if (faults.length > 0) {
    const told = faults.map(({ pointer, message }) => `/input${pointer}: ${message}`).join("; ");
    throw new HoldpointError("invalid", told, { facts: { faults } });
  }
  return {
    tenant_id,
    thread_id: cron.thread_id ?? randomUUID(),
    run_id,
    principal_id,
    kind: "run",
    graph_id: graph.graph_id,
    guarded: graph.guarded,
    isGuarded: (graph_id) => graphs.get(graph_id)?.guarded ?? true,
    assistant_id,
    kwargs: {
      ...kwargsOf(payload, assistant, thread, graph),
      ...(grant === undefined ? makerOf(cron) : { user: grant.user }),
    },
    ...(grant === undefined ? {} : { access: accessOf(grant, cron.metadata) }),
    // Nobody decides by a clock.
    may_decide: false,
    metadata: { ...cron.metadata, cron_id: cron.cron_id },
    multitask_strategy: payload.multitask_strategy === "reject" ? "reject" : "enqueue",
    after_seconds: 0,
    // A thread that was given and is gone is not made anew.
    if_not_exists: cron.thread_id === null ? "create" : "reject",
    temporary: cron.on_run_completed === "delete",
  };
}

/** A thread that is made for a run is seen by who has made the cron; on one they see no more it does not start. */
function accessOf({ filter }: CronGrant, metadata: Record<string, unknown>): ThreadAccess {
  return { filter, metadata: stamped(filter, metadata) ?? { ...filter } };
}

function kwargsOf(
  payload: CronPayload,
  assistant: Assistant,
  thread: ThreadRow | undefined,
  { guarded }: LoadedGraph,
): RunKwargs {
  const threadConfig = JSON.parse(thread?.config ?? "{}") as RunConfig;
  const config = mergeConfigs([assistant.config as RunConfig, threadConfig, payload.config ?? {}]);
  return {
    input: payload.input ?? null,
    config: { ...config, ...configurableOf(config, guarded) },
    context: mergeContexts(assistant.context, payload.context),
    interrupt_before: payload.interrupt_before ?? null,
    interrupt_after: payload.interrupt_after ?? null,
    stream_mode: [payload.stream_mode ?? "values"].flat(),
    stream_subgraphs: payload.stream_subgraphs ?? false,
    durability: payload.durability ?? null,
    ...(payload.webhook == null ? {} : { webhook: payload.webhook }),
  };
}
