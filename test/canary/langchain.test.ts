// What LangChain's middleware does today, without Holdpoint; see langgraph-answers.test.ts and langgraph-time.test.ts beside it.
import { randomUUID } from "node:crypto";
import { Command, MemorySaver } from "@langchain/langgraph";
import { type BaseMessage, createAgent, FakeToolCallingModel, humanInTheLoopMiddleware, tool } from "langchain";
import { beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";

let done: string[] = [];
beforeEach(() => {
  done = [];
});

const toolOf = (name: string) =>
  tool(
    async ({ what }) => {
      done.push(`${name} ${what}`);
      return "done";
    },
    { name, description: name, schema: z.object({ what: z.string() }) },
  );
const call = (id: string, name: string) => ({ id, name, args: { what: id } });

/** An agent whose model calls these tools once; `pay` and `mail` need a person, `look` does not. */
function agentThatCalls(...calls: ReturnType<typeof call>[]) {
  return createAgent({
    model: new FakeToolCallingModel({ toolCalls: [calls, []] }),
    tools: ["pay", "mail", "look"].map(toolOf),
    middleware: [humanInTheLoopMiddleware({ interruptOn: { pay: true, mail: true } })],
    checkpointer: new MemorySaver(),
  });
}

const newThread = () => ({ configurable: { thread_id: randomUUID() } });
const ask = { messages: [{ role: "user" as const, content: "go" }] };
const answer = (...decisions: object[]) => new Command({ resume: { decisions } });

describe("9: the middleware", () => {
  // Ours: `context.interruptOn` is refused on every graph (src/policy/guarded.ts).
  test("is switched off by whoever starts the run", async () => {
    const agent = agentThatCalls(call("a", "pay"));
    await agent.invoke(ask, { ...newThread(), context: { interruptOn: {} } as never });
    expect(done).toEqual(["pay a"]);
  });

  test("asks otherwise", async () => {
    const asked = await agentThatCalls(call("a", "pay")).invoke(ask, newThread());
    expect(asked).toHaveProperty("__interrupt__");
    expect(done).toEqual([]);
  });
});

describe("10: one batch, approved in part", () => {
  // Ours: a mixed batch is refused with the choices there are (422 mixed_batch).
  test("drops what was approved together with what was rejected, and leaves calls without an answer", async () => {
    const agent = agentThatCalls(call("a", "pay"), call("b", "mail"), call("c", "look"));
    const thread = newThread();
    await agent.invoke(ask, thread);
    const { messages } = await agent.invoke(answer({ type: "approve" }, { type: "reject", message: "no" }), thread);
    expect(done).toEqual([]);
    const answered = (messages as BaseMessage[]).flatMap((message) =>
      message.getType() === "tool" ? [(message as unknown as { tool_call_id: string }).tool_call_id] : [],
    );
    const called = (messages as (BaseMessage & { tool_calls?: { id: string }[] })[]).flatMap(({ tool_calls = [] }) =>
      tool_calls.map(({ id }) => id),
    );
    expect(answered).toEqual(["b"]);
    expect(called).toContain("c");
  });

  // Ours: the number of decisions is checked before (422).
  test("throws where decisions are missing, and gives the wrong ones again from then on", async () => {
    const agent = agentThatCalls(call("a", "pay"), call("b", "mail"));
    const thread = newThread();
    await agent.invoke(ask, thread);
    await expect(agent.invoke(answer({ type: "approve" }), thread)).rejects.toThrow(/decisions/i);
    await expect(agent.invoke(answer({ type: "approve" }, { type: "approve" }), thread)).rejects.toThrow(/decisions/i);
    expect(done).toEqual([]);
  });
});
