import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { createApiKey, endApiKey, principalByApiKey } from "../../src/postgres/identity.ts";
import type { Permission, Principal } from "../../src/protocol/principal.ts";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { DEFAULT_REVIEW_POLICY } from "../../src/protocol/review-policy.ts";
import { resetKnobs } from "../fixtures/workflows/lib/knobs.ts";
import { createDice, SCALE } from "../support/dice.ts";
import { type House, openHouse } from "../support/house.ts";
import { violations } from "../support/invariants.ts";
import { answer, approve, person, reviewsOf, theOpen } from "../support/reviewer.ts";

vi.setConfig({ testTimeout: 120_000 * SCALE });

const ROUNDS = 20 * SCALE;

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
beforeEach(resetKnobs);
afterAll(async () => {
  expect(await violations(house.database)).toEqual([]);
  await house.close();
});

async function asked(): Promise<ReviewTask> {
  const { thread_id } = await house.start("guarded-payment", { input: { amount: 5 } });
  await house.settle();
  await house.database.pool.query(
    "update holdpoint.review set candidate_groups = '{finance}', policy = $2 where thread_id = $1",
    [thread_id, JSON.stringify({ ...DEFAULT_REVIEW_POLICY, candidates: { users: [], groups: ["finance"] } })],
  );
  return await theOpen(house, thread_id);
}

interface Holder {
  api_key_id: string;
  principal: Principal;
}

/** Somebody with a key, as they were when they were authenticated. */
async function holder(
  groups: readonly string[],
  permissions: readonly Permission[] = ["review:decide"],
): Promise<Holder> {
  const principal_id = `user-${randomUUID()}`;
  const { secret, api_key_id } = await createApiKey(house.database, {
    name: principal_id,
    principal: { principal_id, kind: "user", display_name: principal_id },
    permissions,
    created_by: "test",
  });
  await join(principal_id, groups);
  return { api_key_id, principal: (await principalByApiKey(house.database, secret)) as Principal };
}

async function join(principal_id: string, groups: readonly string[]): Promise<void> {
  await house.database.pool.query("update holdpoint.principal set groups = $2 where principal_id = $1", [
    principal_id,
    groups,
  ]);
}

const codeOf = (error: unknown) => (error as { code?: string }).code;
const refused = async (decided: Promise<unknown>) => codeOf(await decided.catch((error: unknown) => error));

test("who is no candidate is refused, and who is one decides", async () => {
  const review = await asked();
  const [stranger, candidate] = [await holder(["ops"]), await holder(["finance"])];
  expect(await refused(approve(house, review, { by: stranger.principal }))).toBe("permission_denied");
  expect((await theOpen(house, review.thread_id)).version).toBe(review.version);
  await approve(house, review, { by: candidate.principal });
  await house.settle();
});

test("rights that are lost after somebody was authenticated are lost", async () => {
  const review = await asked();
  const left = await holder(["finance"]);
  await join(left.principal.principal_id, []);
  expect(await refused(approve(house, review, { by: left.principal }))).toBe("permission_denied");
  const ended = await holder(["finance"]);
  await endApiKey(house.database, "default", ended.api_key_id, "test");
  expect(await refused(approve(house, review, { by: ended.principal }))).toBe("authentication_required");
  const narrowed = await holder(["finance"]);
  await house.database.pool.query("update holdpoint.api_key set permissions = '{review:read}' where api_key_id = $1", [
    narrowed.api_key_id,
  ]);
  expect(await refused(approve(house, review, { by: narrowed.principal }))).toBe("permission_denied");
  const agent = { ...person("agent:bot"), kind: "agent" as const, groups: ["finance"] };
  expect(await refused(approve(house, review, { by: agent }))).toBe("permission_denied");
  expect((await theOpen(house, review.thread_id)).decision).toBeNull();
});

test("who administers reviews decides what is not for them, and the record says so", async () => {
  const review = await asked();
  const admin = await holder([], ["review:decide", "review:admin"]);
  await answer(house, review, [{ type: "reject", message: "no" }], { by: admin.principal });
  const { rows } = await house.database.pool.query(
    "select body::jsonb -> 'overrides' as overrides, body::jsonb -> 'held' as held from holdpoint.audit where review_id = $1 and kind = 'decided'",
    [review.id],
  );
  expect(rows).toEqual([{ overrides: ["candidates"], held: ["review:admin", "review:decide"] }]);
});

test("a key that is ended while its holder decides: one of the two is first, and nothing is half done", async () => {
  const told = new Set<string | undefined>();
  for (let round = 0; round < ROUNDS; round += 1) {
    const dice = createDice(round);
    const review = await asked();
    const { principal, api_key_id } = await holder(["finance"]);
    const [decided] = await Promise.all([
      dice.hesitate(3).then(() => refused(approve(house, review, { by: principal }))),
      dice.hesitate(3).then(() => endApiKey(house.database, "default", api_key_id, "test")),
    ]);
    told.add(decided);
    const [after] = await reviewsOf(house, review.thread_id);
    expect([after?.status, after?.decision?.principal_id]).toEqual(
      decided === undefined ? ["decided", principal.principal_id] : ["open", undefined],
    );
  }
  for (const code of told) expect([undefined, "authentication_required"]).toContain(code);
  await house.settle();
});
