import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Answer, ask, sdk } from "../support/client.ts";
import { createDice, SCALE } from "../support/dice.ts";
import { openRefundHouse, type RefundHouse } from "../support/refund-house.ts";
import { type Server, startServer } from "../support/server.ts";
import { until } from "../support/until.ts";

let house: RefundHouse;
let servers: [Server, Server];
beforeAll(async () => {
  house = await openRefundHouse();
  const start = () => startServer({ databaseUrl: house.url, shared: true });
  servers = await Promise.all([start(), start()]);
}, 120_000);
afterAll(async () => {
  for (const server of servers ?? []) await server.kill9();
  await house?.close();
});

const RUN = { assistant_id: "plain-once", input: { amount: 5 } };
const HELD = { assistant_id: "held-in-the-middle", input: { amount: 1 } };

const post = (server: Server, path: string, key: string, body?: unknown) =>
  ask(server.url, path, { method: "POST", body, headers: { "idempotency-key": key } });

/** The same request to both servers in turn, all at once. */
const fifty = (path: string, body?: unknown, key = randomUUID()) =>
  Promise.all(Array.from({ length: 50 }, (_, n) => post(servers[n % 2] as Server, path, key, body)));

const newThread = async () => (await sdk(servers[0].url).threads.create()).thread_id;
const runIdOf = ({ headers }: Answer) => headers.get("content-location")?.split("/").at(-1);

async function count(text: string, values: unknown[] = []): Promise<number> {
  return (await house.pool.query(`select count(*)::int as count from holdpoint.${text}`, values)).rows[0].count;
}
const runsOf = (thread_id: string) => count("run where thread_id = $1", [thread_id]);

const locksWaitedFor = () =>
  house.pool
    .query(
      `select count(*)::int as count from pg_locks l join pg_stat_activity a using (pid)
       where a.datname = current_database() and l.locktype = 'advisory' and not l.granted`,
    )
    .then(({ rows }) => rows[0].count as number);

describe("fifty equal requests at once, at two servers,", () => {
  it.each(["", "/wait", "/stream"])("are one run of POST /runs%s, and all get the same answer", async (how) => {
    for (let round = 0; round < SCALE; round += 1) {
      const thread_id = await newThread();
      const answers = await fifty(`/threads/${thread_id}/runs${how}`, RUN);
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      expect(new Set(answers.map(runIdOf)).size).toBe(1);
      // A run object says how far the run is; results and events do not depend on when they are asked for.
      if (how !== "") expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
      expect(await runsOf(thread_id)).toBe(1);
    }
  });

  it("are one thread, and one copy of it", async () => {
    for (let round = 0; round < SCALE; round += 1) {
      const before = await count("thread");
      const threads = new Set((await fifty("/threads", {})).map(({ body }) => body.thread_id));
      expect(threads.size).toBe(1);
      const [thread_id] = threads as Set<string>;
      await sdk(servers[0].url).runs.wait(thread_id as string, "plain-once", { input: { amount: 5 } });
      const copies = await fifty(`/threads/${thread_id}/copy`);
      expect(new Set(copies.map(({ status, body }) => `${status} ${body.thread_id}`)).size).toBe(1);
      expect(copies[0]?.status).toBe(200);
      expect(await count("thread")).toBe(before + 2);
    }
  });

  it("are one answer of a person", async () => {
    const thread_id = await newThread();
    await sdk(servers[0].url).runs.wait(thread_id, "plain-twice", { input: { amount: 5 } });
    const answers = await fifty(`/threads/${thread_id}/runs`, {
      assistant_id: "plain-twice",
      command: { resume: "yes" },
    });
    expect(new Set(answers.map((answer) => `${answer.status} ${runIdOf(answer)}`)).size).toBe(1);
    expect(answers[0]?.status).toBe(200);
    expect(await runsOf(thread_id)).toBe(2);
    expect(
      await count("decision d join holdpoint.review r on r.id = d.review_id where thread_id = $1", [thread_id]),
    ).toBe(1);
  });
});

it("whoever asks while the first request is under way waits for it, and one with another thread is refused", async () => {
  const [thread_id, other] = [await newThread(), await newThread()];
  const key = randomUUID();
  const hold = await house.holdThread(thread_id);
  const first = post(servers[0], `/threads/${thread_id}/runs`, key, RUN);
  await until("the first waits", async () => (await locksWaitedFor()) === 1);
  const second = post(servers[1], `/threads/${thread_id}/runs`, key, RUN);
  const third = post(servers[1], `/threads/${other}/runs`, key, RUN);
  await until("all wait", async () => (await locksWaitedFor()) === 3);
  await hold.release();
  expect([(await first).status, (await second).status]).toEqual([200, 200]);
  expect(runIdOf(await second)).toBe(runIdOf(await first));
  expect(await third).toMatchObject({ status: 422, code: "idempotency_key_reused" });
  expect([await runsOf(thread_id), await runsOf(other)]).toEqual([1, 0]);
});

it("a key that a killed server had accepted means the same run to the next one", async () => {
  const thread_id = await newThread();
  const [accepted, unanswered] = [randomUUID(), randomUUID()];
  const path = `/threads/${thread_id}/runs`;
  const dying = await startServer({ databaseUrl: house.url });
  const first = await post(dying, path, accepted, HELD);
  const hold = await house.holdThread(thread_id);
  const lost = post(dying, path, unanswered, RUN).catch(() => "lost");
  await until("it waits", async () => (await locksWaitedFor()) > 0);
  await dying.kill9();
  expect(await lost).toBe("lost");
  await hold.release();
  const again = await post(servers[0], path, accepted, HELD);
  expect(runIdOf(again)).toBe(runIdOf(first));
  // Nothing of the other was committed, so its key is free, and it is made now.
  expect((await post(servers[0], path, unanswered, RUN)).status).toBe(200);
  expect(await runsOf(thread_id)).toBe(2);
  await house.letGo(thread_id);
  await sdk(servers[0].url).runs.join(thread_id, runIdOf(first) as string);
});

it("few keys for many requests on few threads: each key is one request and one run, and nobody waits for ever", async () => {
  const threads = await Promise.all(Array.from({ length: 4 }, newThread));
  const keys = Array.from({ length: 12 * SCALE }, () => randomUUID());
  const accepted = new Map<string, Set<string>>();
  const told = new Map<number, number>();
  const client = async (seed: number) => {
    const dice = createDice(seed);
    for (let turn = 0; turn < 15 * SCALE; turn += 1) {
      const key = dice.pick(keys);
      const path = `/threads/${dice.pick(threads)}/runs`;
      const answer = await post(dice.pick(servers), path, key, { ...RUN, input: { amount: dice.roll(2) + 1 } });
      told.set(answer.status, (told.get(answer.status) ?? 0) + 1);
      if (answer.status !== 200) continue;
      accepted.set(key, (accepted.get(key) ?? new Set()).add(`${runIdOf(answer)}`));
    }
  };
  await Promise.all(Array.from({ length: 12 }, (_, seed) => client(seed)));
  expect([...told.keys()].toSorted()).toEqual([200, 422]);
  for (const runs of accepted.values()) expect(runs.size).toBe(1);
  expect(accepted.size).toBe(keys.length);
  expect(await count("run where thread_id = any($1) and kind = 'run'", [threads])).toBe(keys.length);
});
