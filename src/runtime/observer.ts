import { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import type { LLMResult } from "@langchain/core/outputs";
import { mergeConfigs, type RunnableConfig } from "@langchain/core/runnables";
import { type ModelPrices, priceOf } from "../policy/model-price.ts";
import type { TaskEnd } from "../postgres/checkpointer/fenced-saver.ts";
import type { EndedExecution } from "../postgres/node-executions.sql.ts";
import type { NodeStatus } from "../protocol/node-execution.ts";

/** Watches the nodes of one execution of a run. */
export interface NodeObserver {
  /** Hears that a node of the graph begins; its config goes on with callbacks for what the node calls. */
  begins(config: RunnableConfig): RunnableConfig;
  /** What is known of a task whose writes are about to be stored; undefined when it goes on, or is no node's. */
  ended(end: TaskEnd): EndedExecution | undefined;
  /** The nodes that were stopped before they had ended; `checkpointOf` says where a namespace stands. */
  unfinished(checkpointOf: (checkpoint_ns: string) => string | undefined): EndedExecution[];
  /** A call of a tool that LangChain does not know of, in milliseconds. */
  toolTook(task_id: string, ms: number): void;
}

interface Watched {
  readonly node: string;
  readonly checkpoint_ns: string;
  readonly startedAt: number;
  tries: number;
  /** Its beginnings are told, and not to be guessed from callbacks: those of a graph inside of a node are. */
  isTold: boolean;
  model_ms: number;
  tool_ms: number;
  input_tokens: number;
  output_tokens: number;
  cached_tokens: number;
  cost: number | null;
}

type Metadata = Record<string, unknown> | undefined;

/** Creates the observer of one execution. */
export function createObserver(prices: ModelPrices): NodeObserver {
  const tasks = new Map<string, Watched>();
  const calls = new Map<string, { task: Watched; startedAt: number; model: string }>();

  function taskOf(metadata: Metadata): Watched | undefined {
    const path = metadata?.["langgraph_checkpoint_ns"];
    const node = metadata?.["langgraph_node"];
    // LangGraph's own first node only hands the input on.
    if (typeof path !== "string" || typeof node !== "string" || node === "__start__") return undefined;
    const last = path.split("|").at(-1) ?? "";
    const task_id = last.slice(last.lastIndexOf(":") + 1);
    const known = tasks.get(task_id);
    if (known !== undefined) return known;
    const checkpoint_ns = path.split("|").slice(0, -1).join("|");
    const watched = { node, checkpoint_ns, startedAt: performance.now(), tries: 0, isTold: false, ...nothingSpent() };
    tasks.set(task_id, watched);
    return watched;
  }
  function callBegins(run_id: string, metadata: Metadata): void {
    const task = taskOf(metadata);
    const model = metadata?.["ls_model_name"];
    if (task === undefined) return;
    calls.set(run_id, { task, startedAt: performance.now(), model: typeof model === "string" ? model : "" });
  }
  function callEnds(run_id: string, spent: "model_ms" | "tool_ms", output?: LLMResult): void {
    const call = calls.get(run_id);
    if (call === undefined) return;
    calls.delete(run_id);
    call.task[spent] += performance.now() - call.startedAt;
    if (output !== undefined) addTokens(call.task, output, call.model, prices);
  }

  const callbacks = BaseCallbackHandler.fromMethods({
    handleChainStart(_chain, _inputs, _runId, _runType, tags, metadata) {
      const task = taskOf(metadata);
      if (task === undefined || task.isTold) return;
      // The node's own function, as opposed to what it calls.
      if (tags?.some((tag) => tag.startsWith("graph:step:"))) task.tries += 1;
    },
    handleChatModelStart: (_model, _messages, runId, _parent, _extra, _tags, metadata) => callBegins(runId, metadata),
    handleLLMStart: (_model, _prompts, runId, _parent, _extra, _tags, metadata) => callBegins(runId, metadata),
    handleLLMEnd: (output, runId) => callEnds(runId, "model_ms", output),
    handleLLMError: (_error, runId) => callEnds(runId, "model_ms"),
    handleToolStart: (_tool, _input, runId, _parent, _tags, metadata) => callBegins(runId, metadata),
    handleToolEnd: (_output, runId) => callEnds(runId, "tool_ms"),
    handleToolError: (_error, runId) => callEnds(runId, "tool_ms"),
  });
  // Or a node's end could be told before its beginning.
  callbacks.awaitHandlers = true;

  return {
    begins(config) {
      const task = taskOf(config.metadata);
      if (task === undefined) return config;
      task.isTold = true;
      task.tries += 1;
      if (config.callbacks === undefined) return { ...config, callbacks: [callbacks] };
      return mergeConfigs(config, { callbacks: [callbacks] }) as RunnableConfig;
    },
    toolTook(task_id, ms) {
      const task = tasks.get(task_id);
      if (task !== undefined) task.tool_ms += ms;
    },
    ended(end) {
      const status = statusOf(end);
      const task = tasks.get(end.task_id);
      if (status === undefined) return undefined;
      if (task === undefined) return cachedExecution(end);
      tasks.delete(end.task_id);
      return execution(end, task, status);
    },
    unfinished(checkpointOf) {
      return [...tasks].flatMap(([task_id, task]) => {
        const checkpoint_id = checkpointOf(task.checkpoint_ns);
        if (checkpoint_id === undefined) return [];
        const { checkpoint_ns } = task;
        const end = { checkpoint_ns, checkpoint_id, task_id, task_path: "", channels: [], bytes: 0, error_class: null };
        return [execution(end, task, "cancelled")];
      });
    },
  };
}

const nothingSpent = () => ({
  model_ms: 0,
  tool_ms: 0,
  input_tokens: 0,
  output_tokens: 0,
  cached_tokens: 0,
  cost: null as number | null,
});

/** Undefined for writes in the middle of a task: the answers it has read so far, the calls it has scheduled. */
function statusOf({ channels }: TaskEnd): NodeStatus | undefined {
  if (channels.includes("__error__")) return "error";
  if (channels.includes("__interrupt__")) return "interrupted";
  return channels.every((channel) => channel === "__resume__" || channel === "__scheduled__") ? undefined : "success";
}

function execution(end: TaskEnd, { startedAt, node, ...spent }: Watched, status: NodeStatus): EndedExecution {
  const { checkpoint_ns, checkpoint_id, task_id, channels, bytes, error_class } = end;
  const duration_ms = performance.now() - startedAt;
  return {
    ...spent,
    checkpoint_ns,
    checkpoint_id,
    task_id,
    node,
    status,
    agoMs: duration_ms,
    duration_ms,
    write_keys: [...new Set(channels.filter(isState))],
    write_bytes: bytes,
    is_cached: false,
    error_class,
  };
}

// LangGraph's own channels: routing, errors, questions and their answers.
const isState = (channel: string) => !channel.startsWith("__") && !channel.startsWith("branch:");

/** A node whose result came from the graph's cache has no beginning; the path of its task says which one it is. */
function cachedExecution(end: TaskEnd): EndedExecution | undefined {
  const node = /^~__pregel_pull, (.+)$/.exec(end.task_path)?.[1];
  if (node === undefined || node === "__start__") return undefined;
  const { checkpoint_ns } = end;
  const task = { node, checkpoint_ns, startedAt: performance.now(), tries: 0, isTold: true, ...nothingSpent() };
  return { ...execution(end, task, "success"), is_cached: true };
}

interface Usage {
  readonly input_tokens?: number;
  readonly output_tokens?: number;
  readonly input_token_details?: { readonly cache_read?: number };
}

interface Answer {
  readonly usage_metadata?: Usage;
  readonly response_metadata?: Readonly<Record<string, unknown>>;
}

function addTokens(task: Watched, { generations }: LLMResult, model: string, prices: ModelPrices): void {
  for (const generation of generations.flat()) {
    const { message } = generation as { message?: Answer };
    const usage = message?.usage_metadata;
    if (usage === undefined) continue;
    const use = {
      input: usage.input_tokens ?? 0,
      output: usage.output_tokens ?? 0,
      cached: usage.input_token_details?.cache_read ?? 0,
    };
    task.input_tokens += use.input;
    task.output_tokens += use.output;
    task.cached_tokens += use.cached;
    // Another model than the one that was asked may have answered in its place.
    const answered = message?.response_metadata?.["model_name"];
    const own = typeof answered === "string" ? priceOf(prices, answered, use) : null;
    const cost = own ?? priceOf(prices, model, use);
    if (cost !== null) task.cost = (task.cost ?? 0) + cost;
  }
}
