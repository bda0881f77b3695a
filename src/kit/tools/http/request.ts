import { z } from "zod";
import { type HttpRule, httpTarget, parseHttpRule } from "../../../policy/http-target.ts";
import { HoldpointError } from "../../../protocol/errors.ts";
import type { Json } from "../../../protocol/json.ts";
import { notDone } from "../../effects/not-done.ts";
import { currentNetwork } from "../../outside.ts";
import { plainText } from "../../plain-json.ts";
import { defineTool, type Tool, type ToolCall, type ToolOptions } from "../../tool/tool.ts";
import { type Content, contentType, READABLE_TYPES, readContent, tooLarge } from "./answer.ts";
import { type Exchanged, exchange } from "./exchange.ts";
import { notAllowed, RequestFailed, statusFailure } from "./failure.ts";
import { secretsHidden } from "./secrets.ts";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] as const;
const MAX_BYTES = 1_048_576;
// Of an answer that tells of no success, for a person to read.
const TOLD_LENGTH = 300;

/** The methods that a tool may use. */
export type HttpMethod = (typeof METHODS)[number];

/** What is asked of a tool that makes requests. */
const httpInput = z.strictObject({
  url: z.string().min(1).max(4_096),
  /** The first one the tool allows unless given. */
  method: z.enum(METHODS).optional(),
  /** Added to the URL. */
  query: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
  /** Text is sent as it is, everything else as JSON. */
  body: z.json().optional(),
});

/** What a request was answered. */
const httpOutput = z.object({
  status: z.number().int(),
  /** Where the answer came from, redirects followed. */
  url: z.string(),
  content_type: z.string(),
  /** JSON as a value, other text as text; null where there is none. */
  body: z.json(),
  /** Why the body of an answer to a change is not here. */
  problem: z.string().nullable(),
});

type HttpTerms<Name extends string> = Omit<
  ToolOptions<Name, typeof httpInput, typeof httpOutput>,
  "name" | "description" | "input" | "output" | "effect" | "run"
>;

/** Where a tool may make requests, and how. */
export interface HttpOptions<Name extends string> extends HttpTerms<Name> {
  /** `http_request` unless given. */
  name?: Name;
  description?: string;
  /** Hosts and pages: `api.example.com`, `*.example.com`, `https://status.example.com/v1/*`. Without a scheme it is https. */
  allow: readonly string[];
  /** GET alone for what reads, POST alone for what changes, unless given. */
  methods?: readonly HttpMethod[];
  /** `read` unless given. */
  effect?: ToolOptions<Name, typeof httpInput, typeof httpOutput>["effect"];
  /** Headers of a request, keys among them: they are sent to its origin only, and recorded nowhere. */
  headers?: (request: { url: URL; method: HttpMethod; effect_id: string }) => HeadersOf | Promise<HeadersOf>;
  /** The largest answer that is read; 1 MiB unless given. */
  max_bytes?: number;
  /** Content types that are read, such as `text/*`; JSON, XML and text unless given. */
  content_types?: readonly string[];
  /** What is an answer too, beside 200 to 299: 404, say, where nothing is an answer. */
  statuses?: readonly number[];
}

type HeadersOf = Readonly<Record<string, string>>;

/**
 * A tool that makes HTTP requests, to what is on its list and on the internet only: an address of a private network is not
 * connected to, whatever name or redirect leads there, unless the operator's HOLDPOINT_TOOL_ALLOW names it.
 */
export function httpRequest<const Name extends string = "http_request">(
  options: HttpOptions<Name>,
): Tool<Name, typeof httpInput, typeof httpOutput> {
  const {
    allow,
    methods,
    headers,
    max_bytes = MAX_BYTES,
    content_types = READABLE_TYPES,
    statuses = [],
    ...rest
  } = options;
  const { name = "http_request" as Name, description, effect = "read", ...terms } = rest;
  const rules = rulesOf(name, allow);
  const allowed = methods ?? ([effect === "read" ? "GET" : "POST"] as const);
  if (!(max_bytes > 0 && Number.isSafeInteger(max_bytes)) || allowed.length === 0) {
    throw new HoldpointError("invalid", `the tool "${name}" needs a method, and max_bytes above 0`);
  }
  return defineTool({
    ...terms,
    name,
    description: description ?? `Makes a request (${allowed.join(", ")}) to ${allow.join(", ")}.`,
    input: httpInput,
    output: httpOutput,
    effect,
    async run(asked, call) {
      const method = asked.method ?? (allowed[0] as HttpMethod);
      try {
        if (!allowed.includes(method))
          throw notAllowed(`${method} is none of this tool's methods: ${allowed.join(", ")}`);
        const target = httpTarget(withQuery(asked.url, asked.query), rules);
        if (!target.ok) throw notAllowed(`the URL ${target.reason}`);
        const secret = lowerCased(await headers?.({ url: target.url, method, effect_id: call.effect_id }));
        const exchanged = await exchange({
          url: target.url,
          method,
          body: bodyOf(asked.body),
          headers: headersOf(asked.body, effect === "idempotent" ? call : undefined),
          secret,
          rules,
          network: currentNetwork(),
          maxBytes: max_bytes,
          signal: call.signal,
        });
        return await resultOf(exchanged, {
          maxBytes: max_bytes,
          types: content_types,
          statuses,
          isRead: effect === "read",
          hidden: secretsHidden(secret),
        });
      } catch (error) {
        throw toolError(name, error);
      }
    },
  });
}

