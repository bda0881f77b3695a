import { randomUUID } from "node:crypto";
import { emptyCheckpoint, uuid6 } from "@langchain/langgraph-checkpoint";
import { reviewRequest } from "../../src/policy/review/open.ts";
import { beginApply } from "../../src/postgres/apply.ts";
import { cancelRun } from "../../src/postgres/cancel.ts";
import { type ClaimedRun, claimThread, reapLeases } from "../../src/postgres/claim.ts";
import { finishRun } from "../../src/postgres/finish.ts";
import { DEFAULT_REVIEW_POLICY } from "../../src/protocol/review-policy.ts";
import { leaseOf } from "../support/dying-worker.ts";
import type { House } from "../support/house.ts";
import { answer, person, reviewsOf } from "../support/reviewer.ts";
import { type Action, newest } from "./model.ts";

// Never executed: the test is the worker.
const GRAPH = "plain-questions";
const LEASE_S = 60;

/** A thread of the real database, to which the same things happen. */
export interface RealThread {
  perform(action: Action): Promise<string>;
  /** What `shown` says of the model. */
  look(): Promise<unknown>;
}

/** Opens a thread; whoever wants to write to it has to get a lease first. */
export function openThread(house: House, guarded: boolean): RealThread {
  const { database } = house;
  const thread_id = randomUUID();
  const tenant_id = "default";
  const claims: ClaimedRun[] = [];

  const runIds = async () =>
    (
      await database.pool.query("select run_id, status from holdpoint.run where thread_id = $1 order by queue_seq", [
        thread_id,
      ])
    ).rows as { run_id: string; status: string }[];
  const put = async (run: ClaimedRun) => {
    const checkpoint = { ...emptyCheckpoint(), id: uuid6(-3) };
    const config = { configurable: { thread_id, checkpoint_ns: "" } };
    await house.parts.saver
      .withLease(leaseOf(run))
      .put(config, checkpoint, { source: "loop", step: 0, parents: {} }, {});
    return checkpoint.id;
  };
  const finish = async (run: ClaimedRun, ask: boolean) => {
    const checkpoint_id = ask ? await put(run) : randomUUID();
    const policyOf = () => DEFAULT_REVIEW_POLICY;
    const context = { graph_id: GRAPH, graph_fingerprint: "f", guarded: false, checkpoint_id, policyOf };
    const pause = {
      interrupt_id: randomUUID(),
      asking: null,
      ordinal: 0,
      task_id: randomUUID(),
      node: "ask",
      value: "?",
    };
    const fingerprint = (await house.factsOf(GRAPH))(GRAPH)?.fingerprint ?? "";
    await finishRun(
      database,
      leaseOf(run),
      run,
      {
        ending: ask ? "paused" : "finished",
        output: null,
        error: null,
        values: null,
        interrupts: "{}",
        questions: ask ? [reviewRequest(pause, context)] : [],
        group: run.kind === "resume" ? { event: "close", reason: null } : null,
        continued: false,
      },
      { ...context, graph_fingerprint: fingerprint, guarded, forked_from: null },
      { events: [], beside: [] },
    );
  };
  const claim = async () => {
    const claimant = { graph_ids: [GRAPH], worker_id: randomUUID(), leaseMs: LEASE_S * 1000 };
    const run = await claimThread(database, claimant, tenant_id, thread_id);
    if (run === undefined) return "nothing";
    claims.push(run);
    if (run.kind === "resume") await beginApply(database, leaseOf(run), run, "f");
    return "ok";
  };
  const reviews = async () =>
    (await reviewsOf(house, thread_id)).toSorted((a, b) => (a.opened_at < b.opened_at ? -1 : 1));

  const act = async (action: Action): Promise<string> => {
    switch (action.type) {
      case "input":
        await house.start(GRAPH, { input: {} }, { thread_id, guarded, if_not_exists: "create" });
        return "ok";
      case "claim":
        return await claim();
      case "put":
        await put(newest(claims, action.lease));
        return "ok";
      case "finish":
        await finish(newest(claims, action.lease), action.ask);
        return "ok";
      case "pass":
        await house.pass(LEASE_S + 1);
        return "ok";
      case "reap":
        if (action.wait) await house.pass(LEASE_S + 1);
        return (await reapLeases(database)).find((reaped) => reaped.thread_id === thread_id)?.result ?? "nothing";
      case "decide": {
        const review = newest(await reviews(), action.review);
        const options = { by: person(action.by), seen_digest: review.request_digest };
        await answer(house, review, [{ type: "respond", value: action.by }], options);
        return "ok";
      }
      case "cancel": {
        const { run_id } = newest(await runIds(), action.run);
        await cancelRun(database, { tenant_id, thread_id, run_id, principal_id: "carl" });
        return "ok";
      }
    }
  };
  return {
    async perform(action) {
      try {
        return await act(action);
      } catch (error) {
        const { code } = error as { code?: string };
        if (code === undefined) throw error;
        return code;
      }
    },
    async look() {
      const { rows } = await database.pool.query(
        `select t.status, t.lease_epoch as epoch,
           (select count(*)::int from holdpoint.checkpoint c where c.thread_id = t.thread_id) as checkpoints,
           (select coalesce(json_agg(r.status order by r.queue_seq), '[]') from holdpoint.run r where r.thread_id = t.thread_id) as runs,
           (select coalesce(json_agg(v.status || ' by ' || coalesce(
               (select string_agg(d.principal_id, ' and ') from holdpoint.decision d where d.review_id = v.id), 'nobody')
             order by v.opened_at), '[]') from holdpoint.review v where v.thread_id = t.thread_id) as reviews
         from holdpoint.thread t where t.thread_id = $1`,
        [thread_id],
      );
      return rows[0] ?? { status: "idle", epoch: 0, checkpoints: 0, runs: [], reviews: [] };
    },
  };
}
