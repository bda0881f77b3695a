import { afterAll, beforeAll, expect, it } from "vitest";
import { followReviews } from "../../src/http/follow-reviews.ts";
import { createReviewFeeds } from "../../src/http/review-feed.ts";
import type { Database } from "../../src/postgres/database.ts";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { collect } from "../support/collect.ts";
import { until } from "../support/until.ts";
import { openServer, type TestServer } from "./server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await openServer();
});
afterAll(async () => await server.close());

interface Told {
  event: string;
  id: string | undefined;
  data: { id: string; version: number; status: string; change: string | null } | null;
}

const EVENT = /^event: (\S+)\ndata: (.+)\n(?:id: (.+)\n)?\n/gm;

/** Follows over a socket, as a page does, until it is told to leave. */
async function follow(headers: Record<string, string> = {}) {
  const stop = new AbortController();
  const response = await fetch(`${server.listening.url}/reviews/stream`, { headers, signal: stop.signal });
  let text = "";
  const ended = (async () => {
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) text += Buffer.from(chunk).toString();
    return "ended";
  })().catch(() => "cut");
  const told = (): Told[] =>
    [...text.matchAll(EVENT)].map(([, event = "", data = "", id]) => ({ event, id, data: JSON.parse(data) }));
  return {
    response,
    told,
    ended,
    of: (review: ReviewTask) => told().flatMap(({ data }) => (data?.id === review.id ? [data] : [])),
    lastId: () => told().findLast(({ id }) => id !== undefined)?.id as string,
    begun: () => until("it has begun", () => text !== ""),
    async leave() {
      stop.abort();
      await ended;
    },
  };
}

async function paused(amount: number): Promise<ReviewTask> {
  const { thread_id } = await server.client.threads.create();
  await server.client.runs.wait(thread_id, "http-pay", { input: { amount } });
  const [review] = (await (await server.ask(`/reviews?status=open&thread_id=${thread_id}`)).json()) as ReviewTask[];
  return review as ReviewTask;
}

const post = (path: string, body: unknown = {}) => server.ask(path, { method: "POST", body });

function approve({ id, request_digest }: ReviewTask) {
  return post(`/reviews/${id}/decision`, { decisions: [{ type: "approve" }], seen_digest: request_digest });
}