interface ReadSettings {
  maxBytes: number;
  types: readonly string[];
  statuses: readonly number[];
  isRead: boolean;
  hidden: ReturnType<typeof secretsHidden>;
}

async function resultOf(
  { url, answer, isDone }: Exchanged,
  settings: ReadSettings,
): Promise<z.output<typeof httpOutput>> {
  const { status, headers, missing } = answer;
  const content = settings.hidden(await contentOf(answer, settings));
  if (!(status >= 200 && status <= 299) && !settings.statuses.includes(status)) {
    const said = content.ok && content.body !== null ? `: ${saidIn(content.body)}` : "";
    throw statusFailure(status, headers["retry-after"], `it answered with HTTP ${status}${said}`, isDone);
  }
  if (!content.ok && settings.isRead) {
    const isBroken = missing instanceof Error;
    throw new RequestFailed(content.problem, { class: isBroken ? "provider" : "validation", isSurelyNotDone: false });
  }
  // What has changed something has done so, whatever its answer looks like.
  const { body, problem } = content.ok
    ? { body: content.body, problem: null }
    : { body: null, problem: content.problem };
  return { status, url: url.href, content_type: contentType(headers), body, problem };
}

async function contentOf({ missing, body, headers }: Exchanged["answer"], settings: ReadSettings): Promise<Content> {
  if (missing === null) return await readContent(body, headers, settings);
  const problem = missing === "too_large" ? tooLarge(settings.maxBytes) : `its answer broke off: ${missing.message}`;
  return { ok: false, problem };
}

function saidIn(body: Json): string {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return text.replaceAll(/\s+/g, " ").trim().slice(0, TOLD_LENGTH).toWellFormed();
}

function rulesOf(name: string, allow: readonly string[]): HttpRule[] {
  const rules = allow.map((entry) => {
    const rule = parseHttpRule(entry);
    if (rule !== undefined) return rule;
    throw new HoldpointError(
      "invalid",
      `the tool "${name}" allows ${JSON.stringify(entry)}; allowed is a host, or a URL such as https://status.example.com/v1/*`,
    );
  });
  if (rules.length === 0)
    throw new HoldpointError("invalid", `the tool "${name}" allows nothing; name a host in allow`);
  return rules;
}

function withQuery(url: string, query: z.output<typeof httpInput>["query"]): string {
  if (query === undefined || !URL.canParse(url)) return url;
  const whole = new URL(url);
  for (const [name, value] of Object.entries(query)) whole.searchParams.append(name, String(value));
  return whole.href;
}

function bodyOf(body: Json | undefined): string | undefined {
  return body === undefined || typeof body === "string" ? body : JSON.stringify(body);
}

function headersOf(body: Json | undefined, call: ToolCall | undefined): Record<string, string> {
  const type = typeof body === "string" ? "text/plain; charset=utf-8" : "application/json";
  return {
    "user-agent": "holdpoint",
    accept: "application/json, text/*;q=0.8, */*;q=0.1",
    ...(body === undefined ? {} : { "content-type": type }),
    // Repeated until it is answered: whoever takes the key does it once.
    ...(call === undefined ? {} : { "idempotency-key": call.effect_id }),
  };
}

function lowerCased(headers: HeadersOf | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
}

/** The failure as a tool throws it; what surely did not happen may be tried again without asking anybody. */
export function toolError(tool: string, error: unknown): unknown {
  if (!(error instanceof RequestFailed)) return error;
  const { isSurelyNotDone, ...facts } = error.facts;
  const told = new HoldpointError("tool_failed", plainText(error.message), {
    facts: { ...facts, tool },
    cause: error.cause,
  });
  return isSurelyNotDone ? notDone(told) : told;
}
