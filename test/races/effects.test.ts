// A recall against the start of what it calls back, and two executions against each other.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { claimThread, reapLeases } from "../../src/postgres/claim.ts";
import { selectEffect } from "../../src/postgres/effect-list.sql.ts";
import { recordReceipt, releaseEffect, startAgain, writeIntent } from "../../src/postgres/effects.ts";
import type { Lease } from "../../src/postgres/fence.ts";
import { recallEffect } from "../../src/postgres/recall-effect.ts";
import { isHoldpointError } from "../../src/protocol/errors.ts";
import { deadlocksIn } from "../support/deadlocks.ts";
import { claimNext, leaseOf } from "../support/dying-worker.ts";
import { type House, openHouse } from "../support/house.ts";

const ROUNDS = 50;
const TASK = { checkpoint_ns: "", checkpoint_id: "1ef00000-0000-6000-8000-000000000000", task_id: "t" };

let house: House;
let lease: Lease;
beforeAll(async () => {
  house = await openHouse(undefined, { deadlock_timeout: "50ms" });
  await house.start("steps", { input: {} });
  lease = leaseOf(await claimNext(house, 3_600_000));
});
afterAll(() => house.close());

const intend = async (key: string, kind: "once" | "idempotent", holdBackMs?: number) => {
  const held = holdBackMs === undefined ? {} : { holdBackMs };
  const call = { key, name: "pay", kind, args: {}, timeoutMs: 30_000, ...held };
  return (await writeIntent(house.database, lease, TASK, call)).row.effect_id;
};
const standing = async (effect_id: string) => (await house.database.one(selectEffect("default", effect_id))).status;
const code = (error: unknown) => (isHoldpointError(error) ? error.code : String(error));

test("of a recall and a start exactly one wins, however they meet", async () => {
  const effects = await Promise.all(Array.from({ length: ROUNDS }, (_, round) => intend(`held-${round}`, "once", 1)));
  // Its time has come, and somebody recalls it at that very moment.
  await house.pass(1);
  const winners = await Promise.all(
    effects.map(async (effect_id, round) => {
      const recall = async () => {
        const request = { tenant_id: "default", effect_id, principal_id: "user:ana", reason: "wrong" };
        return await recallEffect(house.database, request).then(() => "recalled", code);
      };
      const start = async () => {
        const { row, execute } = await releaseEffect(house.database, lease, effect_id, 30_000);
        return execute ? "started" : row.status;
      };
      const [first, second] = round % 2 === 0 ? [recall, start] : [start, recall];
      const said = await Promise.all([first(), second()]);
      const [recalled, started] = round % 2 === 0 ? said : said.toReversed();
      expect([recalled, started, await standing(effect_id)]).toBeOneOf([
        ["recalled", "recalled", "recalled"],
        ["effect_settled", "started", "intent"],
      ]);
      return recalled;
    }),
  );
  expect(winners).toHaveLength(ROUNDS);
});

test("what is not due yet is not started, and what is recalled twice says so", async () => {
  const effect_id = await intend("later", "once", 3_600_000);
  expect(await releaseEffect(house.database, lease, effect_id, 1)).toMatchObject({
    execute: false,
    row: { status: "held" },
  });
  const request = { tenant_id: "default", effect_id, principal_id: "user:ana", reason: "wrong" };
  await recallEffect(house.database, request);
  await expect(recallEffect(house.database, request)).rejects.toMatchObject({ code: "effect_settled" });
  await expect(recallEffect(house.database, { ...request, tenant_id: "elsewhere" })).rejects.toMatchObject({
    code: "not_found",
  });
  await expect(recallEffect(house.database, { ...request, effect_id: randomUUID() })).rejects.toMatchObject({
    code: "not_found",
  });
  await house.pass(7_200);
  expect(await releaseEffect(house.database, lease, effect_id, 1)).toMatchObject({
    execute: false,
    row: { status: "recalled" },
  });
});

test("one answer starts one attempt, and a receipt of an attempt that is over is none of the next", async () => {
  const effect_id = await intend("doubted", "once");
  const answer = { attempt: 1, value_digest: "sha256:0" };
  const steps = await Promise.all(
    Array.from({ length: 5 }, () => startAgain(house.database, lease, effect_id, answer, 1)),
  );
  expect(steps.filter(({ execute }) => execute)).toHaveLength(1);
  await recordReceipt(house.database, lease, { effect_id, attempt: 1 }, '"late"');
  expect(await standing(effect_id)).toBe("intent");
  await recordReceipt(house.database, lease, { effect_id, attempt: 2 }, '"now"');
  expect(await house.database.one(selectEffect("default", effect_id))).toMatchObject({
    status: "receipt",
    result: '"now"',
    attempt: 2,
  });
  expect(await startAgain(house.database, lease, effect_id, { ...answer, attempt: 2 }, 1)).toMatchObject({
    execute: false,
  });
});

test("a worker that has lost its lease starts nothing that is held or in doubt", async () => {
  const [held, doubted] = [await intend("held", "once", 1), await intend("doubt", "once")];
  await house.pass(7_200);
  await reapLeases(house.database);
  const claimant = { graph_ids: ["steps"], worker_id: randomUUID(), leaseMs: 60_000 };
  await claimThread(house.database, claimant, "default", lease.thread_id);
  for (const write of [
    () => releaseEffect(house.database, lease, held, 1),
    () => startAgain(house.database, lease, doubted, { attempt: 1, value_digest: "sha256:0" }, 1),
  ])
    await expect(write()).rejects.toMatchObject({ code: "lease_lost" });
  expect([await standing(held), await standing(doubted)]).toEqual(["held", "intent"]);
  expect(await deadlocksIn(house.url)).toBe(0);
});
