import { headersForGraph } from "../policy/configurable-headers.ts";
import { configurableOf, mergeConfigs, mergeContexts, type RunConfig } from "../policy/run-settings.ts";
import type { ThreadRow } from "../postgres/threads.sql.ts";
import type { Assistant } from "../protocol/assistant.ts";
import { uuidSchema } from "../protocol/json.ts";
import { projectUserOf } from "../protocol/principal.ts";
import type { RunCreate, RunKwargs, StartedWith, StreamMode } from "../protocol/run.ts";
import { invalid } from "./failure.ts";
import type { Call } from "./route.ts";

/** What the executor needs of a request. Settings merge: the assistant's, over them the thread's, over them the run's. */
export function runKwargs(
  body: RunCreate,
  assistant: Assistant,
  thread: ThreadRow | undefined,
  guarded: boolean,
): RunKwargs {
  const config = mergeConfigs([
    assistant.config as RunConfig,
    JSON.parse(thread?.config ?? "{}") as RunConfig,
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
    durability: body.durability ?? (body.checkpoint_during === false ? "exit" : null),
    ...(body.webhook == null ? {} : { webhook: body.webhook }),
    ...(body.timeout == null ? {} : { timeout: body.timeout }),
  };
}

/** What a graph is told of who started it, and of who started it alone: whoever answers a question does not stand in for them. */
export function startedBy({ principal, request, deps }: Call): Pick<RunKwargs, "user" | "started_with" | "headers"> {
  const user = projectUserOf(principal);
  const { graphHeaders } = deps.settings;
  const headers = graphHeaders === undefined ? {} : headersForGraph(request.headers, graphHeaders);
  return {
    ...(user === undefined ? { started_with: startedWith(principal) } : { user }),
    ...(Object.keys(headers).length === 0 ? {} : { headers }),
  };
}

/** What somebody has shown, as it is kept to be looked up again. */
export function startedWith({ principal_id, credential, permissions }: Call["principal"]): StartedWith {
  if (credential === undefined || "user" in credential) return { principal_id };
  if ("api_key_id" in credential) return { principal_id, api_key_id: credential.api_key_id };
  const session_sha256 = Buffer.from(credential.session_sha256).toString("hex");
  return { principal_id, session_sha256, permissions: [...permissions] };
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

/** Some clients name the checkpoint to start from inside the config. */
function forkedFrom(config: RunCreate["config"]): string | undefined {
  const id = config?.configurable?.["checkpoint_id"];
  if (id === undefined || id === null || id === "") return undefined;
  const parsed = uuidSchema.safeParse(id);
  if (parsed.success) return parsed.data;
  throw invalid([{ pointer: "/config/configurable/checkpoint_id", message: "must be a UUID" }]);
}
