import { beforeAll, describe, expect, it } from "vitest";
import { decide, keyFor, openReview } from "../support/client.ts";
import { refundExample } from "../support/refund-shop.ts";
import {
  approval,
  client,
  GUARDED,
  house,
  openScene,
  resume,
  run,
  said,
  server,
  settled,
  startWaiting,
  type Waiting,
} from "./scene.ts";

openScene();

describe("a thread whose review was decided and is finished", () => {
  let waiting: Waiting;
  let run_id: string;
  let before: Record<string, unknown>;
  const ids = () => waiting.review.interrupt_id as string;
  beforeAll(async () => {
    waiting = await startWaiting("guarded-twice");
    run_id = (await decide(server.url, waiting.review, { type: "approve" }, { idempotency_key: "first" })).body.run_id;
    await settled(waiting.thread_id);
    const second = await openReview(server.url, waiting.thread_id);
    await decide(server.url, second, { type: "approve" });
    await settled(waiting.thread_id);
    before = await house.rowCounts(waiting.thread_id);
  });

  it("gives the run of the answer that stands to whoever gave it and repeats it", async () => {
    const { thread_id, review } = waiting;
    const again = [
      await decide(server.url, review, { type: "approve" }),
      await decide(server.url, review, { type: "approve" }, { comment: "again", idempotency_key: "first" }),
      await resume("guarded-twice", thread_id, { [ids()]: approval }),
    ];
    expect(again.map(({ status, body }) => [status, body.run_id])).toEqual(again.map(() => [200, run_id]));
    expect(await house.rowCounts(thread_id)).toEqual(before);
  });

  it("refuses another answer, another person and another use of the key", async () => {
    const { thread_id, review } = waiting;
    const key = await keyFor(server.url, "late");
    const same = await decide(server.url, review, { type: "approve" }, { key });
    const other = await decide(server.url, review, { type: "reject" }, { key });
    const changed = await decide(server.url, review, { type: "reject" });
    const reused = await decide(server.url, review, { type: "reject" }, { idempotency_key: "first" });
    expect([same, other, changed, reused].map(said)).toEqual([
      "409 already_decided",
      "409 already_decided",
      "409 already_decided",
      "422 idempotency_key_reused",
    ]);
    const facts = [same, other].map(({ body }) => (body as unknown as { error: { facts: object } }).error.facts);
    expect(facts).toMatchObject([
      { same: true, decided_by: "local-owner" },
      { same: false, decided_by: "local-owner" },
    ]);
    const byId = await resume("guarded-twice", thread_id, { [ids()]: { decisions: [{ type: "reject" }] } });
    expect(said(byId)).toBe("409 already_decided");
    expect(await house.rowCounts(thread_id)).toEqual(before);
  });

  it("refuses answers to what is over, and forks back to before it", async () => {
    const { thread_id, older } = waiting;
    const at = { checkpoint: { checkpoint_id: older } };
    const answers = [
      await resume("guarded-twice", thread_id, "yes"),
      await resume("guarded-twice", thread_id, { decisions: [{ type: "reject" }] }),
      await resume("guarded-twice", thread_id, { decisions: [{ type: "reject" }] }, at),
      await run("guarded-twice", thread_id, { input: null, ...at }),
    ];
    expect(answers.map(said)).toEqual([
      "409 already_decided",
      "409 already_decided",
      "409 already_decided",
      "409 guarded",
    ]);
    expect(await house.rowCounts(thread_id)).toEqual(before);
    expect(await house.payments()).toHaveLength(1);
  });

  it("has nothing to answer where nothing was asked, and answers 410 where it was cancelled", async () => {
    const { thread_id } = await client().threads.create();
    await client().runs.wait(thread_id, GUARDED, { input: await refundExample("small") });
    expect(said(await resume(GUARDED, thread_id, "yes"))).toBe("409 nothing_to_resume");
    const cancelled = await startWaiting("guarded-twice");
    await client().runs.cancel(cancelled.thread_id, cancelled.review.run_id);
    expect(await client().threads.get(cancelled.thread_id)).toMatchObject({ status: "idle" });
    const late = await decide(server.url, cancelled.review, { type: "approve" });
    const lateById = await resume("guarded-twice", cancelled.thread_id, {
      [cancelled.review.interrupt_id as string]: approval,
    });
    expect([late, lateById].map(said)).toEqual(["410 cancelled", "410 cancelled"]);
    expect(await house.payments()).toHaveLength(1);
  });
});

it("leaves every chain whole", async () => {
  expect(await house.brokenChains()).toEqual([]);
});
