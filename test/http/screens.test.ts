// What Agent Inbox and Agent Chat UI send, request for request, over a socket.
import { fileURLToPath } from "node:url";
import type { Thread } from "@langchain/langgraph-sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createApp } from "../../src/http/app.ts";
import { createRunFeeds } from "../../src/http/run-feed.ts";
import type { ReviewTask } from "../../src/protocol/review.ts";
import type { ScriptedCall } from "../fixtures/flavours/scripted-model.ts";
import { knobs, resetKnobs } from "../fixtures/workflows/lib/knobs.ts";
import { humanInterrupt } from "../policy/pause.ts";
import { openServer, type TestServer } from "./server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await openServer({}, { directory: fileURLToPath(new URL("../fixtures/flavours", import.meta.url)) });
});
beforeEach(resetKnobs);
afterAll(() => server.close());

const payTen: ScriptedCall = { name: "pay", args: { amount: 10, to: "ACME" } };

/** An agent of LangChain.js that waits for a person. */
async function waitingAgent(...calls: ScriptedCall[]): Promise<string> {
  const { thread_id } = await server.client.threads.create();
  const input = { messages: [{ role: "user", content: JSON.stringify(calls) }] };
  await server.client.runs.wait(thread_id, "agent", { input });
  return thread_id;
}

/** A graph that waits with this question. */
async function waiting(asks: unknown): Promise<string> {
  const { thread_id } = await server.client.threads.create();
  await server.client.runs.wait(thread_id, "plain", { input: { asks } });
  return thread_id;
}

async function reviewOf(thread_id: string): Promise<ReviewTask> {
  const [review] = (await (await server.ask(`/reviews?thread_id=${thread_id}`)).json()) as ReviewTask[];
  return review as ReviewTask;
}

interface Part {
  event: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a test reads of it, the test checks
  data: any;
}

async function collect(parts: AsyncIterable<unknown>): Promise<Part[]> {
  const all: Part[] = [];
  for await (const part of parts) all.push(part as Part);
  return all;
}

const wordsOf = (thread: Thread) => (thread.values as { messages: { content: string }[] }).messages.at(-1)?.content;
const refusal = (code: string) => expect.objectContaining({ message: expect.stringContaining(code) });

