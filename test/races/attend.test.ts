import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { attend } from "../../src/postgres/attend.ts";
import { reviewAudit } from "../../src/postgres/audit.sql.ts";
import { cancelRun } from "../../src/postgres/cancel.ts";
import { insertPrincipal } from "../../src/postgres/identity.sql.ts";
import type { Act } from "../../src/protocol/attend.ts";
import type { Principal } from "../../src/protocol/principal.ts";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { resetKnobs } from "../fixtures/workflows/lib/knobs.ts";
import { createDice, SCALE } from "../support/dice.ts";
import { type House, openHouse } from "../support/house.ts";
import { violations } from "../support/invariants.ts";
import { approve, person, reviewsOf, theOpen } from "../support/reviewer.ts";

vi.setConfig({ testTimeout: 120_000 * SCALE });

const ROUNDS = 20 * SCALE;

let house: House;
beforeAll(async () => {
  house = await openHouse();
  for (const name of ["user:ana", "user:ben"]) await house.database.run(insertPrincipal("default", name, "user", name));
});
beforeEach(resetKnobs);
afterAll(async () => {
  await house.settle();
  expect(await violations(house.database)).toEqual([]);
  await house.close();
});

async function asked(): Promise<ReviewTask> {
  const { thread_id } = await house.start("guarded-payment", { input: { amount: 5 } });
  await house.settle();
  return await theOpen(house, thread_id);
}

const act = (review: ReviewTask, what: Act, by: Principal = person("user:ana")) =>
  attend(house.database, { principal: by, review_id: review.id, act: what });
const codeOf = async (done: Promise<unknown>) =>
  await done.then(
    () => "fulfilled",
    (error: { code?: string }) => error.code,
  );
const kindsOf = async ({ id }: ReviewTask) =>
  (await house.database.many(reviewAudit("default", id))).map(({ kind }) => kind);
const read = async ({ id, thread_id }: ReviewTask) =>
  (await reviewsOf(house, thread_id)).find((review) => review.id === id) as ReviewTask;

test("of fifty people who claim at once one has it, and everybody else is told who", async () => {
  const review = await asked();
  const told = await Promise.allSettled(
    Array.from({ length: 50 }, (_, index) => act(review, { type: "claim" }, person(`user:${index}`))),
  );
  const won = told.findIndex(({ status }) => status === "fulfilled");
  for (const [index, result] of told.entries()) {
    if (index === won) continue;
    const reason = (result as PromiseRejectedResult).reason as unknown;
    expect(reason).toMatchObject({ code: "claimed", facts: { claimed_by: `user:${won}` } });
  }
  expect((await read(review)).claim?.by).toBe(`user:${won}`);
  expect(await kindsOf(review)).toEqual(["opened", "claimed"]);
});

test("a claim holds off others who decide until its time is over, is renewed, and changes no version", async () => {
  const review = await asked();
  const [ana, ben] = [person("user:ana"), person("user:ben")];
  await act(review, { type: "claim" }, ana);
  expect(await codeOf(approve(house, review, { by: ben }))).toBe("claimed");
  await house.pass(14 * 60);
  await act(review, { type: "claim" }, ana);
  await house.pass(14 * 60);
  expect(await codeOf(approve(house, review, { by: ben }))).toBe("claimed");
  expect((await read(review)).version).toBe(review.version);
  await house.pass(60);
  expect(await codeOf(approve(house, review, { by: ben }))).toBe("fulfilled");
});

