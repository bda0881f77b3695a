import { Command, Send } from "@langchain/langgraph";
import { applyDecisions } from "../policy/review/apply.ts";
import { beginApply } from "../postgres/apply.ts";
import type { Database } from "../postgres/database.ts";
import type { Lease } from "../postgres/fence.ts";
import { type RunRow, selectLastCheckpointOfRun } from "../postgres/runs.sql.ts";
import type { RunKwargs } from "../protocol/run.ts";
import type { Head } from "./head.ts";

/** How an execution begins. */
export type Beginning =
  /** Send this into the graph; `fromHead` when it goes on from the head whatever checkpoint was asked for. */
  | { kind: "send"; input: unknown; fromHead: boolean }
  /** Everything has happened already but the end of the run. */
  | { kind: "settled" }
  /** What was decided cannot be applied any more. */
  | { kind: "stale"; reason: string };

/**
 * T-start and T-apply: chooses what to send, so that no attempt repeats what an earlier one has committed.
 * The first attempt sends the input. A later one goes on from the checkpoint that an earlier one left, if there is one.
 */
export async function beginRun(
  database: Database,
  lease: Lease,
  run: RunRow,
  readHead: () => Promise<Head>,
): Promise<Beginning> {
  if (run.attempt > 1) {
    const left = await database.maybeOne(selectLastCheckpointOfRun(run.tenant_id, run.thread_id, run.run_id));
    if (left !== undefined) {
      if (run.group_id !== null) await beginApply(database, lease, run);
      const head = await readHead();
      const waits = head.pauses.length > 0 && head.pauses.length >= head.next_tasks.size - head.finished_tasks.size;
      if (head.next_tasks.size === 0 || waits) return { kind: "settled" };
      return { kind: "send", input: null, fromHead: true };
    }
  }
  if (run.group_id !== null) return await beginResume(database, lease, run, readHead);
  return { kind: "send", input: inputOf(JSON.parse(run.kwargs) as RunKwargs), fromHead: false };
}

async function beginResume(
  database: Database,
  lease: Lease,
  run: RunRow,
  readHead: () => Promise<Head>,
): Promise<Beginning> {
  const reviews = await beginApply(database, lease, run);
  const application = applyDecisions(reviews, await readHead());
  switch (application.kind) {
    case "stale":
      return application;
    case "continue":
      return { kind: "send", input: null, fromHead: true };
    case "answer":
      return { kind: "send", input: new Command({ resume: application.resume }), fromHead: true };
  }
}

function inputOf({ input, command }: RunKwargs): unknown {
  if (command == null) return input ?? null;
  const { update, goto } = command;
  return new Command({
    ...(update == null ? {} : { update: update as Record<string, unknown> }),
    ...(goto == null ? {} : { goto: (Array.isArray(goto) ? goto : [goto]).map(target) }),
  });
}

function target(goto: unknown): string | Send {
  if (typeof goto === "string") return goto;
  const { node, input } = goto as { node: string; input: unknown };
  return new Send(node, input);
}
