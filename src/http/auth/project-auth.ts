import { HoldpointError } from "../../protocol/errors.ts";

/** What is asked of a handler of a project's Auth, before a request is answered. */
export interface AuthQuestion {
  event: string;
  resource: string;
  action: string;
  /** What the request says; a handler may change it. */
  value: unknown;
  user: unknown;
  permissions: readonly string[];
}

type Handler<Question> = (question: Question) => unknown;

/** The Auth of the project that is served: who somebody is, and what of it they may see. */
export interface ProjectAuth {
  authenticate(request: Request): Promise<unknown>;
  /** Of the handlers that an event has only the first is asked; undefined where there is none. */
  handlerOf(resource: string, action: string): ((question: AuthQuestion) => Promise<unknown>) | undefined;
}

const TIMEOUT_MS = 10_000;
const MEMBER = "~handlerCache";

interface Handlers {
  authenticate?: unknown;
  callbacks?: unknown;
}

/**
 * The Auth that a file exports, an instance of the class of `@langchain/langgraph-sdk/auth`. Told by its members: the
 * project has a copy of that class of its own. Throws `configuration_invalid` for everything that would leave the
 * server open.
 */
export function projectAuth(exported: unknown, origin: string, timeoutMs = TIMEOUT_MS): ProjectAuth {
  const handlers =
    typeof exported === "object" && exported !== null && MEMBER in exported ? exported[MEMBER] : undefined;
  if (typeof handlers !== "object" || handlers === null) {
    throw unusable(origin, "is no Auth; export an instance of Auth of @langchain/langgraph-sdk/auth");
  }
  const { authenticate } = handlers as Handlers;
  if (typeof authenticate !== "function") {
    throw unusable(origin, "has no authenticate handler, so it would let everybody in; give it one");
  }
  return {
    authenticate: (request) => inTime(authenticate as Handler<Request>, request, timeoutMs),
    handlerOf(resource, action) {
      // Read at each question: handlers may be added as long as the process runs.
      const callbacks = ((handlers as Handlers).callbacks ?? {}) as Record<string, unknown>;
      const names = [`${resource}:${action}`, resource, `*:${action}`, "*"];
      const name = names.find((one) => Object.hasOwn(callbacks, one));
      const handler = name === undefined ? undefined : callbacks[name];
      if (typeof handler !== "function") return undefined;
      return (question) => inTime(handler as Handler<AuthQuestion>, question, timeoutMs);
    },
  };
}

function unusable(origin: string, problem: string): HoldpointError {
  return new HoldpointError("configuration_invalid", `the Auth of ${origin} ${problem}`);
}

/** Asks a handler. Throws `auth_unavailable` when it does not answer, and whatever it throws itself. */
async function inTime<Question>(handler: Handler<Question>, question: Question, timeoutMs: number): Promise<unknown> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const message = `the Auth of this server did not answer within ${timeoutMs} ms; try again later`;
  const timer = setTimeout(() => reject(new HoldpointError("auth_unavailable", message)), timeoutMs);
  try {
    return await Promise.race([handler(question), late]);
  } finally {
    clearTimeout(timer);
  }
}