describe("Agent Inbox", () => {
  const config = { allow_accept: true, allow_edit: true, allow_ignore: true, allow_respond: true };
  const question = humanInterrupt({ amount: 5, to: "ACME" }, config, { description: "**Pay?**" });

  /** As its list does: by status and graph, newest first, a page at a time. */
  const listed = async (graph: { graph_id: string } | { assistant_id: string }) => {
    const asked = { offset: 0, limit: 100, status: "interrupted" as const, metadata: graph };
    return await server.client.threads.search(asked);
  };
  const shownIn = (threads: Thread[], thread_id: string) => {
    const thread = threads.find((one) => one.thread_id === thread_id);
    return Object.values(thread?.interrupts ?? {}).flat()[0]?.value;
  };
  const answer = (thread_id: string, graph: string, resume: unknown) =>
    server.client.runs.stream(thread_id, graph, { command: { resume }, streamMode: "events" });

  it("finds the server, and what waits on it by graph and by assistant", async () => {
    const info = (await (await fetch(`${server.listening.url}/info`)).json()) as Record<string, unknown>;
    expect(info).toMatchObject({ host: { project_id: null, tenant_id: null }, flags: { assistants: true } });
    const thread_id = await waiting([question]);
    const [assistant] = await server.client.assistants.search({ graphId: "plain" });
    for (const graph of [{ graph_id: "plain" }, { assistant_id: assistant?.assistant_id as string }]) {
      expect(shownIn(await listed(graph), thread_id)).toEqual([question]);
    }
    expect(shownIn(await listed({ graph_id: "agent" }), thread_id)).toBeUndefined();
    const state = await server.client.threads.getState(thread_id);
    expect(state.tasks.at(-1)?.interrupts.at(-1)?.value).toEqual([question]);
  });

  it("sends an edit as text, sees the node at work, and the graph gets numbers", async () => {
    const thread_id = await waiting([question]);
    const args = { action: "send_email", args: { amount: "6", to: "ACME" } };
    const parts = await collect(answer(thread_id, "plain", [{ type: "edit", args }]));
    const started = parts.filter(({ event, data }) => event === "events" && data.event === "on_chain_start");
    expect(started.map(({ data }) => data.metadata.langgraph_node)).toEqual(["ask"]);
    expect(parts.some(({ event }) => event === "error")).toBe(false);
    const given = [{ type: "edit", args: { action: "send_email", args: { amount: 6, to: "ACME" } } }];
    const thread = await server.client.threads.get(thread_id);
    expect(thread).toMatchObject({ status: "idle", values: { answer: given } });
    expect(await listed({ graph_id: "plain" })).not.toContainEqual(expect.objectContaining({ thread_id }));
  });

  it.each([
    ["accept", { type: "accept", args: question.action_request }],
    ["response", { type: "response", args: "ask Ben" }],
    ["ignore", { type: "ignore", args: null }],
  ])("sends %s in the background too", async (_what, response) => {
    const thread_id = await waiting(question);
    const run = await server.client.runs.create(thread_id, "plain", { command: { resume: [response] } });
    expect(await server.client.runs.join(thread_id, run.run_id)).toMatchObject({ answer: [response] });
    expect(await reviewOf(thread_id)).toMatchObject({ flavour: "agent_inbox", status: "closed" });
  });

  it("closes a thread without an answer", async () => {
    const thread_id = await waiting(question);
    await server.client.threads.updateState(thread_id, { values: null, asNode: "__end__" });
    const thread = await server.client.threads.get(thread_id);
    expect([thread.status, thread.interrupts]).toEqual(["idle", {}]);
    expect((await server.client.threads.getState(thread_id)).next).toEqual([]);
    expect(await reviewOf(thread_id)).toMatchObject({ status: "superseded" });
    const late = collect(answer(thread_id, "plain", [{ type: "accept", args: null }]));
    await expect(late).rejects.toEqual(refusal("409"));
  });

  it("shows an agent of LangChain.js as an action, and answers it in words of its own", async () => {
    const thread_id = await waitingAgent(payTen);
    const shown = shownIn(await listed({ graph_id: "agent" }), thread_id);
    expect(shown).toMatchObject({
      action_requests: [payTen],
      review_configs: [{ action_name: "pay", allowed_decisions: ["approve", "edit", "reject"] }],
    });
    const edit = { type: "edit", args: { action: "pay", args: { amount: "9", to: "ACME" } } };
    await collect(answer(thread_id, "agent", { decisions: [edit] }));
    expect(wordsOf(await server.client.threads.get(thread_id))).toBe("done: paid 9 to ACME");
    expect(knobs.visits).toEqual(["pay 9 to ACME"]);
  });

  it("does no harm with an ignore that the agent does not offer", async () => {
    const thread_id = await waitingAgent(payTen);
    const before = await server.client.threads.get(thread_id);
    const ignore = { type: "ignore", args: null };
    for (const [resume, pointer] of [
      [[ignore], "/command/resume"],
      [{ decisions: [ignore] }, "/command/resume/decisions/0/type"],
    ] as const) {
      const refused = server.client.runs.create(thread_id, "agent", { command: { resume } });
      await expect(refused).rejects.toEqual(refusal(`HTTP 422: the decision is not valid: ${pointer} `));
    }
    expect(await server.client.threads.get(thread_id)).toEqual(before);
    await collect(answer(thread_id, "agent", { decisions: [{ type: "approve", args: null }] }));
    expect(knobs.visits).toEqual(["pay 10 to ACME"]);
  });
});

