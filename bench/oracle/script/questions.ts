import type { Scenario } from "../player.ts";

const input = { text: "sure?" };

/** Runs that ask a person: interrupts, answers, breakpoints. */
export const questions: readonly Scenario[] = [
  {
    name: "a run asks",
    async play({ client, http, step, aside }) {
      const { thread_id } = await aside(() => client.threads.create());
      await step("wait", () => http("POST", `/threads/${thread_id}/runs/wait`, { assistant_id: "asks", input }));
      await step("run", () => client.runs.list(thread_id));
      await step("thread", () => client.threads.get(thread_id));
      await step("state", () => client.threads.getState(thread_id));
      await step("found among those that wait", () =>
        http("POST", "/threads/search", { status: "interrupted", ids: [thread_id] }),
      );
      await step("answer to an unknown question", () =>
        client.runs.wait(thread_id, "asks", { command: { resume: { "0123456789abcdef0123456789abcdef": 1 } } }),
      );
      await step("answer", () =>
        http("POST", `/threads/${thread_id}/runs/wait`, { assistant_id: "asks", command: { resume: "yes" } }),
      );
      await step("answer again", () => client.runs.wait(thread_id, "asks", { command: { resume: "yes" } }));
      await step("state after that", () => client.threads.getState(thread_id));
    },
  },
  {
    name: "a run asks while it is watched",
    async play({ client, http, step, aside }) {
      const { thread_id } = await aside(() => client.threads.create());
      await step("stream", () =>
        http("POST", `/threads/${thread_id}/runs/stream`, {
          assistant_id: "asks",
          input,
          stream_mode: ["values", "updates"],
        }),
      );
      await step("answer", () =>
        http("POST", `/threads/${thread_id}/runs/stream`, {
          assistant_id: "asks",
          input: {},
          command: { resume: { decisions: [] } },
          stream_mode: ["values", "updates"],
        }),
      );
    },
  },
  {
    name: "a run asks two questions",
    async play({ client, step, aside }) {
      const { thread_id } = await aside(() => client.threads.create());
      const asked = await step(
        "wait",
        () => client.runs.wait(thread_id, "asks_twice", { input }) as Promise<{ __interrupt__: { id: string }[] }>,
      );
      await step("one value for both", () => client.runs.wait(thread_id, "asks_twice", { command: { resume: 1 } }));
      const [left, right] = asked.__interrupt__;
      await step("answer the first", () =>
        client.runs.wait(thread_id, "asks_twice", { command: { resume: { [left?.id ?? ""]: "l" } } }),
      );
      await step("answer the second", () =>
        client.runs.wait(thread_id, "asks_twice", { command: { resume: { [right?.id ?? ""]: "r" } } }),
      );
    },
  },
  {
    name: "a run stops at a breakpoint",
    async play({ client, http, step, aside }) {
      const { thread_id } = await aside(() => client.threads.create());
      await step("wait", () =>
        http("POST", `/threads/${thread_id}/runs/wait`, { assistant_id: "plain", input, interrupt_before: ["mark"] }),
      );
      await step("thread", () => client.threads.get(thread_id));
      await step("state", () => client.threads.getState(thread_id));
      await step("go on", () => client.runs.wait(thread_id, "plain", { input: null }));
      await step("after every node", () => client.runs.wait(thread_id, "plain", { input, interruptAfter: "*" }));
    },
  },
  {
    name: "commands",
    async play({ client, step, aside }) {
      const { thread_id } = await aside(() => client.threads.create());
      await aside(() => client.runs.wait(thread_id, "plain", { input }));
      await step("update", () => client.runs.wait(thread_id, "plain", { command: { update: { text: "told" } } }));
      await step("goto", () => client.runs.wait(thread_id, "plain", { command: { goto: "mark" } }));
      await step("end", () => client.runs.wait(thread_id, "plain", { command: { goto: "__end__" } }));
    },
  },
];
