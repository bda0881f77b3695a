// Effects whose process is killed between every two steps, with and without a person's answer.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { newestEffectsOfThread } from "../../src/postgres/effect-list.sql.ts";
import { recallEffect } from "../../src/postgres/recall-effect.ts";
import type { Decision } from "../../src/protocol/decision.ts";
import { knobs } from "../fixtures/workflows/lib/knobs.ts";
import { house, leasesRunOut, logOf, openScene } from "../runtime/scene.ts";
import { COMPILED } from "../support/caches.ts";
import { answer, openOf } from "../support/reviewer.ts";

openScene();

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hp-effects-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string) => join(folder, name);
const linesOf = (name: string) =>
  existsSync(file(name))
    ? readFileSync(file(name), "utf8")
        .split("\n")
        .filter((line) => line !== "")
    : [];
/** What was done outside, by the id of its effect. */
const acted = () => linesOf("acts").map((place) => place.slice("acted:".length));

/** A process that does what is due; with a failpoint it has to be killed there, without one to end well. */
async function work(failpoint?: string): Promise<void> {
  writeFileSync(file("marker"), "");
  const child = spawn(process.execPath, ["test/support/one-worker.ts", house.url, file("acts")], {
    stdio: ["ignore", "ignore", "pipe"],
    env: {
      PATH: process.env["PATH"],
      NODE_COMPILE_CACHE: COMPILED,
      HOLDPOINT_TEST: "1",
      HOLDPOINT_FAILPOINT_FILE: file("marker"),
      ...(failpoint === undefined ? {} : { HOLDPOINT_FAILPOINT: failpoint }),
    },
  });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said += chunk));
  const ended = await new Promise((settle) => child.on("close", (code, signal) => settle([code, signal, said])));
  expect(ended).toEqual(failpoint === undefined ? [0, null, ""] : [null, "SIGKILL", ""]);
  expect(linesOf("marker")).toEqual(failpoint === undefined ? [] : [failpoint.split(":")[0]]);
  await leasesRunOut();
}

const theEffect = async (thread_id: string) => {
  const filter = { thread_id, run_id: null, status: null, name: null, after: null, limit: 10, seen: {} };
  const [effect, ...others] = await house.database.many(newestEffectsOfThread("default", filter));
  expect(others).toEqual([]);
  return effect;
};

/** Answers the one question that is open. */
async function say(thread_id: string, title: string, decision: Decision): Promise<void> {
  const [review, ...others] = await openOf(house, thread_id);
  expect([review?.title, others]).toEqual([title, []]);
  await answer(house, review as NonNullable<typeof review>, [decision]);
}

const TRY_AGAIN: Decision = { type: "respond", value: { try_again: true } };
const DOUBT = 'Did "act" happen?';

test("an effect that may happen once, killed at every step, happens as often as a person has wanted it", async () => {
  const { thread_id } = await house.start("ledger", { input: { kind: "once" } });
  await house.settle();
  await say(thread_id, "before", { type: "approve" });

  await work("effect.before_intent");
  expect(await theEffect(thread_id)).toBeUndefined();
  await work("effect.intent_written");
  expect(await theEffect(thread_id)).toMatchObject({ status: "intent", attempt: 1 });
  // In doubt: the question is asked, and the process dies before anybody can see it.
  await work("finish.reviews_opened");
  expect(await openOf(house, thread_id)).toEqual([]);
  await house.settle();
  expect(acted()).toEqual([]);

  await say(thread_id, DOUBT, TRY_AGAIN);
  await work("question.answered");
  await work("question.recorded");
  expect(await theEffect(thread_id)).toMatchObject({ status: "intent", attempt: 1 });
  await work("effect.started_again");
  expect(await theEffect(thread_id)).toMatchObject({ status: "intent", attempt: 2 });
  // The answer was for the first attempt: it starts no third one.
  await house.settle();
  expect(await theEffect(thread_id)).toMatchObject({ status: "intent", attempt: 2 });
  expect(acted()).toEqual([]);

  await say(thread_id, DOUBT, TRY_AGAIN);
  await work("effect.executed");
  const { effect_id } = (await theEffect(thread_id)) ?? {};
  expect(acted()).toEqual([effect_id]);
  await house.settle();
  await say(thread_id, DOUBT, { type: "respond", value: { happened: { effect_id: "seen by a person" } } });
  await work("effect.settled");
  expect(await theEffect(thread_id)).toMatchObject({ status: "receipt", attempt: 3 });
  await house.settle();
  await say(thread_id, "after", { type: "respond", message: "mine" });
  await house.settle();
  expect(await logOf(thread_id)).toEqual(["approve", "seen by a person", "mine"]);
  expect(acted()).toEqual([effect_id]);
}, 120_000);

test("one that may be repeated is, under its id, until it has its receipt, and never after", async () => {
  const { thread_id } = await house.start("ledger-refused", { input: { kind: "idempotent" } });
  await work("effect.executed");
  await work("effect.receipt_written");
  await house.settle();
  const effect = await theEffect(thread_id);
  expect(effect).toMatchObject({ status: "receipt", attempt: 2 });
  expect(acted()).toEqual([effect?.effect_id, effect?.effect_id]);
  expect(await logOf(thread_id)).toEqual([effect?.effect_id]);
}, 120_000);

test("one that is held, killed as it is held and as it is released, and recalled after that, happens not at all", async () => {
  const { thread_id } = await house.start("ledger-refused", { input: { hold_back: "24h" } });
  await work("effect.held");
  const { thread_id: other } = await house.start("ledger-refused", { input: { hold_back: "24h" } });
  await work("effect.held");
  const { effect_id = "" } = (await theEffect(other)) ?? {};
  await recallEffect(house.database, { tenant_id: "default", effect_id, principal_id: "user:ana", reason: "no" });
  // The other one goes on waiting for its own time, and is released.
  await house.pass(86_400);
  await work("effect.released");
  expect(await theEffect(thread_id)).toMatchObject({ status: "intent", attempt: 1 });
  await house.settle();
  await say(thread_id, DOUBT, { type: "reject", message: "not now" });
  await house.settle();
  expect(await logOf(thread_id)).toEqual(['effect_given_up: effect "act" was given up: not now']);
  expect(await logOf(other)).toEqual(['effect_recalled: effect "act" was recalled before it started: no']);
  expect([acted(), knobs.visits]).toEqual([[], []]);
}, 120_000);
