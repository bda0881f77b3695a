import { AIMessage, type BaseMessage, HumanMessage, SystemMessage } from "@langchain/core/messages";
import type { z } from "zod";
import { nextAttemptMs } from "../../policy/call-retry.ts";
import { classifyError } from "../../policy/error-class.ts";
import type { ErrorClass } from "../../protocol/error-class.ts";
import { type ErrorCode, type HoldpointError, isHoldpointError } from "../../protocol/errors.ts";
import { kitClock } from "../clock.ts";
import { runSignal } from "../ports.ts";
import type { ModelGateway } from "./gateway.ts";
import { HELD_BACK, type ReadAnswer, readAnswer, tooLong } from "./read-answer.ts";
import { shapeOf } from "./shape.ts";

/** One question to a model, and the shape its answer must have. */
export interface AskOptions<Schema extends z.ZodType> {
  model: ModelGateway;
  schema: Schema;
  /** Names the shape towards the model: letters, digits, underscore. */
  name: string;
  system?: string;
  user: string;
  /** Answers at most; 3 unless given. What does not fit is sent back with what is wrong with it. */
  attempts?: number;
}

/** The answer, or why there is none, in one sentence for a person. */
export type AskResult<Value> = Asked & ({ ok: true; value: Value } | { ok: false; reason: string; class: ErrorClass });

interface Asked {
  /** The model that answered last, as its provider names it. */
  model: string;
  /** Requests that were made in all. */
  attempts: number;
}

const DEFAULT_ATTEMPTS = 3;

/**
 * Asks for an answer of a zod shape. An answer that does not fit is sent back with what is wrong; then, as when no model
 * answers at all, the failure is a value, so that the graph can take another way. Only a stopped run throws, and a pause.
 */
export async function askModel<Schema extends z.ZodType>(
  options: AskOptions<Schema>,
): Promise<AskResult<z.output<Schema>>> {
  const { model: gateway, schema, name, attempts: most = DEFAULT_ATTEMPTS } = options;
  const chat = gateway.withConfig({ shape: shapeOf(schema, { name }) });
  const question = [
    ...(options.system === undefined ? [] : [new SystemMessage(options.system)]),
    new HumanMessage(options.user),
  ];
  let messages: BaseMessage[] = question;
  let asked: Asked = { model: gateway.model, attempts: 0 };
  for (let answers = 1; ; answers += 1) {
    const given = await answerTo(chat, messages, schema);
    asked = { model: given.model ?? asked.model, attempts: asked.attempts + given.requests };
    const { answer } = given;
    if (answer.fits) return { ...asked, ok: true, value: answer.value };
    const kind = given.class ?? "validation";
    const isUseful = answer.repair !== undefined || given.begun === true;
    if (!isUseful || answers >= most) return { ...asked, ok: false, reason: answer.reason, class: kind };
    if (answer.repair !== undefined) messages = [...question, ...corrected(answer.repair)];
    else await pauseBefore(gateway, kind, answers, most);
  }
}

function corrected({ said, wrong }: { said: string; wrong: string }): BaseMessage[] {
  const correction = `That answer cannot be used:\n${wrong}\nAnswer again, with JSON of the asked shape alone.`;
  return [...(said === "" ? [] : [new AIMessage(said)]), new HumanMessage(correction)];
}

interface Given<Value> {
  answer: ReadAnswer<Value>;
  requests: number;
  model?: string;
  class?: ErrorClass;
  /** It broke off in the middle of its answer. */
  begun?: boolean;
}

type Chat = ReturnType<ModelGateway["withConfig"]>;

async function answerTo<Schema extends z.ZodType>(
  chat: Chat,
  messages: BaseMessage[],
  schema: Schema,
): Promise<Given<z.output<Schema>>> {
  try {
    const message = await chat.invoke(messages);
    const { requests = 1, model_name } = message.response_metadata as { requests?: number; model_name?: string };
    const named = typeof model_name === "string" && model_name !== "" ? { model: model_name } : {};
    return { answer: await readAnswer(message, schema), requests, ...named };
  } catch (error) {
    runSignal()?.throwIfAborted();
    if (!isNoAnswer(error)) throw error;
    const { attempts = 0, why, model, begun, no_answer } = error.facts as Facts;
    const { class: kind } = classifyError(error, kitClock().now());
    const reason = no_answer === "content_filter" ? HELD_BACK : (why ?? error.message);
    const answer = no_answer === "length" ? tooLong() : { fits: false as const, reason };
    return {
      answer,
      requests: attempts,
      class: kind,
      begun: begun === true,
      ...(model === undefined ? {} : { model }),
    };
  }
}

interface Facts {
  attempts?: number;
  why?: string;
  model?: string;
  begun?: boolean;
  no_answer?: string;
}

// Everything else is about the run, or about this process.
const NO_ANSWER: ReadonlySet<ErrorCode> = new Set(["model_failed", "rate_limited", "breaker_open", "budget_exceeded"]);

function isNoAnswer(error: unknown): error is HoldpointError {
  return isHoldpointError(error) && NO_ANSWER.has(error.code);
}

async function pauseBefore({ waits }: ModelGateway, kind: ErrorClass, made: number, attempts: number): Promise<void> {
  const waitMs = nextAttemptMs({ class: kind }, made, { ...waits, attempts }, waits.random());
  await kitClock().sleep(waitMs ?? 0, runSignal());
}