describe("Agent Chat UI", () => {
  /** As it checks whether it can show buttons. */
  function hasButtons(value: unknown): boolean {
    const { action_requests, review_configs } = (value ?? {}) as Record<string, Record<string, unknown>[]>;
    const words = ["approve", "edit", "reject"];
    return (
      (action_requests?.every(({ name, args }) => typeof name === "string" && typeof args === "object") ?? false) &&
      (review_configs?.every(
        ({ action_name, allowed_decisions }) =>
          typeof action_name === "string" && (allowed_decisions as string[]).every((word) => words.includes(word)),
      ) ??
        false)
    );
  }
  const head = async (thread_id: string) => {
    const [state] = await server.client.threads.getHistory(thread_id, { limit: 10 });
    return state?.checkpoint as { checkpoint_id: string; checkpoint_ns: string };
  };
  /** As `submit` of its `useStream`: an input to be ignored, several modes, and the checkpoint it has shown. */
  const submit = async (thread_id: string, command: Record<string, unknown>) =>
    server.client.runs.stream(thread_id, "agent", {
      input: {},
      command,
      streamMode: ["values", "messages-tuple", "custom"],
      streamSubgraphs: true,
      streamResumable: true,
      onDisconnect: "continue",
      checkpoint: await head(thread_id),
    } as never);

  it("is told of an agent of LangChain.js so that it shows buttons, wherever it looks", async () => {
    const { thread_id } = await server.client.threads.create();
    const input = { messages: [{ role: "user", content: JSON.stringify([payTen]) }] };
    let run_id = "";
    const live = await collect(
      server.client.runs.stream(thread_id, "agent", {
        input,
        streamMode: ["values", "updates", "tasks", "checkpoints", "debug"],
        onRunCreated: (run) => {
          run_id = run.run_id;
        },
      }),
    );
    const replayed = await collect(server.client.runs.joinStream(thread_id, run_id, { lastEventId: "0" }));
    const ofMode = (parts: Part[], mode: string) => parts.filter(({ event }) => event === mode).map(({ data }) => data);
    const shown: Record<string, unknown> = {};
    for (const [way, parts] of Object.entries({ live, replayed })) {
      for (const mode of ["values", "updates"]) shown[`${way} ${mode}`] = ofMode(parts, mode).at(-1)?.__interrupt__;
      shown[`${way} tasks`] = ofMode(parts, "tasks").find(({ interrupts }) => interrupts?.length > 0)?.interrupts;
    }
    const debugged = ofMode(live, "debug").flatMap(({ payload }) => payload.interrupts ?? []);
    shown["debug"] = debugged;
    shown["wait"] = ((await server.client.runs.join(thread_id, run_id)) as unknown as Part["data"]).__interrupt__;
    shown["thread"] = Object.values((await server.client.threads.get(thread_id)).interrupts).flat();
    const state = await server.client.threads.getState(thread_id);
    shown["state"] = state.tasks.at(-1)?.interrupts;
    shown["state as a whole"] = (state as unknown as Part["data"]).interrupts;
    const [newest] = await server.client.threads.getHistory(thread_id);
    shown["history"] = newest?.tasks.at(-1)?.interrupts;
    const [found] = await server.client.threads.search({
      ids: undefined,
      metadata: {},
      limit: 1,
      status: "interrupted",
    });
    shown["search"] = Object.values(found?.interrupts ?? {}).flat();
    for (const [where, interrupts] of Object.entries(shown)) {
      expect(interrupts, where).toHaveLength(1);
      const { value } = (interrupts as { value: Record<string, unknown> }[])[0] as { value: Record<string, unknown> };
      expect(hasButtons(value), where).toBe(true);
      expect(value["actionRequests"], where).toEqual(value["action_requests"]);
    }
    // What is bound and stored is as the graph has it.
    expect(Object.keys((await reviewOf(thread_id)).value as object)).toEqual(["actionRequests", "reviewConfigs"]);
  });

  it("approves, bound to the checkpoint it has shown", async () => {
    const thread_id = await waitingAgent(payTen, { name: "send_email", args: { subject: "Hi" } });
    const decisions = [{ type: "approve" }, { type: "approve" }];
    const parts = await collect(await submit(thread_id, { resume: { decisions } }));
    expect(parts.findLast(({ event }) => event === "values")?.data.messages.at(-1).content).toBe(
      "done: paid 10 to ACME | sent Hi",
    );
    expect((await reviewOf(thread_id)).decision).toMatchObject({ binding: "checkpoint" });
  });

  it("edits and rejects in snake_case", async () => {
    const edited = await waitingAgent(payTen);
    const edited_action = { name: "pay", args: { amount: 11, to: "ACME" } };
    await collect(await submit(edited, { resume: { decisions: [{ type: "edit", edited_action }] } }));
    expect(wordsOf(await server.client.threads.get(edited))).toBe("done: paid 11 to ACME");
    const rejected = await waitingAgent(payTen);
    await collect(await submit(rejected, { resume: { decisions: [{ type: "reject", message: "no" }] } }));
    expect(wordsOf(await server.client.threads.get(rejected))).toBe("done: no");
    expect(knobs.visits).toEqual(["pay 11 to ACME"]);
  });

  it("is refused a mixed batch before anything runs", async () => {
    const thread_id = await waitingAgent(payTen, { name: "send_email", args: { subject: "Hi" } });
    const mixed = { decisions: [{ type: "approve" }, { type: "reject", message: "no" }] };
    await expect(submit(thread_id, { resume: mixed }).then(collect)).rejects.toEqual(refusal("422"));
    expect(await server.client.threads.get(thread_id)).toMatchObject({ status: "interrupted" });
    expect(knobs.visits).toEqual([]);
  });

  it("closes a thread without an answer", async () => {
    const thread_id = await waitingAgent(payTen);
    const parts = await collect(await submit(thread_id, { goto: "__end__" }));
    expect(parts.some(({ event }) => event === "error")).toBe(false);
    const thread = await server.client.threads.get(thread_id);
    expect([thread.status, thread.interrupts]).toEqual(["idle", {}]);
    expect((await server.client.threads.getState(thread_id)).next).toEqual([]);
    expect(await reviewOf(thread_id)).toMatchObject({ status: "superseded" });
    expect(knobs.visits).toEqual([]);
  });
});

