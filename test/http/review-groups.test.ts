import { afterAll, beforeAll, expect, it } from "vitest";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { openServer, type TestServer } from "./server.ts";

let server: TestServer;
let ana: string;
let ben: string;
beforeAll(async () => {
  server = await openServer();
  ana = await server.key("ana", ["review:read", "review:decide"]);
  ben = await server.key("ben", ["review:read", "review:decide"]);
});
afterAll(async () => await server.close());

/** A thread with two questions at once. */
async function asked(): Promise<[ReviewTask, ReviewTask]> {
  const { thread_id } = await server.client.threads.create();
  await server.client.runs.wait(thread_id, "parallel-questions", { input: {} });
  const open = (await (await server.ask(`/reviews?status=open&thread_id=${thread_id}`)).json()) as ReviewTask[];
  expect(open).toHaveLength(2);
  return open as [ReviewTask, ReviewTask];
}

interface Answered {
  status: number;
  code: string | null;
  // biome-ignore lint/suspicious/noExplicitAny: what a test reads of it, the test checks
  body: any;
}

async function decide(group_id: string, body: unknown, key = ana): Promise<Answered> {
  const response = await server.ask(`/review-groups/${group_id}/decision`, {
    method: "POST",
    body,
    headers: { "x-api-key": key },
  });
  return { status: response.status, code: response.headers.get("x-holdpoint-error"), body: await response.json() };
}

const said = (review: ReviewTask, value: unknown) => ({
  review_id: review.id,
  decisions: [{ type: "respond", value }],
  seen_digest: review.request_digest,
});
const now = async ({ id }: ReviewTask) => (await (await server.ask(`/reviews/${id}`)).json()) as ReviewTask;

it("decides all reviews of a group together, and queues the one run that carries them", async () => {
  const [left, right] = await asked();
  const answers = [said(left, "L"), said(right, "R")];
  const decided = await decide(left.group_id, { answers, comment: "both" });
  expect(decided).toMatchObject({
    status: 200,
    body: { reviews: [{ decision: { comment: "both" } }, { decision: { comment: "both" } }] },
  });
  await server.client.runs.join(left.thread_id, decided.body.run_id);
  expect((await now(left)).status).toBe("closed");
  const again = await decide(left.group_id, { answers: answers.toReversed() });
  expect([again.status, again.body.run_id]).toEqual([200, decided.body.run_id]);
});

it("decides none where one of them is refused, and says which", async () => {
  const [left, right] = await asked();
  const group = left.group_id;
  const refusals: [unknown, number, string, Record<string, unknown>][] = [
    [
      [said(left, "L"), { ...said(right, "R"), seen_digest: "sha256:0" }],
      409,
      "digest_mismatch",
      { review_id: right.id },
    ],
    [
      [said(left, "L"), { ...said(right, "R"), seen_digest: undefined }],
      409,
      "ambiguous_resume",
      { review_id: right.id },
    ],
    [
      [said(left, "L"), { ...said(right, "R"), decisions: [{ type: "approve" }] }],
      422,
      "invalid",
      { review_id: right.id, faults: [{ pointer: "/answers/1/decisions/0/type" }] },
    ],
    [
      [said(left, "L"), { ...said(right, "R"), decisions: "yes" }],
      422,
      "invalid",
      { review_id: right.id, faults: [{ pointer: "/answers/1/decisions" }] },
    ],
    [[said(left, "L"), said(left, "L")], 422, "invalid", { faults: [{ pointer: "/answers/1/review_id" }] }],
    [[], 422, "invalid", { faults: [{ pointer: "/answers" }] }],
  ];
  for (const [answers, status, code, facts] of refusals) {
    expect(await decide(group, { answers })).toMatchObject({ status, code, body: { error: { facts } } });
  }
  const [other] = await asked();
  expect((await decide(group, { answers: [said(left, "L"), said(other, "R")] })).code).toBe("not_found");
  expect((await decide(crypto.randomUUID(), { answers: [said(left, "L")] })).code).toBe("not_found");
  expect([await now(left), await now(right)]).toEqual([left, right]);
});

