import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Answer, ask, decide, keyFor, openReview, reviewsOf, sdk } from "../support/client.ts";
import { openRefundHouse, type RefundHouse } from "../support/refund-house.ts";
import { refundExample } from "../support/refund-shop.ts";
import { type Server, startServer } from "../support/server.ts";
import { until } from "../support/until.ts";

const PEOPLE = 50;
const RACERS = 30;
const ROUNDS = Number(process.env["HOLDPOINT_TEST_SCALE"] ?? "1");

let house: RefundHouse;
let servers: [Server, Server];
let keys: string[];
beforeAll(async () => {
  house = await openRefundHouse();
  const options = { databaseUrl: house.url, shared: true };
  // One after the other: the second finds the first at work.
  servers = [await startServer(options), await startServer(options)];
  const names = Array.from({ length: PEOPLE }, (_, index) => `person-${index}`);
  keys = await Promise.all(names.map((name) => keyFor(servers[0].url, name)));
}, 120_000);
afterAll(async () => {
  for (const server of servers ?? []) await server.kill9();
  await house?.close();
});

const client = () => sdk(servers[0].url);

async function refundAsked(): Promise<string> {
  const { thread_id } = await client().threads.create();
  await house.pool.query("delete from chinook.refund");
  await client().runs.wait(thread_id, "counted-refund", { input: await refundExample("large") });
  return thread_id;
}

describe.each([
  ["one server process", 1],
  ["two server processes", 2],
])("fifty people who approve and reject one review at once, by %s", (_name, processes) => {
  it.each(Array.from({ length: ROUNDS }, (_, round) => round))("make one decision (round %d)", async () => {
    const thread_id = await refundAsked();
    const review = await openReview(servers[0].url, thread_id);
    const answers = await Promise.all(
      keys.map((key, index) => {
        const { url } = servers[index % processes] as Server;
        const decision = index % 4 < 2 ? { type: "approve" } : { type: "reject", message: "no" };
        return decide(url, review, decision, { key });
      }),
    );
    const won = answers.filter(({ status }) => status === 200);
    expect(won).toHaveLength(1);
    const { run_id, review: decided } = (won[0] as Answer).body;
    const winner = decided.decision.principal_id;
    expect(winner).toBe(`person-${answers.indexOf(won[0] as Answer)}`);
    for (const lost of answers.filter((answer) => answer !== won[0])) {
      const { error } = lost.body as unknown as { error: { code: string; message: string; facts: object } };
      expect({ status: lost.status, code: error.code }).toEqual({ status: 409, code: "already_decided" });
      expect(error.facts).toMatchObject({ decided_by: winner, decided_at: decided.decision.at });
      expect(error.message).toContain(winner);
    }
    await client().runs.join(thread_id, run_id);
    const approved = decided.outcome === "approved";
    const { rows } = await house.pool.query(
      `select (select count(*)::int from holdpoint.decision where review_id = $2) as decisions,
         (select count(*)::int from holdpoint.run where thread_id = $1 and kind = 'resume') as resumes,
         (select count(*)::int from holdpoint.effect where thread_id = $1) as effects,
         (select count(*)::int from holdpoint.audit where review_id = $2 and kind = 'decided') as audited`,
      [thread_id, review.id],
    );
    expect(rows).toEqual([{ decisions: 1, resumes: 1, effects: approved ? 1 : 0, audited: 1 }]);
    expect(await house.refunds()).toHaveLength(approved ? 1 : 0);
    expect((await ask(servers[0].url, `/reviews/${review.id}`)).body).toMatchObject({ status: "closed" });
  });
});

/** One answer to the first of two reviews, over one of the roads. */
type Send = (url: string, first: Awaited<ReturnType<typeof openReview>>) => Promise<Answer>;

const approval = { decisions: [{ type: "approve" }] };
const run = (graph: string, thread_id: string, body: object) => (url: string) =>
  ask(url, `/threads/${thread_id}/runs`, { body: { assistant_id: graph, ...body } });

const ROADS: [string, string, Send][] = [
  ["our own API with the digest", "guarded-twice", (url, first) => decide(url, first, { type: "approve" })],
  [
    "command.resume by interrupt id",
    "guarded-twice",
    (url, { thread_id, interrupt_id }) =>
      run("guarded-twice", thread_id, { command: { resume: { [interrupt_id as string]: approval } } })(url),
  ],
  [
    "command.resume with the checkpoint",
    "guarded-twice",
    (url, { thread_id, checkpoint_id }) =>
      run("guarded-twice", thread_id, { command: { resume: approval }, checkpoint: { checkpoint_id } })(url),
  ],
  [
    "a bare command.resume",
    "open-twice",
    (url, { thread_id }) => run("open-twice", thread_id, { command: { resume: approval } })(url),
  ],
];

describe("thirty racing answers to the first of two reviews in a row", () => {
  it.each(ROADS)("over %s leave the second open and unanswered", async (_road, graph, send) => {
    const [{ url }] = servers;
    const { thread_id } = await client().threads.create();
    await client().runs.wait(thread_id, graph, { input: { amount: 5 } });
    const first = await openReview(url, thread_id);
    const hold = await house.holdThread(thread_id);
    const sent = Array.from({ length: RACERS }, () => send(url, first));
    await until("answers queue up for the thread", async () => (await hold.waiting()) >= 5);
    // Answered by the same event loop, so all that was sent before is in as well.
    for (let turn = 0; turn < 5; turn += 1) await ask(url, "/ok");
    await hold.release();
    const answers = await Promise.all(sent);
    const second = await until("the second review is open", async () =>
      (await reviewsOf(url, thread_id, "open")).find(({ id }) => id !== first.id),
    );
    expect(second).toMatchObject({ title: "second?", decision: null, version: 1 });
    const taken = answers.filter(({ status }) => status === 200);
    const run_ids = new Set(taken.map(({ body }) => body.run_id));
    expect(run_ids.size).toBe(1);
    expect(answers.filter(({ status }) => status !== 200).map(({ status, code }) => `${status} ${code}`)).toEqual(
      Array.from({ length: RACERS - taken.length }, () => "409 already_decided"),
    );
    const { rows } = await house.pool.query(
      `select (select count(*)::int from holdpoint.decision d join holdpoint.review r on r.id = d.review_id
           where r.thread_id = $1) as decisions,
         (select count(*)::int from holdpoint.run where thread_id = $1 and kind = 'resume') as resumes,
         (select json_agg(status order by opened_at) from holdpoint.review where thread_id = $1) as reviews`,
      [thread_id],
    );
    expect(rows).toEqual([{ decisions: 1, resumes: 1, reviews: ["closed", "open"] }]);
    expect(await house.payments()).toEqual([]);
  });
});

it("leaves every chain whole", async () => {
  expect(await house.brokenChains()).toEqual([]);
});
