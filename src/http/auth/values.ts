import { randomUUID } from "node:crypto";
import { metadataSchema } from "../../protocol/json.ts";
import type { AuthEvent } from "./events.ts";
import { assistantOf } from "./gate.ts";

type Members = Readonly<Record<string, unknown>>;

/** What a request says, once its form has been checked. */
export interface Said {
  /** Of the path. */
  params: Readonly<Record<string, string>>;
  body: Members;
  query: Members;
}

/** What a handler is shown, and what of it comes back when the handler has changed it. */
interface Shape {
  show(said: Said): Record<string, unknown>;
  take(value: Members, said: Said): Partial<Pick<Said, "body" | "query">>;
}

const NOTHING = () => ({});
/** A search is narrowed by the filter that a handler returns; what it writes into the question is for itself. */
const shown: Shape = { show: ({ params, body, query }) => ({ ...params, ...query, ...body }), take: NOTHING };

function written(...members: readonly string[]): Shape {
  return {
    show: shown.show,
    take(value, { body }) {
      const changes = members.filter((name) => value[name] !== undefined).map((name) => [name, value[name]]);
      return { body: { ...body, ...Object.fromEntries(changes) } };
    },
  };
}

/** Something new: a handler is told the id that it will have, so that it can be kept elsewhere whose it is. */
function made(id: string, ...members: readonly string[]): Shape {
  return {
    show: (said) => ({ ...shown.show(said), [id]: said.body[id] ?? randomUUID() }),
    take: written(id, ...members).take,
  };
}

const KWARGS = ["input", "command", "config", "context"];

const createRun: Shape = {
  show({ params, body }) {
    const { assistant_id, metadata, multitask_strategy = null, if_not_exists, after_seconds = 0, ...kwargs } = body;
    return {
      thread_id: params["thread_id"] ?? null,
      assistant_id: assistant_id == null ? null : assistantOf(String(assistant_id)),
      run_id: params["run_id"] ?? null,
      status: "pending",
      metadata: metadata ?? {},
      prevent_insert_if_inflight: multitask_strategy === "reject",
      multitask_strategy,
      if_not_exists: if_not_exists ?? "reject",
      after_seconds,
      kwargs,
    };
  },
  take(value, { body }) {
    // Whoever answers a question makes a run that goes on as it was started.
    if (!("assistant_id" in body)) return {};
    const kwargs = (value["kwargs"] ?? {}) as Members;
    const changed = KWARGS.filter((name) => kwargs[name] !== undefined).map((name) => [name, kwargs[name]]);
    return { body: { ...body, ...Object.fromEntries(changed), metadata: value["metadata"] } };
  },
};

const CRON_MEMBERS = ["schedule", "timezone", "end_time", "enabled", "on_run_completed", "metadata", "assistant_id"];

const cron: Shape = {
  show({ params, body }) {
    const own = Object.entries(body).filter(([name]) => CRON_MEMBERS.includes(name));
    const payload = Object.entries(body).filter(([name]) => !CRON_MEMBERS.includes(name));
    return {
      cron_id: null,
      thread_id: null,
      ...params,
      ...Object.fromEntries(own),
      payload: Object.fromEntries(payload),
    };
  },
  take: (value, { body }) => ({
    body: { ...body, ...(value["metadata"] === undefined ? {} : { metadata: value["metadata"] }) },
  }),
};

/** Where a handler may put other names for the namespace and the key. */
function named(place: "body" | "query", namespace: string, ...others: readonly string[]): Shape {
  return {
    show(said) {
      const { [namespace]: path, ...rest } = said[place];
      return { ...rest, namespace: path ?? [] };
    },
    take(value, said) {
      const changes = others.filter((name) => value[name] !== undefined).map((name) => [name, value[name]]);
      return { [place]: { ...said[place], ...Object.fromEntries(changes), [namespace]: pathOf(value["namespace"]) } };
    },
  };
}

const SHAPES: Record<AuthEvent, Shape> = {
  "threads:create": made("thread_id", "metadata"),
  "threads:read": shown,
  "threads:update": written("metadata"),
  "threads:delete": shown,
  "threads:search": shown,
  "threads:create_run": createRun,
  "assistants:create": made("assistant_id", "metadata", "config", "context"),
  "assistants:read": shown,
  "assistants:update": written("metadata", "config", "context"),
  "assistants:delete": shown,
  "assistants:search": shown,
  "crons:create": cron,
  "crons:read": shown,
  "crons:update": cron,
  "crons:delete": shown,
  "crons:search": shown,
  "store:put": named("body", "namespace", "key", "value"),
  "store:get": named("query", "namespace", "key"),
  "store:search": named("body", "namespace_prefix"),
  "store:list_namespaces": named("body", "prefix"),
  "store:delete": named("body", "namespace", "key"),
};

/** What the handlers of an event are shown of a request: a copy, so that one that fails has changed nothing. */
export function shownValue(event: AuthEvent, said: Said): Record<string, unknown> {
  return structuredClone(SHAPES[event].show(said));
}

/** The request as a handler has changed it. Throws what is no fault of the caller's: it was the handler that wrote it. */
export function changedBy(event: AuthEvent, value: Members, said: Said): Said {
  const changes = SHAPES[event].take(value, said);
  const metadata = changes.body?.["metadata"];
  if (metadata != null && !metadataSchema.safeParse(metadata).success) {
    throw new TypeError(`the handler of ${event} made of metadata what cannot be stored`);
  }
  return { ...said, ...changes };
}

function pathOf(given: unknown): string[] {
  if (given == null) return [];
  if (Array.isArray(given) && given.every((label) => typeof label === "string")) return given;
  throw new TypeError("a handler must leave the namespace a list of texts");
}
