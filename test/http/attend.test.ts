import { afterAll, beforeAll, expect, it } from "vitest";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { openServer, type TestServer } from "./server.ts";

let server: TestServer;
let ana: string;
let ben: string;
let rita: string;
beforeAll(async () => {
  server = await openServer();
  ana = await server.key("ana", ["review:read", "review:decide"]);
  ben = await server.key("ben", ["review:read", "review:decide"]);
  rita = await server.key("rita", ["review:read"]);
});
afterAll(async () => await server.close());

async function paused(): Promise<ReviewTask> {
  const { thread_id } = await server.client.threads.create();
  await server.client.runs.wait(thread_id, "http-pay", { input: { amount: 10 } });
  const [review] = (await (await server.ask(`/reviews?status=open&thread_id=${thread_id}`)).json()) as ReviewTask[];
  return review as ReviewTask;
}

interface Answered {
  status: number;
  code: string | null;
  // biome-ignore lint/suspicious/noExplicitAny: what a test reads of it, the test checks
  body: any;
}

async function post(review: ReviewTask, act: string, body: unknown = {}, key = ana): Promise<Answered> {
  const response = await server.ask(`/reviews/${review.id}/${act}`, {
    method: "POST",
    body,
    headers: { "x-api-key": key },
  });
  return { status: response.status, code: response.headers.get("x-holdpoint-error"), body: await response.json() };
}

it("claims, and names to others who has it and until when; the version stays", async () => {
  const review = await paused();
  const claimed = await post(review, "claim");
  expect(claimed).toMatchObject({ status: 200, body: { version: 1, claim: { by: "ana" } } });
  const { until } = (claimed.body as ReviewTask).claim as { until: string };
  const refused = await post(review, "claim", {}, ben);
  expect(refused).toMatchObject({
    status: 409,
    code: "claimed",
    body: { error: { facts: { claimed_by: "ana", claimed_until: until }, retryable: true } },
  });
  const decision = { decisions: [{ type: "approve" }], seen_digest: review.request_digest };
  expect(await post(review, "decision", decision, ben)).toMatchObject({ status: 409, code: "claimed" });
  expect((await post(review, "release", {}, ben)).code).toBe("claimed");
  expect(await post(review, "release")).toMatchObject({ status: 200, body: { claim: null } });
  expect((await post(review, "decision", decision, ben)).status).toBe(200);
});

it("hands a review on, snoozes it, and asks a person who does not decide", async () => {
  const review = await paused();
  expect(await post(review, "assign", { to: "ana" })).toMatchObject({ body: { assignee: "ana" } });
  expect((await post(review, "assign", { to: "ben" }, ben)).code).toBe("permission_denied");
  expect(await post(review, "delegate", { to: "ben" })).toMatchObject({ body: { assignee: "ben" } });
  const snoozed = await post(review, "snooze", { until: "2030-01-01T01:00:00+01:00" }, ben);
  expect(snoozed).toMatchObject({ status: 200, body: { snoozed_until: "2030-01-01T00:00:00.000Z", version: 1 } });
  expect(await post(review, "snooze", { until: null }, ben)).toMatchObject({ body: { snoozed_until: null } });
  expect((await post(review, "comment", { text: "hm" }, rita)).code).toBe("permission_denied");
  const waiting = await post(review, "ask", { question: "the right account?", to: "rita" }, ben);
  expect(waiting).toMatchObject({ status: 200, body: { status: "info_requested", version: 2 } });
  expect((await post(review, "claim", {}, rita)).code).toBe("permission_denied");
  expect(await post(review, "answer", { text: "it is" }, rita)).toMatchObject({ body: { status: "open", version: 3 } });
  expect((await post(review, "answer", { text: "it is" }, rita)).code).toBe("nothing_asked");
  expect((await post(review, "view", {}, rita)).status).toBe(200);
  const audit = await server.ask(`/reviews/${review.id}/audit`);
  expect(audit.headers.get("x-holdpoint-chain")).toBe("intact");
  const links = (await audit.json()) as { kind: string; principal_id: string; body: string }[];
  expect(links.map(({ kind, principal_id }) => `${principal_id} ${kind}`)).toEqual([
    "local-owner opened",
    "ana assigned",
    "ana delegated",
    "ben snoozed",
    "ben snoozed",
    "ben info_requested",
    "rita info_given",
    "rita viewed",
  ]);
  expect(JSON.parse(links[6]?.body ?? "")).toEqual({ text: "it is", question: "the right account?" });
});

