import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask, decide, openReview, reviewsOf, sdk } from "../support/client.ts";
import { openRefundHouse, type RefundHouse } from "../support/refund-house.ts";
import { type RefundOutcome, refundExample } from "../support/refund-shop.ts";
import { type Server, startServer } from "../support/server.ts";

let house: RefundHouse;
let server: Server;
beforeAll(async () => {
  house = await openRefundHouse();
  server = await startServer({ databaseUrl: house.url, workflows: "workflows", shared: true });
});
afterAll(async () => {
  const exit = await server?.stop();
  await house?.close();
  expect(exit).toEqual({ code: 0, signal: null });
});

const GRAPH = "refund-approval";
const client = () => sdk(server.url);

interface Told {
  thread_id: string;
  run_id: string;
  /** The nodes that finished, in order. */
  nodes: string[];
  events: string[];
}

/** Sends an example and follows it as a page would. */
async function tell(name: string): Promise<Told> {
  const { thread_id } = await client().threads.create();
  const input = await refundExample(name);
  const told: Told = { thread_id, run_id: "", nodes: [], events: [] };
  for await (const { event, data } of client().runs.stream(thread_id, GRAPH, { input, streamMode: ["updates"] })) {
    told.events.push(event);
    if (event === "metadata") told.run_id = (data as { run_id: string }).run_id;
    if (event === "updates") told.nodes.push(...Object.keys(data as object).filter((key) => !key.startsWith("__")));
  }
  return told;
}

/** Follows the run that carries an answer; gives the nodes it ran. */
async function follow(thread_id: string, run_id: string): Promise<string[]> {
  const nodes: string[] = [];
  for await (const { event, data } of client().runs.joinStream(thread_id, run_id, { streamMode: "updates" })) {
    if (event === "updates") nodes.push(...Object.keys(data as object).filter((key) => !key.startsWith("__")));
  }
  return nodes;
}

const state = async (thread_id: string) => await client().threads.getState<RefundOutcome>(thread_id);

describe("an example that needs nobody", () => {
  it.each([
    ["small", ["analyze", "validate", "execute", "finalize"], "paid", []],
    ["unknown-invoice", ["analyze", "validate", "refuse", "finalize"], "refused", ["unknown_invoice"]],
    ["unknown-customer", ["analyze", "validate", "refuse", "finalize"], "refused", ["unknown_customer"]],
    ["not-theirs", ["analyze", "validate", "refuse", "finalize"], "refused", ["not_theirs"]],
    ["too-much", ["analyze", "validate", "refuse", "finalize"], "refused", ["too_much"]],
  ])("refund-%s.json goes straight to its end", async (name, nodes, outcome, findings) => {
    const before = await house.refunds();
    const told = await tell(name);
    expect(told.nodes).toEqual(nodes);
    expect([told.events[0], told.events.at(-1)]).toEqual(["metadata", "updates"]);
    const { values, next, tasks } = await state(told.thread_id);
    expect({ outcome: values.outcome, findings: values.findings.map(({ code }) => code) }).toEqual({
      outcome,
      findings,
    });
    expect({ next, tasks }).toEqual({ next: [], tasks: [] });
    expect(await client().runs.get(told.thread_id, told.run_id)).toMatchObject({ status: "success" });
    expect(await client().threads.get(told.thread_id)).toMatchObject({ status: "idle", interrupts: {} });
    expect(await reviewsOf(server.url, told.thread_id)).toEqual([]);
    const paid = outcome === "paid" ? [expect.objectContaining({ invoice_id: 121, amount: "3.96" })] : [];
    expect((await house.refunds()).slice(before.length)).toEqual(paid);
    const history = await client().threads.getHistory(told.thread_id, { limit: 20 });
    expect(history.map((entry) => entry.next[0])).toEqual([undefined, ...nodes.toReversed(), "__start__"]);
  });
});

