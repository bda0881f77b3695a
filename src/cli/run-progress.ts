// Turns the events of a run's stream into lines. Pure, so that every order of events can be tested.

/** Something worth a line. */
export type ProgressLine =
  | { kind: "attempt"; attempt: number }
  | { kind: "node"; name: string; durationMs: number | undefined; failed: string | undefined }
  | { kind: "error"; error: string; message: string };

/** What is known of a run while its events come in. */
export interface Progress {
  /** Every connection begins by saying which attempt it is; only a new one is worth a line. */
  attempt: number;
  /** Tasks under way: when they were seen to start. */
  tasks: ReadonlyMap<string, { name: string; atMs: number }>;
  /** True once the stream has told of tasks; then updates only repeat them. */
  hasTasks: boolean;
  /** When the last step ended, where the stream does not tell of tasks. */
  stepAtMs: number;
  values: unknown;
  error: { error: string; message: string } | undefined;
}

/** One event as the SDK gives it. */
export interface StreamPart {
  event: string;
  data: unknown;
}

/** A run of which nothing is known yet. */
export function startProgress(nowMs: number): Progress {
  return { attempt: 1, tasks: new Map(), hasTasks: false, stepAtMs: nowMs, values: undefined, error: undefined };
}

/** What an event changes, and what it is worth saying. Durations are said only of what was seen as it happened. */
export function advance(
  progress: Progress,
  part: StreamPart,
  nowMs: number,
  isLive: boolean,
): { progress: Progress; lines: ProgressLine[] } {
  switch (part.event) {
    case "metadata":
      return onAttempt(progress, part.data, nowMs);
    case "tasks":
      return onTask({ ...progress, hasTasks: true }, part.data, nowMs, isLive);
    case "updates":
      return onUpdate(progress, part.data, nowMs, isLive);
    case "values":
      return {
        progress: isRecord(part.data) && "__interrupt__" in part.data ? progress : { ...progress, values: part.data },
        lines: [],
      };
    case "error":
      return onError(progress, part.data);
    default:
      return { progress, lines: [] };
  }
}

/** Names of the nodes under way. */
export function runningNodes(progress: Progress): string[] {
  return [...progress.tasks.values()].map(({ name }) => name);
}

function onAttempt(progress: Progress, data: unknown, nowMs: number) {
  const attempt = isRecord(data) && typeof data["attempt"] === "number" ? data["attempt"] : 1;
  if (attempt <= progress.attempt) return { progress, lines: [] };
  // What the last attempt had under way begins anew.
  const begun = { ...progress, attempt, tasks: new Map(), stepAtMs: nowMs };
  return { progress: begun, lines: [{ kind: "attempt" as const, attempt }] };
}

function onTask(progress: Progress, data: unknown, nowMs: number, isLive: boolean) {
  if (!isRecord(data) || typeof data["id"] !== "string" || typeof data["name"] !== "string")
    return { progress, lines: [] };
  const { id, name } = data as { id: string; name: string };
  const tasks = new Map(progress.tasks);
  const isEnd = "result" in data || "error" in data;
  if (!isEnd) {
    tasks.set(id, { name, atMs: nowMs });
    return { progress: { ...progress, tasks }, lines: [] };
  }
  const started = tasks.get(id);
  tasks.delete(id);
  const next = { ...progress, tasks };
  const paused = Array.isArray(data["interrupts"]) && data["interrupts"].length > 0;
  // A node that asks is not done; its review gets a line of its own.
  if (paused) return { progress: next, lines: [] };
  const failed = data["error"] == null ? undefined : messageOf(data["error"]);
  const durationMs = isLive && started !== undefined ? nowMs - started.atMs : undefined;
  return { progress: next, lines: [{ kind: "node" as const, name, durationMs, failed }] };
}

function onUpdate(progress: Progress, data: unknown, nowMs: number, isLive: boolean) {
  if (progress.hasTasks || !isRecord(data)) return { progress, lines: [] };
  const names = Object.keys(data).filter((name) => !name.startsWith("__"));
  const durationMs = isLive ? nowMs - progress.stepAtMs : undefined;
  const lines = names.map((name) => ({ kind: "node" as const, name, durationMs, failed: undefined }));
  return { progress: { ...progress, stepAtMs: nowMs }, lines };
}

function onError(progress: Progress, data: unknown) {
  const error = isRecord(data) && typeof data["error"] === "string" ? data["error"] : "Error";
  const message = messageOf(data);
  return { progress: { ...progress, error: { error, message } }, lines: [{ kind: "error" as const, error, message }] };
}

function messageOf(error: unknown): string {
  if (typeof error === "string") return error;
  if (isRecord(error) && typeof error["message"] === "string") return error["message"];
  return JSON.stringify(error) ?? "failed";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