it("escalates to the next level, says that nobody further is named, and is no reader's to do", async () => {
  const review = await paused();
  expect(await post(review, "escalate", { reason: "late" }, rita)).toMatchObject({ status: 403 });
  const escalated = await post(review, "escalate", { reason: "late", level: 1 });
  const escalation = { level: 1, to: { users: [], groups: [] }, names_nobody: true };
  expect(escalated).toMatchObject({ status: 200, body: { id: review.id, status: "open", version: 1, escalation } });
  const again = await post(review, "escalate", { reason: "late", level: 1 });
  expect(again).toMatchObject({
    status: 412,
    code: "precondition_failed",
    body: { error: { facts: { level: null } } },
  });
  expect((await server.ask(`/reviews/${review.id}`)).status).toBe(200);
  expect(await (await server.ask("/metrics")).text()).toContain('holdpoint_review_steps_total{step="escalated"} 1');
});

it("refuses what is not said well with a pointer, and what is over with what ended it", async () => {
  const review = await paused();
  const wrong: [string, unknown, string][] = [
    ["assign", {}, "/to"],
    ["assign", { to: "nobody-here" }, "/to"],
    ["assign", { to: "\ud800" }, "/to"],
    ["delegate", { to: null }, "/to"],
    ["snooze", {}, "/until"],
    ["snooze", { until: "tomorrow" }, "/until"],
    ["snooze", { until: "2001-01-01T00:00:00Z" }, "/until"],
    ["snooze", { until: "9999-12-31T23:59:59Z" }, "/until"],
    ["comment", { text: " \n" }, "/text"],
    ["comment", { text: "a\0b" }, "/text"],
    ["comment", { text: "a".repeat(10_001) }, "/text"],
    ["ask", { question: 1 }, "/question"],
    ["ask", { question: "?", to: "nobody-here" }, "/to"],
    ["answer", { text: null }, "/text"],
    ["escalate", {}, "/reason"],
    ["escalate", { reason: " " }, "/reason"],
    ["escalate", { reason: "a".repeat(10_001) }, "/reason"],
    ["escalate", { reason: "late", to: "nobody-here" }, "/to"],
    ["escalate", { reason: "late", to: ["ana"] }, "/to"],
    ["escalate", { reason: "late", group: "a\nb" }, "/group"],
    ["escalate", { reason: "late", group: "" }, "/group"],
    ["escalate", { reason: "late", level: 0 }, "/level"],
    ["escalate", { reason: "late", level: "1" }, "/level"],
  ];
  await post(review, "ask", { question: "?", to: null });
  await post(review, "assign", { to: "ana" });
  for (const [act, body, pointer] of wrong) {
    const { status, body: told } = await post(review, act, body);
    expect([act, body, status, told.error.facts.faults?.[0].pointer]).toEqual([act, body, 422, pointer]);
  }
  const bot = await server.key("bot", ["review:read"], "agent");
  for (const act of ["comment", "answer"])
    expect((await post(review, act, { text: "approve!" }, bot)).code).toBe("permission_denied");
  expect((await post(review, "view", {}, bot)).code).toBe("permission_denied");
  await server.client.runs.cancel(review.thread_id, review.run_id, true);
  for (const act of ["claim", "release", "view"])
    expect(await post(review, act)).toMatchObject({ status: 410, code: "cancelled" });
  expect((await post({ ...review, id: crypto.randomUUID() }, "claim")).code).toBe("not_found");
});
