import { setTimeout as pause } from "node:timers/promises";
import type { AIMessageChunk } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import {
  Annotation,
  END,
  interrupt,
  type LangGraphRunnableConfig,
  MessagesValue,
  ReducedValue,
  START,
  StateGraph,
  StateSchema,
} from "@langchain/langgraph";
import { ChatOpenAI } from "@langchain/openai";
import { z } from "zod";

// A small project as somebody might bring it: nothing in it knows which server runs it.

const Words = new StateSchema({ text: z.string(), log: z.array(z.string()).default([]) });
type Words = typeof Words.State;

/** Two nodes, and something said on the way. */
export const plain = new StateGraph(Words)
  .addNode("upper", (state: Words) => ({ text: state.text.toUpperCase(), log: [...state.log, "upper"] }))
  .addNode("mark", (state: Words, config: LangGraphRunnableConfig) => {
    config.writer?.({ note: "line\u2028separator" });
    return { text: `${state.text}!`, log: [...state.log, "mark"] };
  })
  .addEdge(START, "upper")
  .addEdge("upper", "mark")
  .addEdge("mark", END)
  .compile();

const Steps = Annotation.Root({ text: Annotation<string>(), count: Annotation<number>() });
const step = (name: string) => (state: typeof Steps.State) => ({
  text: `${state.text}${name}`,
  count: state.count + 1,
});

const Answers = new StateSchema({
  text: z.string(),
  answers: new ReducedValue(z.array(z.unknown()).default([]), {
    inputSchema: z.array(z.unknown()),
    reducer: (current, next) => [...current, ...next],
  }),
});
type Answers = typeof Answers.State;

/** Four nodes in a row with a small state. */
export const four = new StateGraph(Steps)
  .addNode("a", step("a"))
  .addNode("b", step("b"))
  .addNode("c", step("c"))
  .addNode("d", step("d"))
  .addEdge(START, "a")
  .addEdge("a", "b")
  .addEdge("b", "c")
  .addEdge("c", "d")
  .compile();

/** Asks once. */
export const asks = new StateGraph(Answers)
  .addNode("ask", (state: Answers) => ({ answers: [interrupt({ question: state.text })] }))
  .addNode("thank", (state: Answers) => ({ text: `${state.text} thanks` }))
  .addEdge(START, "ask")
  .addEdge("ask", "thank")
  .addEdge("thank", END)
  .compile();

/** Asks two questions at the same time. */
export const asks_twice = new StateGraph(Answers)
  .addNode("left", () => ({ answers: [interrupt("left?")] }))
  .addNode("right", () => ({ answers: [interrupt("right?")] }))
  .addEdge(START, "left")
  .addEdge(START, "right")
  .addEdge("left", END)
  .addEdge("right", END)
  .compile();

/** Fails in its second node. */
export const fails = new StateGraph(Words)
  .addNode("begin", (state: Words) => ({ log: [...state.log, "begin"] }))
  .addNode("break", () => {
    throw new TypeError("Boo!");
  })
  .addEdge(START, "begin")
  .addEdge("begin", "break")
  .addEdge("break", END)
  .compile();

/** Takes longer than anybody waits, unless it is stopped. */
export const slow = new StateGraph(Words)
  .addNode("begin", (state: Words) => ({ log: [...state.log, "begin"] }))
  .addNode("wait", async (_state: Words, { signal }: LangGraphRunnableConfig) => {
    await pause(60_000, undefined, signal === undefined ? {} : { signal });
    return {};
  })
  .addEdge(START, "begin")
  .addEdge("begin", "wait")
  .addEdge("wait", END)
  .compile();

const inner = new StateGraph(Words)
  .addNode("inner_one", (state: Words) => ({ log: [...state.log, "inner_one"] }))
  .addNode("inner_two", (state: Words) => ({ text: `(${state.text})` }))
  .addEdge(START, "inner_one")
  .addEdge("inner_one", "inner_two")
  .addEdge("inner_two", END)
  .compile();

const middle = new StateGraph(Words).addNode("inner", inner).addEdge(START, "inner").addEdge("inner", END).compile();

/** A graph in a graph in a graph. */
export const nested = new StateGraph(Words)
  .addNode("before", (state: Words) => ({ log: [...state.log, "before"] }))
  .addNode("middle", middle)
  .addEdge(START, "before")
  .addEdge("before", "middle")
  .addEdge("middle", END)
  .compile();

const Chat = new StateSchema({ messages: MessagesValue });
type Chat = typeof Chat.State;

/** Streams what a model says. */
export const talks = new StateGraph(Chat)
  .addNode("model", async (state: Chat) => {
    const configuration = { baseURL: process.env["BENCH_MODEL_URL"] as string };
    const model = new ChatOpenAI({ model: "bench", apiKey: "none", configuration });
    let said: AIMessageChunk | undefined;
    for await (const chunk of await model.stream(state.messages))
      said = said === undefined ? chunk : said.concat(chunk);
    return { messages: said === undefined ? [] : [said] };
  })
  .addEdge(START, "model")
  .addEdge("model", END)
  .compile();

/** Made for each request, by what the request says. */
export function made(config: RunnableConfig) {
  const word = String(config.configurable?.["word"] ?? "nothing");
  return new StateGraph(Words)
    .addNode("say", (state: Words) => ({ text: `${state.text} ${word}` }))
    .addEdge(START, "say")
    .addEdge("say", END)
    .compile();
}
