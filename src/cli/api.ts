import type { z } from "zod";
import { CommandError } from "./command-error.ts";
import type { Connection } from "./connection.ts";
import { EXIT, exitCodeOf } from "./exit-codes.ts";
import { sanitiseLine } from "./sanitise.ts";
import { errorWire } from "./wire.ts";

const TIMEOUT_MS = 30_000;
const LONGEST_MESSAGE = 2000;

/** One request. */
export interface ApiRequest {
  query?: Readonly<Record<string, string | number | undefined>>;
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
  signal?: AbortSignal | undefined;
}

/** An answer that was understood. */
export interface ApiAnswer<Body> {
  body: Body;
  headers: Headers;
}

/** Asks the server. A refusal becomes a CommandError with the exit code of its cause. */
export interface Api {
  readonly connection: Connection;
  request<Body>(method: string, path: string, schema: z.ZodType<Body>, request?: ApiRequest): Promise<ApiAnswer<Body>>;
}

/** The client of one server, for the routes that are Holdpoint's own and for plain reads. */
export function createApi(connection: Connection): Api {
  return {
    connection,
    async request(method, path, schema, request = {}) {
      const response = await send(connection, method, path, request);
      const text = await response.text().catch((cause: unknown) => {
        throw unreachable(connection, cause);
      });
      if (!response.ok) throw refusal(response.status, response.headers.get("x-holdpoint-error"), text);
      const parsed = schema.safeParse(text === "" ? null : parseJson(text));
      if (parsed.success) return { body: parsed.data, headers: response.headers };
      const where = parsed.error.issues[0]?.path.join(".") ?? "";
      throw new CommandError(
        EXIT.failed,
        `${connection.url}${path} did not answer like a Holdpoint server (${where === "" ? "not what was expected" : `"${where}" is not as expected`}): check ${connection.source}`,
        { cause: parsed.error },
      );
    },
  };
}

/** One line about a server that does not answer: what was tried, and what to do. */
export function unreachable({ url, source }: Connection, cause: unknown): CommandError {
  return new CommandError(
    EXIT.failed,
    `cannot reach ${url} (from ${source}): ${reasonOf(cause)}. Start the server with "npm start", or set HOLDPOINT_SERVER_URL`,
    { cause, code: "unreachable" },
  );
}

/** The error that a refusal of the server means to a command. */
export function refusal(status: number, codeHeader: string | null, text: string): CommandError {
  const own = errorWire.safeParse(parseJson(text));
  const code = own.success ? own.data.error.code : (codeHeader ?? undefined);
  const said = own.success ? own.data.error.message : text;
  const message =
    said.trim() === "" ? `the server answered ${status}` : sanitiseLine(said.trim().slice(0, LONGEST_MESSAGE));
  const faults = own.success ? faultLines(own.data.error.facts?.["faults"]) : [];
  const hint = status === 401 ? ". Set HOLDPOINT_API_KEY to a key of this server" : "";
  return new CommandError(
    exitCodeOf(code, status),
    [message + hint, ...faults].join("\n"),
    code === undefined ? {} : { code },
  );
}

function faultLines(faults: unknown): string[] {
  if (!Array.isArray(faults) || faults.length < 2) return [];
  return faults
    .slice(0, 20)
    .map((fault: { pointer?: unknown; message?: unknown }) =>
      sanitiseLine(`  ${String(fault?.pointer ?? "")} ${String(fault?.message ?? "")}`),
    );
}

async function send(connection: Connection, method: string, path: string, request: ApiRequest): Promise<Response> {
  const url = new URL(connection.url + path);
  for (const [name, value] of Object.entries(request.query ?? {})) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  try {
    return await fetch(url, {
      method,
      headers: {
        accept: "application/json",
        ...(request.body === undefined ? {} : { "content-type": "application/json" }),
        ...(connection.apiKey === undefined ? {} : { "x-api-key": connection.apiKey }),
        ...request.headers,
      },
      body: request.body === undefined ? null : JSON.stringify(request.body),
      signal: request.signal === undefined ? timeout : AbortSignal.any([timeout, request.signal]),
      // A key must not follow a redirect to somebody else.
      redirect: "error",
    });
  } catch (cause) {
    if (request.signal?.aborted === true) throw cause;
    throw unreachable(connection, cause);
  }
}

function reasonOf(cause: unknown): string {
  if (cause instanceof Error && cause.name === "TimeoutError") return `no answer within ${TIMEOUT_MS / 1000} s`;
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const code = inner instanceof Error && "code" in inner ? String(inner.code) : "";
  if (code === "ECONNREFUSED") return "nothing listens there";
  if (code === "ENOTFOUND") return "there is no such host";
  return sanitiseLine(inner instanceof Error && inner.message !== "" ? inner.message : String(inner));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
