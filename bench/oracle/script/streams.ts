import { all, type Scenario } from "../player.ts";

const input = { text: "a" };
const UNKNOWN = "11111111-1111-4111-8111-111111111111";
const MODES = [
  "values",
  "updates",
  "messages",
  "messages-tuple",
  "events",
  "debug",
  "tasks",
  "checkpoints",
  "custom",
  "tools",
];

/** Runs that are watched: every mode, subgraphs, failures, and who comes later. */
export const streams: readonly Scenario[] = [
  {
    name: "every mode",
    async play({ client, http, step, aside }) {
      for (const stream_mode of MODES) {
        const { thread_id } = await aside(() => client.threads.create());
        await step(stream_mode, () =>
          http("POST", `/threads/${thread_id}/runs/stream`, { assistant_id: "plain", input, stream_mode }),
        );
      }
      const { thread_id } = await aside(() => client.threads.create());
      await step("none named", () =>
        http("POST", `/threads/${thread_id}/runs/stream`, { assistant_id: "plain", input }),
      );
      await step("an empty list", () =>
        http("POST", `/threads/${thread_id}/runs/stream`, { assistant_id: "plain", input, stream_mode: [] }),
      );
      await step("an unknown one", () =>
        http("POST", `/threads/${thread_id}/runs/stream`, { assistant_id: "plain", input, stream_mode: "x" }),
      );
      await step("by the client", () =>
        all(client.runs.stream(thread_id, "plain", { input, streamMode: ["updates", "custom"] })),
      );
    },
  },
  {
    name: "what a model says",
    async play({ client, http, step, aside }) {
      const messages = [{ role: "user", content: "how many words?" }];
      for (const stream_mode of ["messages", "messages-tuple", "values"]) {
        const { thread_id } = await aside(() => client.threads.create());
        const body = { assistant_id: "talks", input: { messages }, stream_mode };
        await step(stream_mode, () => http("POST", `/threads/${thread_id}/runs/stream`, body));
      }
      await step("without a thread", () =>
        http("POST", "/runs/stream", {
          assistant_id: "talks",
          input: { messages },
          stream_mode: ["messages-tuple", "values"],
        }),
      );
      const { thread_id } = await aside(() => client.threads.create());
      await step("wait", () => client.runs.wait(thread_id, "talks", { input: { messages } }));
      await step("state", () => client.threads.getState(thread_id));
    },
  },
  {
    name: "subgraphs",
    async play({ client, http, step, aside }) {
      for (const stream_subgraphs of [false, true]) {
        const { thread_id } = await aside(() => client.threads.create());
        const body = { assistant_id: "nested", input, stream_mode: ["values", "updates"], stream_subgraphs };
        await step(`shown: ${stream_subgraphs}`, () => http("POST", `/threads/${thread_id}/runs/stream`, body));
      }
      const { thread_id } = await aside(() => client.threads.create());
      const body = { assistant_id: "nested", input, interrupt_after: ["inner_one"] };
      await step("wait", () => http("POST", `/threads/${thread_id}/runs/wait`, body));
      await step("state", () => client.threads.getState(thread_id));
      await step("state inside out", () => client.threads.getState(thread_id, undefined, { subgraphs: true }));
    },
  },
  {
    name: "a run that fails",
    async play({ client, http, step, aside }) {
      const { thread_id } = await aside(() => client.threads.create());
      await step("stream", () => http("POST", `/threads/${thread_id}/runs/stream`, { assistant_id: "fails", input }));
      await step("by the client", () => all(client.runs.stream(thread_id, "fails", { input })));
    },
  },
  {
    name: "factories",
    async play({ client, http, step, aside }) {
      const { thread_id } = await aside(() => client.threads.create());
      const config = { configurable: { word: "hello" } };
      await step("stream", () =>
        http("POST", `/threads/${thread_id}/runs/stream`, { assistant_id: "made", input, config }),
      );
      await step("state", () => client.threads.getState(thread_id));
    },
  },
  {
    name: "who comes later",
    async play({ client, http, step, aside }) {
      const { thread_id } = await aside(() => client.threads.create());
      const body = { assistant_id: "plain", input, stream_mode: ["values", "updates"], stream_resumable: true };
      const resumable = await aside(() =>
        client.runs.create(thread_id, "plain", { input, streamMode: ["values", "updates"], streamResumable: true }),
      );
      await aside(() => client.runs.join(thread_id, resumable.run_id));
      const path = `/threads/${thread_id}/runs/${resumable.run_id}/stream`;
      await step("everything", () => http("GET", path, undefined, { "last-event-id": "-1" }));
      await step("after an event", () =>
        all(client.runs.joinStream(thread_id, resumable.run_id, { lastEventId: "2" })),
      );
      await step("without naming an event", () => http("GET", path));
      await step("resumable while it runs", () => http("POST", `/threads/${thread_id}/runs/stream`, body));
      const plain = await aside(() => client.runs.create(thread_id, "plain", { input, streamMode: "values" }));
      await aside(() => client.runs.join(thread_id, plain.run_id));
      await step("one that is not resumable", () => http("GET", `/threads/${thread_id}/runs/${plain.run_id}/stream`));
      await step("an unknown one", () => http("GET", `/threads/${thread_id}/runs/${UNKNOWN}/stream`));
    },
  },
];
