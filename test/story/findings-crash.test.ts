// The findings in which a process dies or changes its code between a question and what its answer does.
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { change, PLAIN, REVIEWED } from "../redeploy/scene.ts";
import { type Answer, ask, decide, openReview, reviewsOf, sdk } from "../support/client.ts";
import { openRefundHouse, type RefundHouse } from "../support/refund-house.ts";
import { type Server, startServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { createWorkflowFolder } from "../support/workflow-folder.ts";

const KILLED = { code: null, signal: "SIGKILL" };
let house: RefundHouse;
afterEach(async () => await house?.close());

const said = ({ status, code }: Answer) => `${status} ${code ?? "taken"}`;

/** How a graph is answered, and answered otherwise. */
interface Way {
  yes(url: string, review: ReviewTask): Promise<Answer>;
  no(url: string, review: ReviewTask): Promise<Answer>;
  /** What the node has then of its two questions. */
  answers: string[];
}

const byId = (word: (review: ReviewTask) => string) => (url: string, review: ReviewTask) =>
  ask(url, `/threads/${review.thread_id}/runs`, {
    body: {
      assistant_id: "twice-plain",
      command: { resume: { [review.interrupt_id as string]: word(review) } },
    },
  });

const WAYS: Record<string, Way> = {
  twice: {
    yes: (url, review) => decide(url, review, { type: "approve" }),
    no: (url, review) => decide(url, review, { type: "reject" }),
    answers: ["approve", "approve"],
  },
  "twice-plain": {
    yes: byId(({ value }) => `yes to ${value}`),
    no: byId(() => "no"),
    answers: ["yes to delete?", "yes to really?"],
  },
};

/** Answers whatever the thread asks until the server dies of it. Gives what was answered. */
async function answerUntilKilled(server: Server, thread_id: string, way: Way): Promise<ReviewTask[]> {
  const sent: ReviewTask[] = [];
  let dead = false;
  const died = server.exited.then((exit) => {
    dead = true;
    expect(exit).toEqual(KILLED);
  });
  const drive = async () => {
    for (;;) {
      const next = await until("the next question is open", async () => {
        if (dead) throw new Error("killed");
        const open = await reviewsOf(server.url, thread_id, "open");
        return open.find(({ id }) => !sent.some((review) => review.id === id));
      });
      sent.push(next);
      await way.yes(server.url, next);
    }
  };
  // Whatever request was under way breaks off with the server.
  await Promise.all([died, drive().catch(() => {})]);
  return sent;
}

describe("an answer that is sent again after a crash", () => {
  // The puts of the run that carries the second answer go on from the two of the first run.
  it.each([
    ["twice", "decide.recorded", "it was recorded and not committed", 1],
    ["twice-plain", "decide.committed", "it was committed and not acknowledged", 1],
    ["twice", "run.before_finish:2", "the node had read it and asked its next question", 1],
    ["twice-plain", "run.before_finish:2", "the node had read it and asked its next question", 1],
    ["twice-plain", "checkpoint.before_put:3", "the node had read both and nothing of it was stored", 2],
  ])(
    "to %s, killed at %s when %s, is not the next question's, and pays once",
    async (graph, at, _when, before) => {
      const way = WAYS[graph] as Way;
      house = await openRefundHouse();
      const workflows = "test/fixtures/findings";
      const first = await startServer({ databaseUrl: house.url, workflows, failpoint: at });
      const { thread_id } = await sdk(first.url).threads.create();
      await sdk(first.url).runs.wait(thread_id, graph, { input: {} });
      const sent = await answerUntilKilled(first, thread_id, way);
      expect([first.marker(), sent.length]).toEqual([at.split(":")[0], before]);
      await house.leasesRunOut();

      const { url, kill9 } = await startServer({ databaseUrl: house.url, workflows, after: first });
      const asked = sent.at(-1) as ReviewTask;
      const again = await way.yes(url, asked);
      expect(said(again)).toBe("200 taken");
      expect((await way.yes(url, asked)).body.run_id).toBe(again.body.run_id);
      expect(said(await way.no(url, asked))).toBe("409 already_decided");
      if (before === 1) {
        await sdk(url).runs.join(thread_id, again.body.run_id);
        const next = await openReview(url, thread_id);
        expect(next).toMatchObject({ decision: null, version: 1 });
        expect(next.interrupt_id).not.toBe(asked.interrupt_id);
        expect(said(await way.yes(url, asked))).toBe("200 taken");
        expect(await openReview(url, thread_id)).toEqual(next);
        expect(await house.payments()).toEqual([]);
        expect(said(await way.yes(url, next))).toBe("200 taken");
      }
      await until("it is done", async () => (await sdk(url).threads.get(thread_id)).status === "idle");
      expect((await sdk(url).threads.getState(thread_id)).values).toMatchObject({ log: [...way.answers, "paid 1"] });
      expect(await house.payments()).toHaveLength(1);
      const reviews = await reviewsOf(url, thread_id);
      expect(reviews.map(({ status }) => status)).toEqual(["closed", "closed"]);
      for (const review of reviews) expect(said(await way.no(url, review))).toBe("409 already_decided");
      const { rows } = await house.pool.query("select count(*)::int as decisions from holdpoint.decision");
      expect(rows).toEqual([{ decisions: 2 }]);
      expect(await house.brokenChains()).toEqual([]);
      await kill9();
    },
    120_000,
  );
});

const APPROVE = { type: "approve" };
const YES = { type: "respond", value: "yes" };
const FILES = {
  "plain-added.ts": PLAIN,
  "plain-renamed.ts": PLAIN,
  "reviewed-added.ts": REVIEWED,
  "reviewed-renamed.ts": REVIEWED,
};
const CHANGED: typeof FILES = {
  "plain-added.ts": change(
    PLAIN,
    'const answer = interrupt("refund?");',
    'interrupt("waive the fraud check?");\n  const answer = interrupt("refund?");',
  ),
  "plain-renamed.ts": change(PLAIN, '"ask"', '"confirm"'),
  "reviewed-added.ts": change(
    REVIEWED,
    "const [decision] =",
    'await review({ key: "fraud", title: "Waive the fraud check?", actions: [{ name: "waive", args: { amount: 0 }, schema }] });\n  const [decision] =',
  ),
  "reviewed-renamed.ts": change(REVIEWED, '"ask"', '"confirm"'),
};

it("an answer is not misrouted by a redeploy, before it or after it, and never ends as if all were done", async () => {
  house = await openRefundHouse();
  const folder = await createWorkflowFolder(FILES);
  onTestFinished(() => folder.drop());
  const env = { HOLDPOINT_WORKFLOWS_DIR: folder.directory };
  const failpoint = "decide.committed";
  const first = await startServer({ databaseUrl: house.url, env, failpoint });
  const waiting = async (graph: string) => {
    const { thread_id } = await sdk(first.url).threads.create();
    await sdk(first.url).runs.wait(thread_id, graph, { input: { amount: 5 } });
    return await openReview(first.url, thread_id);
  };
  const [plainAdded, plainRenamed, reviewedAdded, reviewedRenamed, early] = [
    await waiting("plain-added"),
    await waiting("plain-renamed"),
    await waiting("reviewed-added"),
    await waiting("reviewed-renamed"),
    await waiting("plain-added"),
  ];
  // Taken under the old code, and the process dies before it is carried out.
  await decide(first.url, early, YES).catch(() => {});
  expect([await first.exited, first.marker()]).toEqual([KILLED, failpoint]);
  await house.leasesRunOut();

  for (const [name, source] of Object.entries(CHANGED)) await folder.write(name, source);
  const { url, kill9 } = await startServer({ databaseUrl: house.url, env, after: first });
  const now = async ({ id }: ReviewTask) => (await ask(url, `/reviews/${id}`)).body as ReviewTask;
  for (const [review, decision] of [
    [plainAdded, YES],
    [plainRenamed, YES],
    [reviewedRenamed, APPROVE],
  ] as const)
    expect([review.graph_id, said(await decide(url, review, decision))]).toEqual([review.graph_id, "409 stale"]);
  expect(said(await decide(url, reviewedAdded, APPROVE))).toBe("200 taken");
  for (const review of [early, reviewedAdded])
    await until("the answer is stale", async () => (await now(review)).status === "stale");
  for (const review of [early, reviewedAdded]) {
    const { thread_id, resume_run_id } = await now(review);
    expect(await sdk(url).runs.get(thread_id, resume_run_id as string)).toMatchObject({ status: "error" });
  }

  for (const { thread_id, graph_id } of [early, reviewedAdded]) {
    await sdk(url).runs.wait(thread_id, graph_id, { input: null });
    const anew = await openReview(url, thread_id);
    expect(anew.decision).toBeNull();
    expect(JSON.stringify([anew.title, anew.value])).toMatch(/waive the fraud check\?/i);
  }
  const { rows } = await house.pool.query("select count(*)::int as effects from holdpoint.effect");
  expect(rows).toEqual([{ effects: 0 }]);
  expect(await house.brokenChains()).toEqual([]);
  await kill9();
}, 120_000);
