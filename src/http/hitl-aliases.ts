// LangChain.js asks in camelCase, and the screens that LangChain offers for such questions read snake_case only. What goes
// out carries both; what is stored, and what a decision is bound to, stays as the graph has it.
import type { InnerState, ThreadState } from "../graphs/read-state.ts";
import { hitl } from "../policy/review/flavours/hitl.ts";
import { isRecord } from "../policy/review/flavours/shape.ts";
import type { Json } from "../protocol/json.ts";

/** The interrupts of a list, each readable in both spellings. */
export function aliasedInterrupts(interrupts: readonly unknown[]): unknown[] {
  return interrupts.map((interrupt) => {
    if (!isRecord<unknown>(interrupt) || interrupt["response_schema"] != null) return interrupt;
    const value = aliasedValue(interrupt["value"]);
    return value === interrupt["value"] ? interrupt : { ...interrupt, value };
  });
}

/** The interrupts of a thread, which are kept by task. */
export function aliasedByTask<Interrupt>(byTask: Record<string, Interrupt[]>): Record<string, Interrupt[]> {
  return Object.fromEntries(
    Object.entries(byTask).map(([task_id, interrupts]) => [task_id, aliasedInterrupts(interrupts) as Interrupt[]]),
  );
}

/** A state, with those of its subgraphs. */
export function aliasedState(state: ThreadState): ThreadState {
  return { ...aliasedInner(state), interrupts: aliasedInterrupts(state.interrupts) };
}

function aliasedInner<State extends InnerState>(state: State): State {
  const tasks = state.tasks.map((task) => ({
    ...task,
    interrupts: aliasedInterrupts(task.interrupts),
    state: task.state === null ? null : aliasedInner(task.state),
  }));
  return { ...state, tasks };
}

/** What an event of a stream says, in the modes that tell of interrupts. */
export function aliasedEvent(mode: string, data: unknown): unknown {
  if (!isRecord<unknown>(data)) return data;
  switch (mode) {
    case "values":
    case "updates":
      return aliasedMember(data, "__interrupt__");
    case "tasks":
      return aliasedMember(data, "interrupts");
    case "checkpoints":
      return aliasedTasks(data);
    case "debug": {
      const payload = data["payload"];
      if (!isRecord<unknown>(payload)) return data;
      return { ...data, payload: aliasedTasks(aliasedMember(payload, "interrupts")) };
    }
    default:
      return data;
  }
}

/** What a run has given, as JSON: its values, or what it asks. */
export function aliasedOutput(output: string): string {
  // Most have asked nothing, and are large.
  if (!output.includes('"__interrupt__"') || !output.includes('"actionRequests"')) return output;
  return JSON.stringify(aliasedEvent("values", JSON.parse(output)));
}

type Members = Record<string, unknown>;

function aliasedMember(data: Members, key: string): Members {
  const interrupts = data[key];
  return Array.isArray(interrupts) ? { ...data, [key]: aliasedInterrupts(interrupts) } : data;
}

function aliasedTasks(data: Members): Members {
  const { tasks } = data;
  if (!Array.isArray(tasks)) return data;
  return { ...data, tasks: tasks.map((task) => (isRecord<unknown>(task) ? aliasedMember(task, "interrupts") : task)) };
}

interface ReviewConfig {
  actionName: string;
  allowedDecisions: string[];
  argsSchema?: Json;
}

function aliasedValue(value: unknown): unknown {
  if (!isRecord<unknown>(value) || "action_requests" in value || "review_configs" in value) return value;
  const pause = { graph_id: "", node: "", asks: true, value: value as Json, response_schema: null };
  if (hitl.question(pause) === undefined) return value;
  const { actionRequests, reviewConfigs } = value as unknown as { actionRequests: Json; reviewConfigs: ReviewConfig[] };
  const review_configs = reviewConfigs.map(({ actionName, allowedDecisions, argsSchema }) => ({
    action_name: actionName,
    allowed_decisions: allowedDecisions,
    ...(argsSchema == null ? {} : { args_schema: argsSchema }),
  }));
  return { ...(value as Members), action_requests: actionRequests, review_configs };
}
