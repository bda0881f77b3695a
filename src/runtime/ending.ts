import { wireJson } from "../graphs/wire-json.ts";
import { reviewRequest } from "../policy/review/open.ts";
import type { Finish, Why } from "../postgres/last-writes.ts";
import type { RunError } from "../postgres/runs.sql.ts";
import type { GraphShape } from "../protocol/graph-shape.ts";
import { type Head, readHead } from "./head.ts";
import { shapeToCome } from "./redeploy.ts";
import type { Scene, Setting } from "./scene.ts";

/** What an execution saw go by, as JSON: the last values, and the state after a step that nothing follows. */
export interface Seen {
  values: string | null;
  endState: string | null;
}

/** How an execution ended, and which checkpoint asks where it ended with questions. */
export interface Ended {
  finish: Finish;
  checkpoint_id: string | null;
  /** What is still to run when the questions are answered. */
  graph_shape: GraphShape | null;
}

/** Reads what the execution left: an end, or questions for a person. */
export async function settled(scene: Scene, { values, endState }: Seen): Promise<Ended> {
  const { run, loaded } = scene;
  const group = run.group_id === null ? null : ({ event: "close", reason: null } as const);
  const continued = run.kind === "run" && scene.kwargs.input == null;
  const over = (state: string): Ended => ({
    finish: {
      ending: "finished",
      output: values ?? state,
      error: null,
      values: state,
      interrupts: "{}",
      questions: [],
      group,
      continued,
    },
    checkpoint_id: null,
    graph_shape: null,
  });
  if (endState !== null) return over(endState);
  const head = await readHead(scene.graph, scene.source);
  const state = wireJson(head.values);
  if (head.next_tasks.size === 0 || run.kind === "copy") return over(state);
  const context = {
    graph_id: run.graph_id,
    graph_fingerprint: loaded.fingerprint,
    guarded: loaded.guarded,
    checkpoint_id: head.checkpoint_id as string,
    values: head.values,
    policyOf: scene.parts.policyOf,
  };
  // An edited state has a next step, but nobody has asked anything yet.
  const pauses = run.kind === "state_update" ? head.questions : [...head.questions, ...head.breakpoints];
  const questions = pauses.map((pause) => reviewRequest(pause, context));
  const unsafe = loaded.guarded ? questions.find(({ flavour }) => flavour !== "review") : undefined;
  if (unsafe !== undefined) {
    const message = `this graph is guarded and node "${unsafe.node}" paused by a plain interrupt() or breakpoint; ask with review(), which binds the answer to what was shown`;
    return await failed(scene, scene, "failed", { error: "guarded", message });
  }
  const asked = head.questions.map(({ interrupt_id: id, value }) => ({ id, value }));
  const output = run.kind === "state_update" ? state : wireJson({ __interrupt__: asked });
  return {
    checkpoint_id: head.checkpoint_id,
    graph_shape: questions.length === 0 ? null : shapeToCome(scene.graph, loaded, head, questions),
    finish: {
      ending: "paused",
      output,
      error: null,
      values: state,
      interrupts: wireJson(head.interrupts),
      questions,
      group,
      continued,
    },
  };
}

/** Ends a run that did not come to its end; the thread keeps the values it has reached. */
export async function failed(
  setting: Setting,
  scene: Scene | undefined,
  ending: "stale" | "failed" | "cancelled" | "timed_out",
  error: RunError,
  why: Why = { reason: error.message },
): Promise<Ended> {
  const event = ending === "stale" ? "go_stale" : "fail_resume";
  const group = setting.run.group_id === null ? null : ({ event, ...why } as const);
  if (ending !== "cancelled") setting.events.push({ event: "error", data: error });
  const head = scene === undefined ? null : await headAfter(scene);
  const values = head === null || head.checkpoint_id === null ? null : wireJson(head.values);
  const interrupts = ending === "stale" && head !== null ? wireJson(head.interrupts) : "{}";
  return {
    finish: { ending, output: null, error, values, interrupts, questions: [], group, continued: false },
    checkpoint_id: null,
    graph_shape: null,
  };
}

/** What is stored when a run has failed, read without its own saver, which refuses to go on after a write was refused. */
async function headAfter({ graph, source, saver, parts }: Scene): Promise<Head | null> {
  await saver.settled();
  // What cannot be read must not hide what went wrong.
  return await readHead(graph, { ...source, saver: parts.saver }).catch(() => null);
}
