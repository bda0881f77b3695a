import { kitClock } from "../kit/clock.ts";
import { isHoldpointError } from "../protocol/errors.ts";
import { type AskedModel, ProtocolFault } from "./asked-model.ts";
import { CHAT } from "./chat-wire.ts";
import { type EmbeddingsRequest, embeddingsOf, readEmbeddings } from "./embeddings-wire.ts";
import { answerResponse, errorResponse } from "./model-answer.ts";
import { type ModelFault, strikes } from "./model-fault.ts";
import { replyTo, type Wire } from "./model-reply.ts";
import { type AfterScript, createScript } from "./model-script.ts";
import type { CheckedStep, ModelStep, ScriptStep, StepUsage } from "./model-step.ts";
import { RESPONSES } from "./responses-wire.ts";

/** How a scripted model behaves. */
export interface ModelApiOptions {
  steps?: readonly ScriptStep[];
  /** What follows the last step: an answer that is made up, unless given. */
  after?: AfterScript;
  faults?: readonly ModelFault[];
  /** Before every answer. */
  latencyMs?: number;
  /** What every answer says it has used, unless its step says so; counted unless given. */
  usage?: StepUsage;
  /** Told of every request, when its answer begins. */
  onServed?: (served: ServedRequest) => void;
}

/** One request, and what was done about it. */
export interface ServedRequest {
  path: string;
  model: string | null;
  streams: boolean;
  status: number;
  /** In a word or two: text, json, tool_calls, made up, hang, cut … */
  what: string;
  question: string;
  tokens: number;
}

/** A model that follows a script, behind OpenAI's protocols. */
export interface ModelApi {
  fetch(request: Request): Promise<Response>;
  /** What it was asked last, oldest first. */
  readonly requests: readonly ReceivedRequest[];
  readonly embeddings: EmbeddingsApi;
  /** How often it was asked for more than the script has. */
  readonly overrun: number;
  /** Steps that were to come in order and were never used. */
  readonly left: number;
  /** Begins a new script, and forgets what was asked. */
  script(...steps: ScriptStep[]): void;
}

/** A request that was received, with the authorization it came with. */
export interface ReceivedRequest {
  asked: AskedModel;
  body: Record<string, unknown>;
  authorization: string | undefined;
}

/** What is done with a request for embeddings: vectors, of another length if told so; or an error, or something else. */
export type EmbeddingsStep = Pick<ModelStep, "status" | "headers" | "message" | "json" | "hang"> & { dims?: number };

/** The part of it that makes vectors. */
interface EmbeddingsApi {
  requests: EmbeddingsRequest[];
  script(...steps: EmbeddingsStep[]): void;
}

const MOST_REMEMBERED = 10_000;
const WIRES: Readonly<Record<string, Wire>> = { "/v1/chat/completions": CHAT, "/v1/responses": RESPONSES };

/** Makes one. It keeps the last ten thousand requests. */
export function createModelApi(options: ModelApiOptions = {}): ModelApi {
  const requests: ReceivedRequest[] = [];
  const embeddings = { requests: [] as EmbeddingsRequest[], steps: [] as EmbeddingsStep[] };
  let script = createScript(options.steps ?? [], options.after ?? "make_up");
  let served = 0;
  const ask = async (wire: Wire, body: Record<string, unknown>, request: Request): Promise<Response> => {
    const asked = wire.read(body);
    requests.push({ asked, body, authorization: request.headers.get("authorization") ?? undefined });
    if (requests.length > MOST_REMEMBERED) requests.shift();
    served += 1;
    const number = served;
    const fault = options.faults?.find((one) => strikes(one, number));
    // A request that is slow, cut or broken still gets its step's answer; one that is refused leaves the step for the next.
    const replaces = fault !== undefined && (fault.step.status !== undefined || fault.step.hang === true);
    const next = replaces ? undefined : script.next(asked);
    const refused = !replaces && next === undefined && options.after !== undefined && options.after !== "make_up";
    const step = { ...(refused ? exhausted(script.overrun) : next), ...fault?.step } as CheckedStep;
    return await perform({ wire, asked, step, number, request, options, isFault: fault !== undefined });
  };
  return {
    requests,
    get overrun() {
      return script.overrun;
    },
    get left() {
      return script.left;
    },
    embeddings: {
      requests: embeddings.requests,
      script(...steps) {
        embeddings.steps = steps;
        embeddings.requests.length = 0;
      },
    },
    script(...steps) {
      script = createScript(steps, options.after ?? "make_up");
      requests.length = 0;
    },
    async fetch(request) {
      const { pathname } = new URL(request.url);
      try {
        if (request.method === "GET" && /^\/v1\/models(\/|$)/.test(pathname)) return modelsResponse(pathname, requests);
        const wire = Object.hasOwn(WIRES, pathname) ? WIRES[pathname] : undefined;
        if (request.method !== "POST" || (wire === undefined && pathname !== "/v1/embeddings"))
          return errorResponse(404, `no route ${request.method} ${pathname}; ${ROUTES}`);
        const body = await readBody(request);
        return wire === undefined ? await embed(embeddings, body, request, options) : await ask(wire, body, request);
      } catch (error) {
        if (error instanceof ProtocolFault) return errorResponse(400, error.message, { param: error.param });
        // A step that a function has made may be none.
        if (isHoldpointError(error)) return errorResponse(400, error.message);
        throw error;
      }
    },
  };
}

