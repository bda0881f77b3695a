import type { Scenario } from "../player.ts";

const UNKNOWN = "11111111-1111-4111-8111-111111111111";
const CHOSEN = "22222222-2222-4222-8222-222222222222";

/** Threads: made, found, changed, copied, removed; their state and history. */
export const threads: readonly Scenario[] = [
  {
    name: "threads are made, found and removed",
    async play({ client, http, step }) {
      await step("create", () => http("POST", "/threads", {}));
      await step("create with an id", () => client.threads.create({ threadId: CHOSEN, metadata: { kind: "chosen" } }));
      await step("create again", () => client.threads.create({ threadId: CHOSEN }));
      await step("create again, which does nothing", () =>
        client.threads.create({ threadId: CHOSEN, ifExists: "do_nothing" }),
      );
      await step("create with a bad id", () => http("POST", "/threads", { thread_id: "no-uuid" }));
      await step("create for a graph", () => client.threads.create({ graphId: "plain", metadata: { kind: "graph" } }));
      await step("create with an unknown key", () => http("POST", "/threads", { surplus: 1 }));
      await step("create with what is no JSON", () => http("POST", "/threads", "{"));
      await step("get", () => client.threads.get(CHOSEN));
      await step("get an unknown one", () => client.threads.get(UNKNOWN));
      await step("get with a bad id", () => client.threads.get("no-uuid"));
      await step("update", () => client.threads.update(CHOSEN, { metadata: { more: { a: 1 } } }));
      await step("update an unknown one", () => client.threads.update(UNKNOWN, { metadata: {} }));
      await step("search by metadata", () => client.threads.search({ metadata: { kind: "chosen" } }));
      await step("search by id", () => http("POST", "/threads/search", { ids: [CHOSEN] }));
      await step("search by status", () =>
        http("POST", "/threads/search", { metadata: { kind: "chosen" }, status: "busy" }),
      );
      await step("search with select", () =>
        http("POST", "/threads/search", { ids: [CHOSEN], select: ["thread_id", "status"] }),
      );
      await step("search with a page", () =>
        http("POST", "/threads/search", { limit: 1, sort_by: "created_at", sort_order: "asc" }),
      );
      await step("search by a bad status", () => http("POST", "/threads/search", { status: "sleepy" }));
      await step("count", () => client.threads.count({ metadata: { kind: "chosen" } }));
      await step("remove", () => http("DELETE", `/threads/${CHOSEN}`));
      await step("remove again", () => client.threads.delete(CHOSEN));
      await step("get after that", () => client.threads.get(CHOSEN));
    },
  },
  {
    name: "threads have a state and a history",
    async play({ client, http, step, aside }) {
      const { thread_id } = await aside(() => client.threads.create());
      await step("state of an empty thread", () => client.threads.getState(thread_id));
      await step("history of an empty thread", () => client.threads.getHistory(thread_id));
      await step("state of an unknown thread", () => client.threads.getState(UNKNOWN));
      await step("history of an unknown thread", () => client.threads.getHistory(UNKNOWN));
      await step("edit without a graph", () => client.threads.updateState(thread_id, { values: { text: "x" } }));
      await aside(() => client.runs.wait(thread_id, "plain", { input: { text: "a" }, metadata: { mark: 1 } }));
      await step("thread after a run", () => client.threads.get(thread_id));
      await step("state", () => client.threads.getState(thread_id));
      const history = await step("history", () => client.threads.getHistory(thread_id));
      await step("history, two of it", () => client.threads.getHistory(thread_id, { limit: 2 }));
      await step("history before", () =>
        client.threads.getHistory(thread_id, { before: { configurable: history[1]?.checkpoint as never } }),
      );
      await step("history by metadata", () => client.threads.getHistory(thread_id, { metadata: { mark: 1, step: 1 } }));
      await step("history by GET", () => http("GET", `/threads/${thread_id}/history?limit=1`));
      const old = history[1]?.checkpoint;
      await step("state at a checkpoint", () => client.threads.getState(thread_id, old));
      await step("state at a checkpoint's id", () => client.threads.getState(thread_id, old?.checkpoint_id as string));
      await step("state at no checkpoint", () => client.threads.getState(thread_id, UNKNOWN));
      await step("edit", () => client.threads.updateState(thread_id, { values: { text: "edited" }, asNode: "upper" }));
      await step("state after the edit", () => client.threads.getState(thread_id));
      await step("edit at a checkpoint", () =>
        client.threads.updateState(thread_id, { values: { text: "fork" }, checkpoint: old as never, asNode: "upper" }),
      );
      await step("edit as an unknown node", () =>
        client.threads.updateState(thread_id, { values: { text: "x" }, asNode: "nobody" }),
      );
      await step("go on from the edit", () => client.runs.wait(thread_id, "plain", { input: null }));
      const copy = await step(
        "copy",
        () => client.threads.copy(thread_id) as unknown as Promise<{ thread_id: string }>,
      );
      await step("state of the copy", () => client.threads.getState(copy.thread_id));
      await step(
        "history of the copy",
        async () => (await client.threads.getHistory(copy.thread_id, { limit: 50 })).length,
      );
      await step("copy an unknown one", () => client.threads.copy(UNKNOWN));
    },
  },
  {
    name: "threads are made with supersteps",
    async play({ client, http, step }) {
      const supersteps = [
        { updates: [{ values: { text: "one" }, as_node: "__input__" }] },
        { updates: [{ values: { text: "two" }, as_node: "upper" }] },
      ];
      const made = await step("create", () =>
        http<{ thread_id: string }>("POST", "/threads", { metadata: { graph_id: "plain" }, supersteps }),
      );
      await step("its state", () => client.threads.getState(made.thread_id));
      await step("create without a graph", () => http("POST", "/threads", { supersteps }));
    },
  },
];