describe("an example that needs a person", () => {
  it("refund-large.json waits with everything a person needs to see", async () => {
    const told = await tell("large");
    expect(told.nodes).toEqual(["analyze", "validate", "propose"]);
    expect(await client().runs.get(told.thread_id, told.run_id)).toMatchObject({ status: "success" });
    const thread = await client().threads.get(told.thread_id);
    expect(thread.status).toBe("interrupted");
    const review = await openReview(server.url, told.thread_id);
    expect(review).toMatchObject({
      status: "open",
      version: 1,
      run_id: told.run_id,
      graph_id: GRAPH,
      node: "review",
      flavour: "review",
      guarded: true,
      title: "Refund 13.86 USD to John Gordon (invoice 5)",
      actions: [{ name: "chinook.refund", args: { amount: 13.86 }, allowed: ["approve", "edit", "reject"] }],
      decision: null,
    });
    expect(review.description).toMatch(/left 13\.86 USD/);
    expect(review.request_digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(Date.parse(review.due_at as string) - Date.parse(review.opened_at)).toBeGreaterThan(71 * 3_600_000);
    const shown = await ask(server.url, `/reviews/${review.id}`);
    expect(shown.headers.get("etag")).toBe('"1"');
    expect(shown.body).toEqual(review);
    expect(Object.values(thread.interrupts).flat()).toMatchObject([{ id: review.interrupt_id }]);
    const waiting = await state(told.thread_id);
    expect(waiting.next).toEqual(["review"]);
    expect(waiting.checkpoint.checkpoint_id).toBe(review.checkpoint_id);
    expect((await ask(server.url, `/reviews?status=open&graph_id=${GRAPH}`)).body).toContainEqual(review);

    const decided = await decide(server.url, review, { type: "approve" }, { comment: "checked the invoice" });
    expect(decided).toMatchObject({ status: 200, body: { review: { version: expect.any(Number) } } });
    expect(await follow(told.thread_id, decided.body.run_id)).toEqual(["review", "execute", "finalize"]);
    expect((await state(told.thread_id)).values).toMatchObject({ outcome: "paid", receipt: { amount: "13.86" } });
    const [refund] = await house.refunds(5);
    expect(await house.refunds(5)).toEqual([{ effect_id: refund?.effect_id, invoice_id: 5, amount: "13.86" }]);
    const { body: closed, headers } = await ask(server.url, `/reviews/${review.id}`);
    expect(closed).toMatchObject({
      status: "closed",
      outcome: "approved",
      resume_run_id: decided.body.run_id,
      decision: { principal_id: "local-owner", comment: "checked the invoice", binding: "digest" },
    });
    expect(headers.get("etag")).toBe(`"${closed.version}"`);
    const audit = await ask(server.url, `/reviews/${review.id}/audit`);
    expect(audit.headers.get("x-holdpoint-chain")).toBe("intact");
    expect(audit.body.map(({ kind }: { kind: string }) => kind)).toEqual([
      "opened",
      "decided",
      "resume_queued",
      "resuming",
      "closed",
    ]);
    expect(await client().threads.get(told.thread_id)).toMatchObject({ status: "idle", interrupts: {} });
    expect((await client().runs.list(told.thread_id)).map(({ status }) => status)).toEqual(["success", "success"]);
  });

  it("refund-partial.json is paid as the person changed it, and no further than the schema allows", async () => {
    const { thread_id } = await tell("partial");
    const review = await openReview(server.url, thread_id);
    const args = review.actions[0]?.args as { amount: number };
    const tooMuch = await decide(server.url, review, { type: "edit", args: { ...args, amount: 1_000 } });
    expect(tooMuch).toMatchObject({ status: 422, code: "invalid" });
    expect(JSON.stringify(tooMuch.body)).toContain("/decisions/0/args/amount");
    const decided = await decide(server.url, review, { type: "edit", args: { ...args, amount: 4.35 } });
    expect(await follow(thread_id, decided.body.run_id)).toEqual(["review", "execute", "finalize"]);
    expect(await house.refunds(299)).toMatchObject([{ amount: "4.35" }]);
    const { body: closed } = await ask(server.url, `/reviews/${review.id}`);
    expect(closed).toMatchObject({
      status: "closed",
      outcome: "edited",
      decision: { diff: [{ op: "replace", path: expect.stringContaining("/amount"), value: 4.35 }] },
    });
  });

  it("refund-ambiguous.json is rejected with a reason, which the customer reads", async () => {
    const { thread_id } = await tell("ambiguous");
    const before = await house.refunds();
    const review = await openReview(server.url, thread_id);
    const { run_id } = (await decide(server.url, review, { type: "reject", message: "we cannot tell which" })).body;
    expect(await follow(thread_id, run_id)).toEqual(["review", "finalize"]);
    const { values } = await state(thread_id);
    expect(values).toMatchObject({ outcome: "rejected", receipt: null });
    expect(values.answer).toMatch(/The reason: we cannot tell which/);
    expect(await house.refunds()).toEqual(before);
    expect((await ask(server.url, `/reviews/${review.id}`)).body).toMatchObject({
      status: "closed",
      outcome: "rejected",
    });
  });

  it("refund-first-of-two.json and refund-second-of-two.json are both approved; the second finds the invoice spent", async () => {
    const first = await tell("first-of-two");
    const second = await tell("second-of-two");
    for (const { thread_id } of [first, second]) {
      const decided = await decide(server.url, await openReview(server.url, thread_id), { type: "approve" });
      await client().runs.join(thread_id, decided.body.run_id);
    }
    expect((await state(first.thread_id)).values.outcome).toBe("paid");
    expect((await state(second.thread_id)).values).toMatchObject({
      outcome: "refused",
      receipt: { reason: "5.86 USD are left of invoice 404; 15.00 USD were to be refunded." },
    });
    expect(await house.refunds(404)).toMatchObject([{ amount: "20.00" }]);
  });
});

it("never refunds more than an invoice holds, however many threads are approved at once", async () => {
  const input = { email: "ladislav_kovacs@apple.hu", message: "Part of invoice 96 is broken. Please refund $6.00." };
  const threads = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const { thread_id } = await client().threads.create();
      await client().runs.wait(thread_id, GRAPH, { input });
      return thread_id;
    }),
  );
  const reviews = await Promise.all(threads.map((thread_id) => openReview(server.url, thread_id)));
  const decided = await Promise.all(reviews.map((review) => decide(server.url, review, { type: "approve" })));
  expect(decided.map(({ status }) => status)).toEqual(threads.map(() => 200));
  await Promise.all(decided.map(({ body }) => client().runs.join(body.review.thread_id, body.run_id)));
  const outcomes = await Promise.all(threads.map(async (thread_id) => (await state(thread_id)).values.outcome));
  expect(outcomes.filter((outcome) => outcome === "paid")).toHaveLength(3);
  expect(outcomes.filter((outcome) => outcome === "refused")).toHaveLength(17);
  const [books] = (
    await house.pool.query(
      `select count(*)::int as refunds, sum(r.amount) <= i.total as covered from chinook.refund r
       join chinook.invoice i using (invoice_id) where invoice_id = 96 group by i.total`,
    )
  ).rows;
  expect(books).toEqual({ refunds: 3, covered: true });
});

it("answers a question about the shop from what its read-only login may see, and declines what only a model could ask", async () => {
  const answer = async (name: string) => {
    const input = JSON.parse(await readFile(`examples/sql-analyst-${name}.json`, "utf8")) as Record<string, string>;
    return (await client().runs.wait(null, "sql-analyst", { input })) as { outcome: string; answer: { text: string } };
  };
  expect(await answer("best-genres")).toMatchObject({
    outcome: "answered",
    answer: { text: expect.stringMatching(/^Rock: 835 tracks sold/) },
  });
  expect(await answer("share-of-a-country")).toMatchObject({ outcome: "declined" });
});

it("leaves no review open and no chain broken behind", async () => {
  expect((await ask(server.url, "/reviews?status=open")).body).toEqual([]);
  expect(await house.brokenChains()).toEqual([]);
});