const ROUTES = "there are POST /v1/chat/completions, /v1/responses and /v1/embeddings, and GET /v1/models";

interface Performance {
  wire: Wire;
  asked: AskedModel;
  step: CheckedStep;
  number: number;
  request: Request;
  options: ModelApiOptions;
  isFault: boolean;
}

async function perform({ wire, asked, step, number, request, options, isFault }: Performance): Promise<Response> {
  const clock = kitClock();
  const { signal } = request;
  const usage = step.usage ?? options.usage;
  const reply = replyTo(asked, usage === undefined ? step : { ...step, usage }, number, clock.now());
  const { model, streams, question } = asked;
  const tokens =
    step.status === undefined && step.hang !== true ? reply.usage.input_tokens + reply.usage.output_tokens : 0;
  const what = `${whatOf(step)}${isFault ? " (fault)" : ""}`;
  const path = new URL(request.url).pathname;
  options.onServed?.({ path, model, streams, status: step.status ?? 200, what, question, tokens });
  if ((options.latencyMs ?? 0) > 0) await clock.sleep(options.latencyMs ?? 0, signal);
  if (step.hang === true) return await never(signal);
  if (step.status !== undefined) {
    const { status, message = `scripted: ${status}`, code = null, headers = {} } = step;
    return errorResponse(status, message, { code, headers });
  }
  const response = await answerResponse({ wire, asked, reply, step, clock, signal });
  response.headers.set("x-request-id", `req_mock_${number}`);
  return response;
}

function whatOf(step: CheckedStep): string {
  if (step.status !== undefined) return step.message === EXHAUSTED ? "nothing scripted" : "error";
  if (step.hang === true) return "hangs";
  const answer = step.tool_calls !== undefined ? "tool calls" : step.json !== undefined ? "json" : step.text;
  const kind = answer === undefined ? "made up" : answer === step.text ? "text" : answer;
  return step.cut !== undefined ? `${kind}, cut` : step.malformed !== undefined ? `${kind}, malformed` : kind;
}

const EXHAUSTED = "the model was asked more often than its script has steps";

// Not worth another try, and no fault of a provider: the script is wrong, or whoever asks too often.
const exhausted = (overrun: number): Partial<CheckedStep> => ({
  status: 400,
  code: "script_exhausted",
  message: EXHAUSTED,
  headers: { "x-mock-overrun": String(overrun) },
});

async function never(signal: AbortSignal): Promise<never> {
  signal.throwIfAborted();
  return await new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

async function readBody(request: Request): Promise<Record<string, unknown>> {
  const text = await request.text();
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new ProtocolFault("body", "the body of the request is no JSON");
  }
  if (typeof body === "object" && body !== null && !Array.isArray(body)) return body as Record<string, unknown>;
  throw new ProtocolFault("body", "the body of the request has to be a JSON object");
}

async function embed(
  state: { requests: EmbeddingsRequest[]; steps: EmbeddingsStep[] },
  body: Record<string, unknown>,
  request: Request,
  options: ModelApiOptions,
): Promise<Response> {
  const asked = readEmbeddings(body);
  state.requests.push(asked);
  if (state.requests.length > MOST_REMEMBERED) state.requests.shift();
  const step = (state.steps.length > 1 ? state.steps.shift() : state.steps[0]) ?? {};
  const { status } = step;
  const { model } = asked;
  const what = status === undefined ? "vectors" : "error";
  const question = asked.input[0] ?? "";
  options.onServed?.({
    path: "/v1/embeddings",
    model,
    streams: false,
    status: status ?? 200,
    what,
    question,
    tokens: 0,
  });
  if (step.hang === true) return await never(request.signal);
  if (status !== undefined) return errorResponse(status, step.message ?? "scripted", { headers: step.headers ?? {} });
  return Response.json(step.json ?? embeddingsOf(asked, step.dims));
}

function modelsResponse(pathname: string, requests: readonly ReceivedRequest[]): Response {
  const entry = (id: string) => ({ id, object: "model", created: 0, owned_by: "holdpoint-mock" });
  const id = decodeURIComponent(pathname.slice("/v1/models/".length));
  if (id !== "") return Response.json(entry(id));
  const names = new Set(["mock", ...requests.map(({ asked }) => asked.model)]);
  return Response.json({ object: "list", data: [...names].map(entry) });
}
