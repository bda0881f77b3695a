import { beforeAll, expect, test, vi } from "vitest";
import { attend } from "../../src/postgres/attend.ts";
import { insertPrincipal } from "../../src/postgres/identity.sql.ts";
import type { Permission, Principal } from "../../src/protocol/principal.ts";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { createDice, SCALE } from "../support/dice.ts";
import { approve, person } from "../support/reviewer.ts";
import { house } from "./scene.ts";
import { again, chainOf, codeOf, hours, kindsOf, openTimerScene, paused, QUICK, sweep } from "./timer-scene.ts";

vi.setConfig({ testTimeout: 120_000 * SCALE });

const ROUNDS = 20 * SCALE;
const PEOPLE = ["user:ana", "user:ada", "user:boss", "user:zoe"];

openTimerScene();
beforeAll(async () => {
  for (const name of PEOPLE) await house.database.run(insertPrincipal("default", name, "user", name));
  const text = "update holdpoint.principal set groups = '{clerks,auditors}' where principal_id = 'user:ada'";
  await house.database.pool.query(text);
});

const as = (name: string, groups: string[] = [], more: Permission[] = []): Principal => {
  const who = person(name);
  return { ...who, groups, permissions: new Set([...who.permissions, ...more]) };
};
interface To {
  to?: string;
  group?: string;
  level?: number | null;
}
const escalate = ({ id }: ReviewTask, { to = "", group = "", level }: To = {}, by = as("user:ana")) =>
  attend(house.database, {
    principal: by,
    review_id: id,
    act: { type: "escalate", reason: "too much for me", to: to || null, group: group || null, level },
  });
const noticesOf = async ({ id }: ReviewTask) => {
  const text =
    "select body::jsonb as said from holdpoint.delivery where body::jsonb ->> 'review_id' = $1 order by created_at";
  const { rows } = await house.database.pool.query(text, [id]);
  return rows.map(({ said }) => said).filter(({ event }) => event === "review.escalated");
};

const LISTED = {
  candidates: { users: ["user:ana"], groups: ["clerks"] },
  notify: { webhooks: ["https://a.example/"], mail: [] },
};

test("a level that a person moves to is told, asks its people at once, and is not reached by the clock again", async () => {
  const { review } = await paused("guarded-payment", LISTED);
  expect(await codeOf(approve(house, review, { by: as("user:boss") }))).toBe("permission_denied");
  const told = await escalate(review, { level: 1 });
  expect(told.escalation).toEqual({ level: 1, to: { users: ["user:boss"], groups: ["board"] }, names_nobody: false });
  expect(told).toMatchObject({ version: review.version, request_digest: review.request_digest, status: "open" });
  expect(told.candidates).toEqual({ users: ["user:ana", "user:boss"], groups: ["clerks", "board"] });
  expect(told.deadlines.map(({ done }) => done)).toEqual([true, true, false]);
  expect(told.next_at).toBe(told.deadlines.at(-1)?.at);
  expect(await chainOf(review.id)).toMatchObject([
    {
      kind: "escalated",
      principal_id: "user:ana",
      body: { level: 1, reason: "too much for me", due_at: review.due_at },
    },
  ]);
  expect(await noticesOf(review)).toMatchObject([{ by: "user:ana", reason: "too much for me", status: "open" }]);
  await hours(10.1);
  await sweep();
  expect(await kindsOf(review.id)).toEqual(["escalated"]);
  await hours(2);
  await sweep();
  expect(await kindsOf(review.id)).toEqual(["escalated", "failed"]);
});

test("who it is escalated to decides before it is due, also past an assignee and the lists of others", async () => {
  const also_candidates = [{ users: [], groups: ["auditors"] }];
  const { review } = await paused("guarded-payment", { ...LISTED, also_candidates });
  const ada = as("user:ada");
  await attend(house.database, { principal: ada, review_id: review.id, act: { type: "assign", to: "user:ada" } });
  expect(await codeOf(approve(house, review, { by: as("user:boss") }))).toBe("permission_denied");
  expect(await escalate(review, {}, ada)).toMatchObject({ assignee: null });
  expect(await codeOf(approve(house, review, { by: as("user:zoe", ["clerks"]) }))).toBe("permission_denied");
  expect(await codeOf(approve(house, review, { by: as("user:boss") }))).toBe("taken");
});

test("others are brought in by who administers reviews, and may decide it then", async () => {
  const { review } = await paused("guarded-payment", LISTED);
  expect(await codeOf(escalate(review, { to: "user:zoe" }))).toBe("permission_denied");
  expect(await kindsOf(review.id)).toEqual([]);
  const told = await escalate(review, { to: "user:zoe" }, as("user:root", [], ["review:admin"]));
  expect(told.escalation).toMatchObject({ level: 1, to: { users: ["user:boss", "user:zoe"] } });
  expect(await codeOf(approve(house, review, { by: as("user:zoe") }))).toBe("taken");
});

test("where the policy names nobody further that is said and told all the same", async () => {
  const to = { users: [], groups: [] };
  const { review } = await paused("guarded-payment", { ...LISTED, escalations: [{ after_seconds: 0, to }] });
  expect((await escalate(review)).escalation).toEqual({ level: 1, to, names_nobody: true });
  const next_at = (await again(review)).next_at;
  expect((await escalate(review)).escalation).toEqual({ level: null, to, names_nobody: true });
  expect(await noticesOf(review)).toHaveLength(2);
  // Its end stays when it was, and its people are those it had.
  expect(await again(review)).toMatchObject({ next_at, candidates: LISTED.candidates });
  expect(await codeOf(approve(house, review, { by: as("user:root", [], ["review:admin"]) }))).toBe("taken");
});

test("what is over is not escalated, and where everybody is asked it stays with everybody", async () => {
  const { review } = await paused("guarded-payment");
  expect((await escalate(review)).candidates).toEqual({ users: [], groups: [] });
  await approve(house, review);
  expect(await codeOf(escalate(review))).toBe("already_decided");
});

test.each([
  ["the clock", async () => void (await sweep())],
  ["another click", async (review: ReviewTask) => void (await escalate(review, { level: 1 }))],
  ["a decision", async (review: ReviewTask) => void (await approve(house, review))],
])("beside %s each level is told once, whichever comes first", async (what, other) => {
  const escalations = [{ after_seconds: 0, to: QUICK.escalations[0]?.to ?? { users: [], groups: [] } }];
  const reviews: ReviewTask[] = [];
  for (let round = 0; round < ROUNDS; round += 1)
    reviews.push((await paused("guarded-payment", { escalations, reminders: [] })).review);
  if (what === "the clock") await hours(10.1);
  for (const [round, review] of reviews.entries()) {
    const dice = createDice(round);
    const click = async () => {
      await dice.hesitate(round % 2 === 0 ? 0 : 4);
      return await codeOf(escalate(review, { level: 1 }));
    };
    const beside = async () => {
      await dice.hesitate(round % 2 === 0 ? 4 : 0);
      return await codeOf(other(review));
    };
    const [clicked, besides] = await Promise.all([click(), beside()]);
    expect(["taken", "precondition_failed", "already_decided"]).toContain(clicked);
    expect(["taken", "precondition_failed"]).toContain(besides);
    if (what === "the clock") await sweep();
    const escalated = (await chainOf(review.id)).filter(({ kind }) => kind === "escalated");
    const isTold = what !== "a decision" || clicked === "taken";
    expect(escalated.map(({ body }) => body.level)).toEqual(isTold ? [1] : []);
  }
});
