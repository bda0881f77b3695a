import { Command, END, MemorySaver, START, StateGraph, StateSchema } from "@langchain/langgraph";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { review } from "../../src/kit/review/review.ts";
import { type Ask, withQuestions } from "../../src/kit/review/task-question.ts";
import type { ReviewValue } from "../../src/protocol/interrupt.ts";
import { withTestPorts } from "../../src/testing.ts";

const State = new StateSchema({ log: z.array(z.string()).default([]) });

/** A graph of one node, and a person who answers each of its questions by its own name. */
function scene(node: () => Promise<string[]>, maxAttempts = 1) {
  const retryPolicy = { maxAttempts, initialInterval: 1, jitter: false, logWarning: false, retryOn: () => true };
  const graph = new StateGraph(State)
    .addNode("work", async () => ({ log: await node() }), { retryPolicy })
    .addEdge(START, "work")
    .addEdge("work", END)
    .compile({ checkpointer: new MemorySaver() });
  const config = { configurable: { thread_id: "t" } };
  const asked: string[] = [];
  return {
    asked,
    /** Runs it and answers until it has ended. */
    async run(): Promise<string[]> {
      return await withTestPorts({}, async () => {
        let result = await graph.invoke({}, config);
        for (let answers = 0; answers < 20; answers += 1) {
          const [task] = (await graph.getState(config)).tasks;
          const pause = task?.interrupts[0];
          if (pause === undefined) return (result as { log: string[] }).log;
          const { key, value_digest } = pause.value as ReviewValue;
          asked.push(key);
          const decisions = [{ action: 0, type: "respond", message: `${key}!` }];
          result = await graph.invoke(
            new Command({ resume: { [pause.id as string]: { value_digest, decisions } } }),
            config,
          );
        }
        throw new Error("it never ended");
      });
    },
  };
}

const question = (key: string) => ({
  key,
  title: key,
  actions: [{ name: "say", args: {}, schema: z.object({}), allowed: ["approve", "respond"] as const }] as const,
});
const own = async (key: string) => {
  const [decision] = await review(question(key));
  return decision.type === "respond" ? String(decision.message) : decision.type;
};
const through = (ask: Ask) => async (key: string) => {
  const [decision] = await ask(question(key));
  return decision.type === "respond" ? String(decision.message) : decision.type;
};

describe("a question in the middle of a task", () => {
  test("keeps its place when it is not asked any more, so that the node's own questions get their own answers", async () => {
    let doubts = 2;
    const { asked, run } = scene(async () => [
      await own("first"),
      await withQuestions("effect:a", async (ask) => {
        const said: string[] = [];
        while (doubts > 0) {
          said.push(await through(ask)(`doubt ${doubts}`));
          doubts -= 1;
        }
        return `done ${said.join()}`;
      }),
      await own("second"),
      await own("third"),
    ]);
    expect(await run()).toEqual(["first!", "done ", "second!", "third!"]);
    expect(asked).toEqual(["first", "doubt 2", "doubt 1", "second", "third"]);
  });

  test("that was answered has its answer at once when it comes again, and is not asked twice", async () => {
    const { asked, run } = scene(async () => [
      await withQuestions("budget:1", async (ask) => {
        const twice = [await through(ask)("more?"), await through(ask)("more?")];
        return twice.join("");
      }),
      await own("last"),
    ]);
    expect(await run()).toEqual(["more?!more?!", "last!"]);
    expect(asked).toEqual(["more?", "last"]);
  });

  test("of several side by side is asked in the order in which they were begun, whichever needs it first", async () => {
    const settled = new Set<string>();
    const part = (name: string, delays: number) =>
      withQuestions(`effect:${name}`, async (ask) => {
        for (let wait = 0; wait < delays; wait += 1) await Promise.resolve();
        if (settled.has(name)) return `${name} known`;
        const said = await through(ask)(name);
        settled.add(name);
        return said;
      });
    const { asked, run } = scene(async () => [
      ...(await Promise.all([part("a", 200), part("b", 0), part("c", 50)])),
      await own("end"),
    ]);
    expect(await run()).toEqual(["a known", "b known", "c known", "end!"]);
    expect(asked).toEqual(["a", "b", "c", "end"]);
  });

  test("within another part of the task does not wait for that one, nor for what waits for it", async () => {
    const { asked, run } = scene(async () =>
      Promise.all([
        withQuestions("outer", async () => withQuestions("inner", async (ask) => await through(ask)("inner"))),
        withQuestions("beside", async (ask) => await through(ask)("beside")),
      ]),
    );
    expect(await run()).toEqual(["inner!", "beside!"]);
    expect(asked).toEqual(["inner", "beside"]);
  });

  test("keeps its place when the node is tried again by its own retry policy", async () => {
    let failures = 1;
    let isAsked = true;
    const { asked, run } = scene(async () => {
      const said = await withQuestions("effect:a", async (ask) => {
        if (!isAsked) return "known";
        const answer = await through(ask)("doubt");
        isAsked = false;
        return answer;
      });
      if (failures > 0) {
        failures -= 1;
        throw new Error("after the answer");
      }
      return [said, await own("last")];
    }, 3);
    expect(await run()).toEqual(["known", "last!"]);
    expect(asked).toEqual(["doubt", "last"]);
  });
});
