import { describe, expect, test } from "vitest";
import { reviewsOf } from "../support/reviewer.ts";
import {
  change,
  deploy,
  goOn,
  links,
  logOf,
  openScene,
  PLAIN,
  paid,
  REVIEWED,
  startWaiting,
  theOpen,
  type Version,
} from "./scene.ts";

openScene();

const APPROVE = { type: "approve" };
const YES = { type: "respond", value: "yes" };
const asks: [string, string, object][] = [
  ["review()", REVIEWED, APPROVE],
  ["a plain interrupt()", PLAIN, YES],
];

/** Which code wrote the thread's checkpoints. */
async function codesOf({ house }: Version, thread_id: string): Promise<string[]> {
  const { rows } = await house.database.pool.query(
    "select distinct metadata ->> 'graph_fingerprint' as code from holdpoint.checkpoint where thread_id = $1",
    [thread_id],
  );
  return rows.map(({ code }) => code as string).sort();
}

/** The answer is refused before it is taken, and where it was taken before the redeploy, before it is given to the graph. */
async function expectRefused(old: string, now: string, decision: object, reason: string | RegExp) {
  const before = await deploy({ "pay.ts": old });
  const early = await startWaiting(before);
  const late = await startWaiting(before);
  expect((await before.decide(early, decision)).status).toBe(200);
  const after = await deploy({ "pay.ts": now });
  const refused = await after.decide(late, decision);
  expect(refused).toMatchObject({
    status: 409,
    body: { code: "stale", message: expect.stringMatching(reason), shown_fingerprint: late.graph_fingerprint },
  });
  expect((await reviewsOf(after.house, late.thread_id))[0]).toEqual(late);
  await after.settle();
  const [stale] = await reviewsOf(after.house, early.thread_id);
  expect(stale).toMatchObject({ status: "stale", status_reason: expect.stringMatching(reason) });
  expect(await after.house.run(stale!.resume_run_id!)).toMatchObject({ status: "error" });
  expect([await paid(after, early.thread_id), await paid(after, late.thread_id)]).toEqual([[], []]);
  return { after, early, late };
}

/** The answer is taken, also where it was taken before the redeploy, and its effect happens once. */
async function expectAccepted(files: Record<string, string>, changed: Record<string, string>, decision: object) {
  const before = await deploy(files);
  const early = await startWaiting(before);
  const late = await startWaiting(before);
  expect((await before.decide(early, decision)).status).toBe(200);
  const after = await deploy({ ...files, ...changed });
  expect((await after.decide(late, decision)).status).toBe(200);
  await after.settle();
  for (const { thread_id } of [early, late]) {
    expect((await reviewsOf(after.house, thread_id)).map(({ status }) => status)).toEqual(["closed"]);
    expect(await paid(after, thread_id)).toEqual([5]);
    expect(await logOf(after, thread_id)).toEqual(["propose", "yes", "pay"]);
  }
  return { after, early, late };
}

describe.each(asks)("a graph that asks with %s and is redeployed while it waits", (_how, source, decision) => {
  test("takes the answer under the same code, and says nothing of another", async () => {
    const { after, late } = await expectAccepted(
      { "pay.ts": source },
      { "other.ts": change(source, '"propose"', '"begin"') },
      decision,
    );
    expect(JSON.stringify(await links(after, late.id))).not.toMatch(/shown_fingerprint/);
  });

  test("takes it where only a comment has changed, and the audit names both codes", async () => {
    const commented = `// Who pays, and why.\n${change(source, "const pay =", "/* moves money */\nconst pay =")}`;
    const { after, late } = await expectAccepted({ "pay.ts": source }, { "pay.ts": commented }, decision);
    const { fingerprint: graph_fingerprint } = after.house.graphs.graphs.get("pay")!;
    const codes = { shown_fingerprint: late.graph_fingerprint, graph_fingerprint };
    expect(graph_fingerprint).not.toBe(late.graph_fingerprint);
    const chain = await links(after, late.id);
    for (const kind of ["decided", "resuming"])
      expect(chain.find((link) => link.kind === kind)?.body).toMatchObject(codes);
    expect(chain.find(({ kind }) => kind === "opened")?.body).not.toHaveProperty("graph_fingerprint");
  });

  test("refuses it where the node that asked has another name, and never ends as if all were done", async () => {
    const renamed = change(source, '"ask"', '"confirm"');
    const { after, late } = await expectRefused(
      source,
      renamed,
      decision,
      /node "ask".*(gone|no longer has)|no longer has the node "ask"/,
    );
    const run = await goOn(after, late.thread_id);
    expect(run).toMatchObject({
      status: "error",
      error: expect.stringContaining('node \\"ask\\" comes next and is gone'),
    });
    expect(await paid(after, late.thread_id)).toEqual([]);
  });

  test("refuses it where what it leads to has another name, and asks again", async () => {
    const renamed = change(source, '"pay"', '"payout"')
      .replaceAll('key: "payout"', 'key: "pay"')
      .replaceAll('name: "payout"', 'name: "pay"');
    const { after, late } = await expectRefused(
      source,
      renamed,
      decision,
      /after "ask" the graph now goes to .*"payout" instead of .*"pay"/,
    );
    expect(await goOn(after, late.thread_id)).toMatchObject({ status: "success" });
    const anew = await theOpen(after.house, late.thread_id);
    expect(anew.graph_fingerprint).not.toBe(late.graph_fingerprint);
    expect((await after.decide(anew, decision)).status).toBe(200);
    await after.settle();
    expect(await paid(after, late.thread_id)).toEqual([5]);
  });

  test("refuses it where a key of the state is something else now", async () => {
    const other = change(source, "amount: z.number(), log", "amount: z.string(), log");
    await expectRefused(
      source,
      other,
      decision,
      /the state key "amount" no longer fits: .*expected string, received number/,
    );
  });

  test("refuses it where the state wants a key that the thread does not have", async () => {
    const other = change(source, "amount: z.number(), log", "amount: z.number(), currency: z.string(), log");
    await expectRefused(source, other, decision, /now needs the state key "currency"/);
  });

  test("keeps with every checkpoint the code that wrote it, whatever a client says", async () => {
    const only = await deploy({ "pay.ts": source });
    const metadata = { graph_fingerprint: "mine" };
    const config = { metadata, configurable: { graph_fingerprint: "mine" } };
    const { thread_id } = await only.house.start("pay", { input: { amount: 5 }, config }, { metadata });
    await only.settle();
    const graph = only.house.graphs.graphs.get("pay")!;
    expect(await codesOf(only, thread_id)).toEqual([graph.fingerprint]);
  });

  test("names both codes on the way of a thread that went on under another", async () => {
    const { after, late } = await expectAccepted({ "pay.ts": source }, { "pay.ts": `${source}\n// later` }, decision);
    const { fingerprint } = after.house.graphs.graphs.get("pay")!;
    expect(await codesOf(after, late.thread_id)).toEqual([late.graph_fingerprint, fingerprint].sort());
  });
});