it("names who decided one of them first, and then decides the other one alone", async () => {
  const [left, right] = await asked();
  const first = await decide(left.group_id, { answers: [said(left, "ben's")] }, ben);
  expect(first).toMatchObject({ status: 200, body: { run_id: null } });
  const both = await decide(left.group_id, { answers: [said(left, "L"), said(right, "R")] });
  expect(both).toMatchObject({
    status: 409,
    code: "already_decided",
    body: { error: { facts: { decided_by: "ben" } } },
  });
  expect((await now(right)).decision).toBeNull();
  const rest = await decide(left.group_id, { answers: [said(right, "R")] });
  expect((await server.client.runs.join(left.thread_id, rest.body.run_id)) as object).toBeDefined();
  expect((await now(left)).decision?.principal_id).toBe("ben");
});

it("of many who decide a group at once one wins it whole", async () => {
  const [left, right] = await asked();
  const told = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      decide(left.group_id, { answers: [said(left, index), said(right, index)] }, index % 2 === 0 ? ana : ben),
    ),
  );
  const won = told.findIndex(({ status }) => status === 200);
  expect(told.filter(({ status }) => status === 200)).toHaveLength(1);
  expect(new Set(told.flatMap(({ status, code }) => (status === 200 ? [] : [code])))).toEqual(
    new Set(["already_decided"]),
  );
  await server.client.runs.join(left.thread_id, told[won]?.body.run_id);
  for (const review of [await now(left), await now(right)])
    expect(review.decision?.decisions).toEqual([{ action: 0, type: "respond", value: won }]);
});

it("lists by what reviewers ask for, and counts the same", async () => {
  const [left, right] = await asked();
  const read = async (query: string, key = ana) => {
    const response = await server.ask(`/reviews?thread_id=${left.thread_id}&${query}`, {
      headers: { "x-api-key": key },
    });
    return [response.headers.get("x-pagination-total"), ((await response.json()) as ReviewTask[]).map(({ id }) => id)];
  };
  const both = [left.id, right.id].toSorted();
  const ids = async (query: string, key = ana) => {
    const [, found] = await read(query, key);
    return (found as string[]).toSorted();
  };
  await server.ask(`/reviews/${left.id}/claim`, { method: "POST", body: {}, headers: { "x-api-key": ana } });
  await server.ask(`/reviews/${right.id}/snooze`, {
    method: "POST",
    body: { until: "2035-01-01T00:00:00Z" },
    headers: { "x-api-key": ben },
  });
  expect(await ids("status=open&status=stale")).toEqual(both);
  expect(await ids("status=open,stale&sort=newest")).toEqual(both);
  expect(await ids("status=closed")).toEqual([]);
  expect(await ids("mine=1")).toEqual([left.id]);
  expect(await ids("mine=1", ben)).toEqual([]);
  expect(await ids("unclaimed=true")).toEqual([right.id]);
  expect(await ids("unclaimed=false")).toEqual([left.id]);
  expect(await ids("snoozed=1")).toEqual([right.id]);
  expect(await ids("snoozed=0")).toEqual([left.id]);
  expect(await ids("overdue=1")).toEqual([]);
  expect(await ids("due_before=2001-01-01T00:00:00Z")).toEqual([]);
  expect(await ids(`due_before=${encodeURIComponent("2100-01-01T00:00:00+02:00")}&sort=due_at`)).toEqual(both);
  expect(await ids("assignee=ana")).toEqual([]);
  expect(await ids("group=finance&my_groups=1")).toEqual([]);
  expect(await ids(`q=${encodeURIComponent(left.title.slice(2, 12).toUpperCase())}`)).toContain(left.id);
  expect(await ids("risk=high&graph_id=parallel-questions")).toEqual([]);
  expect(await read("limit=1&sort=priority")).toMatchObject(["2", [expect.any(String)]]);
  for (const wrong of ["status=opened", "sort=size", "risk=huge", "due_before=soon", "mine=perhaps", "limit=0"]) {
    expect((await server.ask(`/reviews?${wrong}`)).status, wrong).toBe(422);
  }
  const counts = async (key: string) =>
    (await (await server.ask("/reviews/counts", { headers: { "x-api-key": key } })).json()) as Record<string, number>;
  const [all, own] = [await counts(ben), await counts(ana)];
  expect(own).toMatchObject({ mine: 1, snoozed: 1, overdue: 0, high_risk: 0, my_groups: 0 });
  expect(all["mine"]).toBe(0);
  expect(own["unclaimed"]).toBe((own["open"] as number) - 1);
});
