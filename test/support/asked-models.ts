import { HumanMessage } from "@langchain/core/messages";
import type { MemoryGuards } from "../../src/kit/memory-guards.ts";
import { createMemoryGuards } from "../../src/kit/memory-guards.ts";
import { createMemoryQuestions } from "../../src/kit/memory-questions.ts";
import type { ModelGateway } from "../../src/kit/models/gateway.ts";
import { configureModels, type ModelConfiguration, type ModelOptions, model } from "../../src/kit/models/model.ts";
import type { RunFacts } from "../../src/kit/ports.ts";
import { isHoldpointError } from "../../src/protocol/errors.ts";
import { type TestClock, testClock, withTestPorts } from "../../src/testing.ts";
import type { OpenAIServer } from "./openai-server.ts";

/** Calls of models in a run of their own: what they waited, and what was put to their account. */
export interface AskedModels {
  clock: TestClock;
  guards: MemoryGuards;
  /** The models that requests went to, in order. */
  asked(): string[];
  /** The chat model under these options. */
  chat(options?: ModelOptions): Promise<ModelGateway>;
  /** Runs something as part of a run. */
  within<Result>(body: () => Promise<Result>, run?: Partial<RunFacts>): Promise<Result>;
  /** One question; gives the text of the answer. */
  ask(options?: ModelOptions, question?: string): Promise<string>;
  /** The same, streamed; gives the pieces. */
  stream(options?: ModelOptions): Promise<string[]>;
}

/** A scene with a clock that skips every wait, so that tests only see how long it was. */
export function askedModels(server: OpenAIServer, configuration: Partial<ModelConfiguration> = {}): AskedModels {
  configureModels({
    apiKey: "sk-test-0123456789",
    baseUrl: server.url,
    model: "first",
    random: () => 0.5,
    ...configuration,
  });
  const clock = testClock({ waits: "skipped" });
  const guards = createMemoryGuards({ clock });
  const questions = createMemoryQuestions();
  const within = <Result>(body: () => Promise<Result>, run: Partial<RunFacts> = {}) =>
    withTestPorts({ clock, guards, questions, run }, body);
  const chat = async (options: ModelOptions = {}) => (await model(options)) as ModelGateway;
  return {
    clock,
    guards,
    within,
    chat,
    asked: () => server.requests.map(({ body }) => String(body["model"])),
    ask: (options, question = "What now?") =>
      within(async () => (await (await chat(options)).invoke([new HumanMessage(question)])).text),
    stream: (options) =>
      within(async () => {
        const pieces: string[] = [];
        for await (const piece of await (await chat(options)).stream("What now?")) pieces.push(piece.text);
        return pieces.filter((text) => text !== "");
      }),
  };
}

/** A chat model whose provider is a function. */
export async function chatOver(fetch: (url: unknown, init?: RequestInit) => Promise<Response>, name = "m") {
  const { ChatOpenAI } = await import("@langchain/openai");
  const configuration = { baseURL: "http://model.invalid/v1", fetch };
  return new ChatOpenAI({ apiKey: "x", model: name, __includeRawResponse: true, configuration });
}

/** What a call that failed says of itself. */
export async function failureOf(promise: Promise<unknown>): Promise<Record<string, unknown>> {
  const error = await promise.then(
    (value) => new Error(`it did not fail, but gave ${JSON.stringify(value)}`),
    (thrown: unknown) => thrown,
  );
  if (!isHoldpointError(error)) throw error;
  return { code: error.code, message: error.message, cause: error.cause, ...error.facts };
}