describe("a question that is asked before the one that waits", () => {
  test("does not get the answer of a plain interrupt(), and is asked itself", async () => {
    const added = change(
      PLAIN,
      'const answer = interrupt("refund?");',
      'const waived = interrupt("waive the fraud check?");\n  const answer = waived === "yes" ? interrupt("refund?") : "no";',
    );
    const { after, late } = await expectRefused(PLAIN, added, YES, /a plain interrupt\(\) in node "ask" cannot tell/);
    await goOn(after, late.thread_id);
    const anew = await theOpen(after.house, late.thread_id);
    expect(anew.value).toBe("waive the fraud check?");
    await after.decide(anew, { type: "respond", value: "no" });
    await after.settle();
    expect(await paid(after, late.thread_id)).toEqual([]);
  });

  test("does not get the answer either when it is asked by what the node calls, in another file", async () => {
    const calling = change(PLAIN, "const answer = interrupt", "await check();\n  const answer = interrupt").replace(
      "import { z }",
      'import { check } from "./pay/check.ts";\nimport { z }',
    );
    const before = await deploy({ "pay.ts": calling, "pay/check.ts": "export const check = async () => {};" });
    const review = await startWaiting(before);
    const asking =
      'import { interrupt } from "@langchain/langgraph";\nexport const check = async () => interrupt("waive?");';
    const after = await deploy({ "pay.ts": calling, "pay/check.ts": asking });
    expect(await after.decide(review, YES)).toMatchObject({ status: 409, body: { code: "stale" } });
  });

  test("does not get an answer that was read and recorded before its run was handed on", async () => {
    const failing = change(
      PLAIN,
      'const answer = interrupt("refund?");',
      'const answer = interrupt("refund?");\n  throw new Error("the printer is on fire");',
    );
    const before = await deploy({ "pay.ts": failing });
    const review = await startWaiting(before);
    await before.decide(review, YES);
    await before.settle();
    expect((await reviewsOf(before.house, review.thread_id))[0]?.status).toBe("resume_failed");
    const mended = change(
      PLAIN,
      'const answer = interrupt("refund?");',
      'interrupt("waive the fraud check?");\n  const answer = interrupt("refund?");',
    );
    const after = await deploy({ "pay.ts": mended });
    expect(await goOn(after, review.thread_id)).toMatchObject({
      status: "error",
      error: expect.stringContaining("the answer that was recorded does not fit"),
    });
    expect(await paid(after, review.thread_id)).toEqual([]);
  });

  test("makes the answer to a review() stale, which shows something else then", async () => {
    const added = change(
      REVIEWED,
      "const [decision] =",
      'await review({ key: "fraud", title: "Waive the fraud check?", actions: [{ name: "waive", args: { amount: 0 }, schema }] });\n  const [decision] =',
    );
    const before = await deploy({ "pay.ts": REVIEWED });
    const review = await startWaiting(before);
    const after = await deploy({ "pay.ts": added });
    expect((await after.decide(review, APPROVE)).status).toBe(200);
    await after.settle();
    expect((await reviewsOf(after.house, review.thread_id)).map(({ status }) => status)).toEqual(["stale"]);
    await goOn(after, review.thread_id);
    const anew = await theOpen(after.house, review.thread_id);
    expect(anew.title).toBe("Waive the fraud check?");
    expect(await paid(after, review.thread_id)).toEqual([]);
  });
});

describe("a review() whose node has changed", () => {
  test("is stale where it would show other arguments", async () => {
    const other = change(
      REVIEWED,
      "args: { amount: state.amount }, schema }]",
      "args: { amount: state.amount * 2 }, schema }]",
    );
    const before = await deploy({ "pay.ts": REVIEWED });
    const review = await startWaiting(before);
    const after = await deploy({ "pay.ts": other });
    expect((await after.decide(review, APPROVE)).status).toBe(200);
    await after.settle();
    expect((await reviewsOf(after.house, review.thread_id)).map(({ status }) => status)).toEqual(["stale"]);
    expect(await paid(after, review.thread_id)).toEqual([]);
  });

  test("takes its answer where it shows the same and the way onwards is the same", async () => {
    const other = change(
      REVIEWED,
      "const [decision] =",
      'await Promise.resolve("a look at the weather");\n  const [decision] =',
    );
    await expectAccepted(
      { "pay.ts": REVIEWED },
      { "pay.ts": change(other, '"propose"', '"begin"').replace('"begin"] })', '"propose"] })') },
      APPROVE,
    );
  });
});