test("everything people do is a link of the chain, and what nothing comes of is none", async () => {
  const review = await asked();
  const until = new Date(Date.now() + 365 * 86_400_000).toISOString();
  await act(review, { type: "view" });
  await act(review, { type: "view" });
  await act(review, { type: "claim" });
  await act(review, { type: "release" });
  await act(review, { type: "release" });
  await act(review, { type: "assign", to: "user:ana" });
  await act(review, { type: "delegate", to: "user:ben" });
  expect(await codeOf(act(review, { type: "delegate", to: "user:ana" }))).toBe("permission_denied");
  const ben = person("user:ben");
  await act(review, { type: "snooze", until }, ben);
  await act(review, { type: "snooze", until: null }, ben);
  await act(review, { type: "comment", text: "hm" }, ben);
  const waiting = await act(review, { type: "ask", question: "sure?", to: "user:ana" }, ben);
  expect([waiting.status, waiting.version]).toEqual(["info_requested", review.version + 1]);
  const open = await act(review, { type: "answer", text: "sure" });
  expect([open.status, open.version, open.request_digest]).toEqual(["open", review.version + 2, review.request_digest]);
  await act(open, { type: "view" });
  expect(await kindsOf(review)).toEqual([
    ..."opened viewed claimed released assigned delegated snoozed snoozed commented".split(" "),
    ..."info_requested info_given viewed".split(" "),
  ]);
  expect(await codeOf(approve(house, review, { by: person("user:ana") }))).toBe("permission_denied");
  // What was seen before the question still binds by its bytes, but not by its version.
  expect(await codeOf(approve(house, review, { by: ben, seen_version: review.version }))).toBe("precondition_failed");
  expect(await codeOf(approve(house, review, { by: ben }))).toBe("fulfilled");
});

test("a review that waits for information is still decided, and a question about a decided one is refused", async () => {
  const review = await asked();
  const ask: Act = { type: "ask", question: "sure?", to: null };
  expect((await act(review, ask)).status).toBe("info_requested");
  expect(await codeOf(approve(house, review))).toBe("fulfilled");
  expect(await codeOf(act(review, ask))).toBe("already_decided");
  expect(await codeOf(act(review, { type: "answer", text: "late" }))).toBe("already_decided");
});

const acts: Act[] = [
  { type: "claim" },
  { type: "assign", to: "user:ana" },
  { type: "ask", question: "sure?", to: null },
  { type: "comment", text: "hm" },
  { type: "view" },
];
const KIND: Record<string, string> = {
  claim: "claimed",
  assign: "assigned",
  ask: "info_requested",
  comment: "commented",
  view: "viewed",
};
const LATE = new Set(["fulfilled", "already_decided", "cancelled"]);

test.each(acts)("$type against a decision and a cancellation: one is first, and the chain says which", async (what) => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const dice = createDice(round * 31 + what.type.length);
    const review = await asked();
    const ben = person("user:ben");
    const { tenant_id, thread_id, run_id } = { tenant_id: "default", ...review };
    const [attended, decided] = await Promise.all([
      dice.hesitate(2).then(() => codeOf(act(review, what, person("user:ana")))),
      dice
        .hesitate(2)
        .then(() =>
          codeOf(
            round % 2 === 0
              ? approve(house, review, { by: ben })
              : cancelRun(house.database, { tenant_id, thread_id, run_id, principal_id: "user:ben" }),
          ),
        ),
    ]);
    expect(LATE, attended).toContain(attended);
    // Only that somebody else has it keeps a person from deciding.
    const refused = { claim: ["claimed"], assign: ["permission_denied"] }[what.type as string] ?? [];
    expect(["fulfilled", ...refused]).toContain(decided);
    const kinds = await kindsOf(review);
    const end = round % 2 === 0 ? "decided" : "cancelled";
    expect(kinds.filter((kind) => kind === KIND[what.type])).toHaveLength(attended === "fulfilled" ? 1 : 0);
    expect(kinds.filter((kind) => kind === end)).toHaveLength(decided === "fulfilled" ? 1 : 0);
    // Somebody may still look at what was decided and say something about it; nothing else is done to it.
    if (attended !== "fulfilled" || decided !== "fulfilled" || what.type === "view" || what.type === "comment")
      continue;
    expect(kinds.indexOf(KIND[what.type] as string)).toBeLessThan(kinds.indexOf(end));
  }
});