it("closes no guarded graph by either of their ways", async () => {
  const { thread_id } = await server.client.threads.create();
  await server.client.runs.wait(thread_id, "bound", { input: { asks: 1 } });
  const before = [await server.client.threads.get(thread_id), await reviewOf(thread_id)];
  const closing = server.client.threads.updateState(thread_id, { values: null, asNode: "__end__" });
  await expect(closing).rejects.toEqual(refusal("409"));
  const going = server.client.runs.create(thread_id, "bound", { input: {}, command: { goto: "__end__" } });
  await expect(going).rejects.toEqual(refusal("409"));
  expect([await server.client.threads.get(thread_id), await reviewOf(thread_id)]).toEqual(before);
});

it("tells of questions as the graph asks them where the setting says so", async () => {
  const { house, deps } = server;
  const settings = { ...deps.settings, hitlAliases: false };
  const app = createApp({ ...deps, runFeeds: createRunFeeds(house.parts, false), settings });
  const ask = async (path: string) => await (await app.fetch(new Request(`http://127.0.0.1:8123${path}`))).text();
  const thread_id = await waitingAgent(payTen);
  const { run_id } = await reviewOf(thread_id);
  const at = `/threads/${thread_id}`;
  for (const path of [at, `${at}/state`, `${at}/history`, `${at}/runs/${run_id}/join`, `${at}/runs/${run_id}/stream`]) {
    const told = await ask(path);
    expect(told, path).toContain("actionRequests");
    expect(told, path).not.toContain("action_requests");
  }
});
