import { setTimeout as pause } from "node:timers/promises";
import type { Player, Scenario } from "../player.ts";

const UNKNOWN = "11111111-1111-4111-8111-111111111111";
const input = { text: "a" };
// The development server looks for work once a second at most.
const STARTED_MS = 1_500;

/** A thread with a run that hangs in its second node. */
async function busy({ client, aside }: Player) {
  return await aside(async () => {
    const { thread_id } = await client.threads.create();
    const run = await client.runs.create(thread_id, "slow", { input });
    await pause(STARTED_MS);
    return { thread_id, run_id: run.run_id };
  });
}

/** Runs that nobody watches: started, waited for, refused, failed, cancelled, listed, removed. */
export const runs: readonly Scenario[] = [
  {
    name: "runs are started and waited for",
    async play({ client, http, step, aside }) {
      const { thread_id } = await aside(() => client.threads.create());
      const run = await step("create", () =>
        client.runs.create(thread_id, "plain", {
          input,
          metadata: { m: 1 },
          config: { tags: ["t"], recursion_limit: 9, configurable: { c: 1 } },
        }),
      );
      await step("join", () => client.runs.join(thread_id, run.run_id));
      await step("get", () => client.runs.get(thread_id, run.run_id));
      await step("list", () => client.runs.list(thread_id));
      await step("list by status", () => http("GET", `/threads/${thread_id}/runs?status=error`));
      await step("list with select", () => client.runs.list(thread_id, { select: ["status"] } as never));
      await step("wait", () => http("POST", `/threads/${thread_id}/runs/wait`, { assistant_id: "plain", input }));
      await step("wait by the client", () => client.runs.wait(thread_id, "plain", { input }));
      await step("get an unknown one", () => client.runs.get(thread_id, UNKNOWN));
      await step("join an unknown one", () => client.runs.join(thread_id, UNKNOWN));
      await step("remove one that others went on from", () =>
        http("DELETE", `/threads/${thread_id}/runs/${run.run_id}`),
      );
      const last = await aside(() => client.threads.create());
      const alone = await aside(() => client.runs.create(last.thread_id, "plain", { input }));
      await aside(() => client.runs.join(last.thread_id, alone.run_id));
      await step("remove", () => http("DELETE", `/threads/${last.thread_id}/runs/${alone.run_id}`));
      await step("remove again", () => client.runs.delete(last.thread_id, alone.run_id));
      await step("list of an unknown thread", () => client.runs.list(UNKNOWN));
    },
  },
  {
    name: "runs are refused",
    async play({ client, http, step, aside }) {
      const { thread_id } = await aside(() => client.threads.create());
      await step("on an unknown thread", () => client.runs.wait(UNKNOWN, "plain", { input }));
      await step("on a bad thread id", () => http("POST", "/threads/no-uuid/runs", { assistant_id: "plain", input }));
      await step("of an unknown assistant", () => client.runs.create(thread_id, "nothing", { input }));
      await step("without an assistant", () => http("POST", `/threads/${thread_id}/runs`, { input }));
      await step("with a bad strategy", () =>
        http("POST", `/threads/${thread_id}/runs`, { assistant_id: "plain", input, multitask_strategy: "x" }),
      );
      await step("with an unknown key", () =>
        http("POST", `/threads/${thread_id}/runs/wait`, { assistant_id: "plain", input, surplus: 1 }),
      );
      await step("with input of the wrong type", () => client.runs.wait(thread_id, "plain", { input: { text: 1 } }));
      await step("making the thread", () =>
        http("POST", "/threads/33333333-3333-4333-8333-333333333333/runs/wait", {
          assistant_id: "plain",
          input,
          if_not_exists: "create",
        }),
      );
      await step("the thread it made", () => client.threads.get("33333333-3333-4333-8333-333333333333"));
    },
  },
  {
    name: "runs fail",
    async play({ client, http, step, aside }) {
      const { thread_id } = await aside(() => client.threads.create());
      await step("wait", () => http("POST", `/threads/${thread_id}/runs/wait`, { assistant_id: "fails", input }));
      await step("wait by the client", () => client.runs.wait(thread_id, "fails", { input }));
      await step("wait without throwing", () => client.runs.wait(thread_id, "fails", { input, raiseError: false }));
      await step("thread", () => client.threads.get(thread_id));
      await step("state", () => client.threads.getState(thread_id));
      await step("runs", async () => (await client.runs.list(thread_id)).map(({ status }) => status));
    },
  },
  {
    name: "runs without a thread",
    async play({ client, http, step }) {
      await step("wait", () => http("POST", "/runs/wait", { assistant_id: "plain", input }));
      await step("create", () => client.runs.create(null, "plain", { input }));
      await step("stream", () =>
        http("POST", "/runs/stream", { assistant_id: "plain", input, stream_mode: ["values", "updates"] }),
      );
      await step("batch", () =>
        client.runs.createBatch([
          { assistantId: "plain", input },
          { assistantId: "plain", input },
        ]),
      );
      await step("wait for one that asks", () => http("POST", "/runs/wait", { assistant_id: "asks", input }));
      await step("kept", () => http("POST", "/runs", { assistant_id: "plain", input, on_completion: "keep" }));
    },
  },
  {
    name: "runs are cancelled",
    async play(player) {
      const { client, http, step } = player;
      const first = await busy(player);
      await step("the thread meanwhile", () => client.threads.get(first.thread_id));
      await step("edit meanwhile", () => client.threads.updateState(first.thread_id, { values: { text: "x" } }));
      await step("cancel and wait", () =>
        http("POST", `/threads/${first.thread_id}/runs/${first.run_id}/cancel?wait=1`),
      );
      await step("the run", () => client.runs.get(first.thread_id, first.run_id));
      await step("the thread", () => client.threads.get(first.thread_id));
      const second = await busy(player);
      await step("cancel", () => http("POST", `/threads/${second.thread_id}/runs/${second.run_id}/cancel?wait=0`));
      const third = await busy(player);
      await step("roll back", () => client.runs.cancel(third.thread_id, third.run_id, true, "rollback"));
      await step("the run after that", () => client.runs.get(third.thread_id, third.run_id));
      await step("the state after that", () => client.threads.getState(third.thread_id));
      await step("cancel an unknown one", () => client.runs.cancel(third.thread_id, UNKNOWN));
    },
  },
  {
    name: "runs meet on a thread",
    async play(player) {
      const { client, step } = player;
      const { thread_id, run_id } = await busy(player);
      await step("by default", () => client.runs.create(thread_id, "slow", { input, afterSeconds: 3600 }));
      await step("reject", () => client.runs.create(thread_id, "slow", { input, multitaskStrategy: "reject" }));
      await step("enqueue", () =>
        client.runs.create(thread_id, "slow", { input, multitaskStrategy: "enqueue", afterSeconds: 3600 }),
      );
      await step("interrupt", () => client.runs.wait(thread_id, "plain", { input, multitaskStrategy: "interrupt" }));
      await step("the one before", async () => (await client.runs.get(thread_id, run_id)).status);
      const other = await busy(player);
      await step("rollback", () =>
        client.runs.wait(other.thread_id, "plain", { input, multitaskStrategy: "rollback" }),
      );
      await step("the one before that", () => client.runs.get(other.thread_id, other.run_id));
    },
  },
];