it("begins with a reset, and tells of each review what happens to it until it is closed", async () => {
  const page = await follow();
  expect(page.response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  await until("it says where it begins", () => page.told().length > 0);
  expect(page.told()).toMatchObject([{ event: "reset", data: null, id: expect.stringMatching(/^\d+:\d+:/) }]);
  const review = await paused(10);
  await until("it is opened", () => page.of(review).length > 0);
  expect(page.of(review)[0]).toEqual({
    id: review.id,
    version: 1,
    status: "open",
    change: "opened",
    graph_id: "http-pay",
    thread_id: review.thread_id,
    run_id: review.run_id,
  });
  await post(`/reviews/${review.id}/claim`);
  await until("it is claimed", () => page.of(review).some(({ change }) => change === "claimed"));
  await approve(review);
  await until("it is closed", () => page.of(review).some(({ status }) => status === "closed"));
  const versions = page.of(review).map(({ version }) => version);
  expect(versions).toEqual(versions.toSorted((one, other) => one - other));
  expect(page.told().filter(({ event }) => event === "reset")).toHaveLength(1);
  await page.leave();
});

it("tells who comes back with the last id exactly what was missed", async () => {
  const page = await follow();
  await until("it says where it begins", () => page.told().length > 0);
  const before = await paused(11);
  await until("it is opened", () => page.of(before).length > 0);
  await page.leave();
  const meanwhile = await paused(12);
  const again = await follow({ "last-event-id": page.lastId() });
  await until("it is told of", () => again.of(meanwhile).length > 0);
  expect(again.told().map(({ event, data }) => [event, data?.id])).toEqual([["review", meanwhile.id]]);
  const later = await follow({ "last-event-id": again.lastId() });
  await later.begun();
  expect(later.told()).toEqual([]);
  await Promise.all([again.leave(), later.leave()]);
});

it("loses nothing of transactions that commit in another order than they began in", async () => {
  const page = await follow();
  await until("it says where it begins", () => page.told().length > 0);
  const [first, second] = [await paused(13), await paused(14)];
  await until("both are opened", () => page.of(first).length * page.of(second).length > 0);
  const { pool } = server.house.database;
  const slow = await pool.connect();
  const touch = "update holdpoint.review set version = version + 1 where id = $1";
  await slow.query("begin");
  await slow.query(touch, [first.id]);
  await pool.query(touch, [second.id]);
  await until("the one that has committed is told", () => page.of(second).at(-1)?.version === 2);
  const seen = page.lastId();
  expect(page.of(first).at(-1)?.version).toBe(1);
  await slow.query("commit");
  slow.release();
  await until("the other is told as well", () => page.of(first).at(-1)?.version === 2);
  const again = await follow({ "last-event-id": seen });
  await until("also to who comes back", () => again.of(first).length > 0);
  expect(again.of(second)).toEqual([]);
  await Promise.all([page.leave(), again.leave()]);
});

it.each([
  "-1",
  "nonsense",
  "'; drop table holdpoint.review; --",
  "5:3:",
  "0:0:",
  "3:9:8,4",
  "3:9:9",
  "3:9:4,,5",
  "9223372036854775807:9223372036854775807:",
  "9999999999999999999:9999999999999999999:",
  "4000000000000000000:4000000000000000000:",
  `3:9:${"4,".repeat(3000)}5`,
])("has who comes with an id that is none read everything again (%#)", async (id) => {
  const page = await follow({ "last-event-id": id });
  await until("it is told", () => page.told().length > 0);
  expect(page.told()).toMatchObject([{ event: "reset", id: expect.stringMatching(/^\d+:\d+:/) }]);
  await page.leave();
});

it("has who has missed a thousand changes read everything again", async () => {
  const review = await paused(15);
  const { pool } = server.house.database;
  const page = await follow();
  await until("it says where it begins", () => page.told().length > 0);
  const columns = (
    await pool.query<{ names: string }>(
      `select string_agg(quote_ident(column_name), ', ') as names from information_schema.columns
       where table_schema = 'holdpoint' and table_name = 'review' and column_name not in ('id', 'task_id', 'changed_in')`,
    )
  ).rows[0]?.names;
  await pool.query(
    `insert into holdpoint.review (id, task_id, ${columns})
     select gen_random_uuid(), n::text, ${columns} from holdpoint.review, generate_series(1, 1001) n where id = $1`,
    [review.id],
  );
  await until("it is told", () => page.told().filter(({ event }) => event === "reset").length === 2);
  await page.leave();
  await pool.query("delete from holdpoint.review where task_id ~ '^[0-9]+$'");
});

it("tells only of the caller's tenant", async () => {
  const { pool } = server.house.database;
  const move = "update holdpoint.review set tenant_id = $2, version = version + 1 where id = $1";
  const page = await follow();
  await until("it says where it begins", () => page.told().length > 0);
  const [ours, theirs] = [await paused(16), await paused(17)];
  await until("both are opened", () => page.of(ours).length * page.of(theirs).length > 0);
  const start = page.lastId();
  await pool.query(move, [theirs.id, "elsewhere"]);
  await pool.query(move, [ours.id, "default"]);
  await until("ours is told", () => page.of(ours).at(-1)?.version === 2);
  const again = await follow({ "last-event-id": start });
  await until("ours is told to who comes back", () => again.of(ours).length > 0);
  const elsewhere = await server.deps.reviewFeeds.open("elsewhere", start);
  expect(elsewhere.take()?.changes).toMatchObject([{ id: theirs.id }]);
  elsewhere.close();
  expect(page.of(theirs).at(-1)?.version).toBe(1);
  expect(again.of(theirs)).toEqual([]);
  await Promise.all([page.leave(), again.leave()]);
});

it("refuses who may not read reviews", async () => {
  const key = await server.key("starter", ["runs:create", "runs:read"]);
  expect((await server.ask("/reviews/stream", { headers: { "x-api-key": key } })).status).toBe(403);
  expect((await server.ask("/reviews/stream", { headers: { "x-api-key": "none" } })).status).toBe(401);
});

it("looks once for all who follow, and lets go of everything when they leave", async () => {
  const { database, wakeups } = server.house;
  let looks = 0;
  const counting: Database = {
    ...database,
    one: (statement) => {
      looks += 1;
      return database.one(statement);
    },
  };
  const feeds = createReviewFeeds({ database: counting, wakeups, log: server.deps.log });
  const followers = await Promise.all(Array.from({ length: 200 }, () => feeds.open("default", undefined)));
  expect(feeds.size).toBe(200);
  expect(looks).toBe(1);
  for (const follower of followers) expect(follower.take()?.changes).toBeUndefined();
  const review = await paused(18);
  const seen = new Set<unknown>();
  await until("all are told", () => {
    for (const follower of followers) {
      if (follower.take()?.changes?.some(({ id }) => id === review.id) === true) seen.add(follower);
    }
    return seen.size === followers.length;
  });
  // Every wake-up is a look at most, and there are fewer of them than there are who follow.
  expect(looks).toBeLessThan(100);
  for (const follower of followers) follower.close();
  expect(feeds.size).toBe(0);
});

it("keeps of a review only its newest change for a client that does not read", async () => {
  const review = await paused(19);
  const follower = await server.deps.reviewFeeds.open("default", undefined);
  follower.take();
  await approve(review);
  const page = await follow();
  await until("it is closed", async () => {
    const now = (await (await server.ask(`/reviews/${review.id}`)).json()) as ReviewTask;
    return now.status === "closed";
  });
  await until("that is noticed", async () => {
    await follower.changed(10, new AbortController().signal);
    const news = follower.take()?.changes?.filter(({ id }) => id === review.id) ?? [];
    expect(news.length).toBeLessThanOrEqual(1);
    return news.some(({ status }) => status === "closed");
  });
  follower.close();
  await page.leave();
});

it("ends when its time is over, and lets go of what it followed", async () => {
  const { reviewFeeds } = server.deps;
  await until("nobody follows", () => reviewFeeds.size === 0);
  const following = followReviews(
    reviewFeeds,
    { tenant_id: "default", since: undefined },
    new AbortController().signal,
    0,
  );
  const begun = await following.next();
  expect(begun.value).toMatch(/^event: reset\n/);
  await paused(20);
  expect(await collect(following)).toEqual([]);
  expect(reviewFeeds.size).toBe(0);
});

it("lets go of clients that hang up, and ends for those that stay when the server drains", async () => {
  const { reviewFeeds } = server.deps;
  const [leaving, staying] = [await follow(), await follow()];
  await Promise.all([leaving.begun(), staying.begun()]);
  expect(reviewFeeds.size).toBe(2);
  await leaving.leave();
  await until("it is let go of", () => reviewFeeds.size === 1);
  expect((await server.ask("/reviews/stream", { method: "HEAD" })).status).toBe(200);
  server.app.drain();
  expect(await staying.ended).toBe("ended");
  expect(reviewFeeds.size).toBe(0);
});
