import type { ThreadRow } from "../postgres/threads.sql.ts";
import type { Assistant } from "../protocol/assistant.ts";
import { uuidSchema } from "../protocol/json.ts";
import type { RunCreate, RunKwargs, StreamMode } from "../protocol/run.ts";
import { invalid } from "./failure.ts";

type Config = NonNullable<RunCreate["config"]>;

// What the server itself puts there: a client's own value would point the run at another thread or another run.
const SERVER_KEYS = new Set([
  "thread_id",
  "checkpoint_id",
  "checkpoint_ns",
  "checkpoint_map",
  "run_id",
  "assistant_id",
  "graph_id",
]);

/** What the executor needs of a request. Settings merge: the assistant's, over them the thread's, over them the run's. */
export function runKwargs(
  body: RunCreate,
  assistant: Assistant,
  thread: ThreadRow | undefined,
  guarded: boolean,
): RunKwargs {
  const config = mergeConfigs([
    assistant.config as Config,
    JSON.parse(thread?.config ?? "{}") as Config,
    body.config ?? {},
  ]);
  const checkpoint_id = body.checkpoint?.checkpoint_id ?? body.checkpoint_id ?? forkedFrom(body.config);
  const checkpoint_ns = body.checkpoint?.checkpoint_ns;
  return {
    input: body.input ?? null,
    command: commandOf(body),
    config: { ...config, ...configurableOf(config, guarded) },
    context: mergeContexts(assistant.context, body.context),
    checkpoint:
      checkpoint_id == null && !checkpoint_ns
        ? null
        : { checkpoint_id: checkpoint_id ?? null, checkpoint_ns: checkpoint_ns ?? "" },
    interrupt_before: body.interrupt_before ?? null,
    interrupt_after: body.interrupt_after ?? null,
    stream_mode: streamModes(body),
    stream_subgraphs: body.stream_subgraphs ?? false,
    durability: body.durability ?? null,
    ...(body.webhook == null ? {} : { webhook: body.webhook }),
  };
}

/** The command, or null where it says nothing: `{}` is what a client's undefined members leave. */
export function commandOf({ command }: RunCreate): RunCreate["command"] {
  if (command == null) return null;
  return "resume" in command || command.update != null || command.goto != null ? command : null;
}

/** The modes a request asks for; `values` when it names none. */
export function streamModes({ stream_mode }: Pick<RunCreate, "stream_mode">): StreamMode[] {
  const modes = Array.isArray(stream_mode) ? stream_mode : [stream_mode ?? "values"];
  return modes.length === 0 ? ["values"] : [...new Set(modes)];
}

function mergeConfigs(configs: readonly Config[]): Config {
  const merged: Config = {};
  for (const { tags, recursion_limit, configurable, metadata } of configs) {
    if (tags !== undefined) merged.tags = [...new Set([...(merged.tags ?? []), ...tags])];
    if (recursion_limit !== undefined) merged.recursion_limit = recursion_limit;
    if (configurable !== undefined) merged.configurable = { ...merged.configurable, ...configurable };
    if (metadata !== undefined) merged.metadata = { ...merged.metadata, ...metadata };
  }
  return merged;
}

/** Internal keys are left out; on a guarded graph they stay, so that the request is refused instead of half obeyed. */
function configurableOf({ configurable }: Config, guarded: boolean): Pick<Config, "configurable"> {
  if (configurable === undefined) return {};
  const kept = Object.entries(configurable).filter(
    ([key]) => !SERVER_KEYS.has(key) && (guarded || !key.startsWith("__")),
  );
  return { configurable: Object.fromEntries(kept) };
}

/** Some clients name the checkpoint to start from inside the config. */
function forkedFrom(config: RunCreate["config"]): string | undefined {
  const id = config?.configurable?.["checkpoint_id"];
  if (id === undefined || id === null || id === "") return undefined;
  const parsed = uuidSchema.safeParse(id);
  if (parsed.success) return parsed.data;
  throw invalid([{ pointer: "/config/configurable/checkpoint_id", message: "must be a UUID" }]);
}

function mergeContexts(assistant: Record<string, unknown>, run: unknown): unknown {
  if (run == null) return Object.keys(assistant).length === 0 ? null : assistant;
  return typeof run === "object" && !Array.isArray(run) ? { ...assistant, ...run } : run;
}
