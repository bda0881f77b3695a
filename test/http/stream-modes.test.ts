import { afterAll, beforeAll, expect, it } from "vitest";
import { collect } from "../support/collect.ts";
import { openServer, type TestServer } from "./server.ts";

// What the modes of a stream say, beyond that they are there.

let server: TestServer;
beforeAll(async () => {
  server = await openServer();
});
afterAll(async () => await server.close());

const SAID = { messages: [{ role: "human", content: "hi" }] };

async function streamed(graph: string, options: Record<string, unknown>) {
  const { thread_id } = await server.client.threads.create();
  const parts = await collect(server.client.runs.stream(thread_id, graph, options));
  return { thread_id, parts: parts as { event: string; data: Record<string, unknown> }[] };
}

it("tells by `events` of nodes, of what a model is asked and writes, and of tools", async () => {
  const { parts } = await streamed("http-talk", { input: SAID, streamMode: "events" });
  const told = parts.slice(1).map(({ data }) => data as { event: string; data: Record<string, unknown> });
  expect(new Set(parts.map(({ event }) => event))).toEqual(new Set(["metadata", "events"]));
  const kinds = "chain_start chain_end chat_model_start chat_model_stream chat_model_end tool_start tool_end";
  expect(new Set(told.map(({ event }) => event))).toEqual(new Set(kinds.split(" ").map((kind) => `on_${kind}`)));
  const of = (kind: string) => told.filter(({ event }) => event === `on_${kind}`).map(({ data }) => data);
  expect(of("chat_model_start")).toMatchObject([{ input: { messages: [[{ content: "hi", type: "human" }]] } }]);
  expect(of("chat_model_stream").map(({ chunk }) => (chunk as { content: string }).content)).toEqual(["h", "e", "y"]);
  expect(of("chat_model_end")).toMatchObject([{ output: { content: "hey" } }]);
});

it("tells of a checkpoint by the address that the history gives it", async () => {
  const { thread_id, parts } = await streamed("http-nested", {
    input: { text: "a" },
    streamMode: ["debug", "checkpoints"],
  });
  const addresses = (states: readonly object[]) =>
    (states as { checkpoint: object; parent_checkpoint: object }[]).map(({ checkpoint, parent_checkpoint }) => ({
      checkpoint,
      parent_checkpoint,
    }));
  const history = addresses(await server.client.threads.getHistory(thread_id)).toReversed();
  expect(history.length).toBeGreaterThan(1);
  const debug = parts.filter(({ event, data }) => event === "debug" && data["type"] === "checkpoint");
  expect(addresses(debug.map(({ data }) => data["payload"] as object))).toEqual(history);
  const checkpoints = parts.filter(({ event }) => event === "checkpoints").map(({ data }) => data);
  expect(addresses(checkpoints)).toEqual(history);
  expect(JSON.stringify(checkpoints)).not.toContain("__pregel_strict");
  const tasks = checkpoints.flatMap(({ tasks }) => tasks as { name: string; checkpoint?: { checkpoint_ns: string } }[]);
  expect(tasks.find(({ name }) => name === "inner")?.checkpoint?.checkpoint_ns).toMatch(/^inner:/);
});

it("tells of a whole message behind the state that it is part of", async () => {
  const { parts } = await streamed("http-talk", { input: SAID, streamMode: ["messages", "values"] });
  expect(parts.at(-1)).toMatchObject({ event: "messages/complete", data: [{ content: "hey" }] });
  expect(parts.findLast(({ event }) => event === "values")?.data).toMatchObject({ messages: [{}, { content: "hey" }] });
});

it("counts what a run was started with, and beside that what else is stored of it", async () => {
  const { thread_id } = await streamed("http-words", { input: { text: "a" } });
  const idsOf = (parts: readonly object[]) => parts.map((part) => (part as { id?: string }).id);
  const live = await collect(server.client.runs.stream(thread_id, "http-words", { input: { text: "a" } }));
  expect(idsOf(live)).toEqual(["0", "1", "2", "3"]);
  const { run_id } = (live[0] as { data: unknown }).data as { run_id: string };
  const joined = async (lastEventId: string) =>
    idsOf(
      await collect(
        server.client.runs.joinStream(thread_id, run_id, { lastEventId, streamMode: ["values", "updates"] }),
      ),
    );
  const all = ["0", "1", "1.1", "2", "2.1", "3"];
  for (const [place, id] of all.entries()) expect(await joined(id)).toEqual(all.slice(place + 1));
  for (const none of ["-1", "x", "1.", ".1", "1.1.1", "9".repeat(40)]) expect(await joined(none)).toEqual(all);
  expect(await joined("9".repeat(15))).toEqual([]);
});

it("says of a subgraph that waits where it is, or all of its state", async () => {
  const { thread_id } = await streamed("http-nested", { input: { text: "a" }, interruptBefore: ["inner"] });
  const { client } = server;
  const [task] = (await client.threads.getState(thread_id)).tasks;
  expect(task?.checkpoint).toEqual({ thread_id, checkpoint_ns: expect.stringMatching(/^inner:/) });
  const [whole] = (await client.threads.getState(thread_id, undefined, { subgraphs: true })).tasks;
  expect(whole?.name).toBe("inner");
});

it("says for what there is no assistant when a run asks for it", async () => {
  const { thread_id } = await server.client.threads.create();
  const message = /HTTP 404: No assistant found for "nobody"/;
  await expect(server.client.runs.wait(thread_id, "nobody", { input: {} })).rejects.toThrow(message);
  await expect(streamed("nobody", { input: {} })).rejects.toThrow(message);
});
