import type { AskedModel } from "./asked-model.ts";
import { fitSchema } from "./fit-schema.ts";
import type { CheckedStep, StepUsage } from "./model-step.ts";

/** What a model says, before it is put into a protocol. */
export interface ModelReply {
  id: string;
  /** Seconds since 1970. */
  created: number;
  model: string;
  /** Undefined when it only asks for calls. */
  text: string | undefined;
  calls: readonly { id: string; name: string; arguments: string }[];
  usage: StepUsage;
}

/** One event of a stream. Pieces are those that carry some of the answer. */
export interface WireEvent {
  text: string;
  isPiece: boolean;
}

/** How a protocol reads a request and writes an answer. */
export interface Wire {
  read(body: Record<string, unknown>): AskedModel;
  whole(reply: ModelReply, asked: AskedModel): object;
  events(reply: ModelReply, asked: AskedModel): Iterable<WireEvent>;
}

const PIECE = /\S{1,16}\s*|\s+/gu;
const CHARACTERS_A_TOKEN = 4;

/** What the model says in this step: what is scripted, or the smallest answer that fits what was asked. */
export function replyTo(asked: AskedModel, step: CheckedStep, number: number, nowMs: number): ModelReply {
  const said = contentOf(asked, step, number);
  const { text, calls } = step.malformed === "content" ? brokenOff(said) : said;
  const counted = { input_tokens: tokensOf(asked.body), output_tokens: tokensOf([text, calls]), cached_tokens: 0 };
  return {
    id: `mock-${number}`,
    created: Math.floor(nowMs / 1000),
    model: asked.model,
    text,
    calls,
    usage: step.usage ?? counted,
  };
}

/** A text as a stream carries it: words, and long words in parts. */
export function piecesOf(text: string): string[] {
  return text === "" ? [""] : (text.match(PIECE) ?? [text]);
}

type Said = Pick<ModelReply, "text" | "calls">;

function contentOf(asked: AskedModel, step: CheckedStep, number: number): Said {
  const call = (name: string, args: unknown, index = 0, id = `call_mock_${number}_${index}`) => {
    return { id, name, arguments: JSON.stringify(args) };
  };
  if (step.tool_calls !== undefined) {
    return { text: step.text, calls: step.tool_calls.map(({ name, args, id }, index) => call(name, args, index, id)) };
  }
  if (step.text !== undefined) return { text: step.text, calls: [] };
  const isScripted = step.json !== undefined;
  if (asked.must_call !== undefined) {
    const tool = asked.tools.find(({ name }) => name === asked.must_call);
    return { text: undefined, calls: [call(asked.must_call, isScripted ? step.json : fitSchema(tool?.parameters))] };
  }
  if (isScripted) return { text: JSON.stringify(step.json), calls: [] };
  if (asked.schema !== undefined) return { text: JSON.stringify(fitSchema(asked.schema)), calls: [] };
  const about = asked.question.replaceAll(/\s+/g, " ").slice(0, 60);
  return { text: `[mock] Nothing is scripted for this: ${about === "" ? "no question" : about}`, calls: [] };
}

function brokenOff({ text, calls }: Said): Said {
  const half = (whole: string) => whole.slice(0, Math.ceil(whole.length / 2));
  return {
    text: text === undefined ? undefined : half(text),
    calls: calls.map((call) => ({ ...call, arguments: half(call.arguments) })),
  };
}

const tokensOf = (value: unknown) => Math.max(1, Math.ceil(JSON.stringify(value).length / CHARACTERS_A_TOKEN));
