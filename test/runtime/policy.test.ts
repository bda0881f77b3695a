import { mkdtempSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { type OpenPolicy, openPolicy } from "../../src/compose/policy-file.ts";
import { DEFAULT_REVIEW_POLICY } from "../../src/protocol/review-policy.ts";
import { openLog } from "../../src/telemetry/log.ts";
import { answer, approve, openOf, person, reviewsOf, theOpen } from "../support/reviewer.ts";
import { until } from "../support/until.ts";
import { house, logOf, openScene, started } from "./scene.ts";

openScene();

const HOUR = 3_600;
const folder = mkdtempSync(join(tmpdir(), "hp-policy-"));
const policyFile = join(folder, "policy.yaml");
const places = { policyFile, policyPlaces: [], reviewDueHours: 72 };
const log = openLog({ level: "silent", pretty: false });
const told: string[] = [];
let policy: OpenPolicy | undefined;

afterEach(() => {
  policy?.close();
  policy = undefined;
  told.length = 0;
  house.policy.of = () => DEFAULT_REVIEW_POLICY;
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Lets the house go by this file, as a server that follows its files does. */
async function underPolicy(text: string): Promise<void> {
  await writeFile(policyFile, text);
  policy = await openPolicy(places, { progress: (line) => void told.push(line), log, debounceMs: 20 });
  house.policy.of = policy.policyOf;
}

/** Writes the file, and again when its reader has said nothing for a while: a watch may begin a moment after it was asked for. */
async function changed(text: string, said: RegExp): Promise<void> {
  let looks = 0;
  await until(`the reader says ${said}`, async () => {
    if (told.some((line) => said.test(line))) return true;
    if (looks % 40 === 0) await writeFile(policyFile, text);
    looks += 1;
    return false;
  });
}

const from = (principal_id: string, ...groups: string[]) => ({ ...person(principal_id), groups });
const seconds = (from: string, to: string | null) => (Date.parse(to ?? "") - Date.parse(from)) / 1_000;

const FINANCE = `rules:
  - name: what is worked on
    match: { graph: work-*, node: ask, flavour: raw }
    set:
      risk: high
      priority: 80
      candidates: { groups: [finance] }
      due: 4h
      require_comment: []
      answers: { approve: "go on", reject: { stop: true } }
`;
const SUPPORT = FINANCE.replace("finance", "support").replace("4h", "1h").replace("go on", "something else");

test("a plain question gets its people, its risk, its due time and its words from the file", async () => {
  await underPolicy(FINANCE);
  const { thread_id } = await started("work-on-answer");
  const review = await theOpen(house, thread_id);
  expect(review).toMatchObject({
    flavour: "raw",
    risk: "high",
    priority: 80,
    candidates: { users: [], groups: ["finance"] },
    actions: [{ allowed: ["approve", "reject", "respond"], args: "what?" }],
    policy: { answers: { approve: "go on", reject: { stop: true } } },
  });
  expect(seconds(review.opened_at, review.due_at)).toBe(4 * HOUR);
  await expect(
    approve(house, review, { by: from("user:eve", "support"), seen_digest: review.request_digest }),
  ).rejects.toMatchObject({
    code: "permission_denied",
  });
  await approve(house, review, { by: from("user:ana", "finance"), seen_digest: review.request_digest });
  await house.settle();
  expect(await logOf(thread_id)).toEqual(["go on", "end"]);
});

test("what is open keeps the policy it was opened under; what is opened after a change has the new one", async () => {
  await underPolicy(FINANCE);
  const first = await started("work-on-answer");
  const before = await theOpen(house, first.thread_id);
  await changed(SUPPORT, /^policy loaded again: 1 rule$/);
  expect(await theOpen(house, first.thread_id)).toEqual(before);
  const second = await started("work-on-answer");
  const after = await theOpen(house, second.thread_id);
  expect(after.candidates.groups).toEqual(["support"]);
  expect(after.policy_digest).not.toBe(before.policy_digest);

  await expect(
    approve(house, before, { by: from("user:eve", "support"), seen_digest: before.request_digest }),
  ).rejects.toMatchObject({
    code: "permission_denied",
  });
  await approve(house, before, { by: from("user:ana", "finance"), seen_digest: before.request_digest });
  await answer(house, after, [{ type: "reject" }], {
    by: from("user:eve", "support"),
    seen_digest: after.request_digest,
  });
  await house.settle();
  expect(await logOf(first.thread_id)).toEqual(["go on", "end"]);
  expect(await logOf(second.thread_id)).toEqual(["[object Object]", "end"]);
});

test("a file that breaks while it is followed changes nothing, and its reader says where", async () => {
  await underPolicy(FINANCE);
  await changed(
    `${FINANCE}  - match: { graph: a }\n    set: { due: soon }\n`,
    /policy\.yaml:12:17: rules\[1\]\.set\.due: .*; the last good policy goes on$/,
  );
  const { thread_id } = await started("work-on-answer");
  expect((await theOpen(house, thread_id)).risk).toBe("high");
  told.length = 0;
  await changed(FINANCE.replace("high", "low"), /^policy loaded again: 1 rule$/);
  const next = await started("work-on-answer");
  expect((await theOpen(house, next.thread_id)).risk).toBe("low");
});

test("a file that is broken at the start, or named and missing, is one clear line and no start", async () => {
  await writeFile(policyFile, "rules:\n  - match: { graph: a }\n    set: { risk: extreme, due: 1 }\n");
  await expect(openPolicy(places, undefined)).rejects.toMatchObject({
    code: "policy_invalid",
    message: expect.stringMatching(
      /^\/.*policy\.yaml:3:18: rules\[0\]\.set\.risk: .* \(and 1 more: holdpoint policy check lists them\)$/,
    ),
  });
  const missing = { ...places, policyFile: join(folder, "nowhere.yaml") };
  await expect(openPolicy(missing, undefined)).rejects.toMatchObject({
    code: "policy_invalid",
    message: expect.stringContaining("nowhere.yaml"),
  });
  const none = { ...places, policyFile: undefined, policyPlaces: [join(folder, "nowhere.yaml")] };
  const { policyOf } = await openPolicy(none, undefined);
  const question = { graph_id: "g", guarded: false, node: "n", flavour: "raw" as const, actions: [], stated: null };
  expect(policyOf(question)).toEqual(DEFAULT_REVIEW_POLICY);
});

test("of the places where it may be the first that has one counts", async () => {
  const other = join(folder, "other.yaml");
  await writeFile(other, "defaults: { priority: 9 }\n");
  await writeFile(policyFile, "defaults: { priority: 7 }\n");
  const question = {
    graph_id: "g",
    guarded: false,
    node: "n",
    flavour: "raw" as const,
    actions: [{ index: 0, name: "n", args: null, allowed: ["respond" as const] }],
    stated: null,
  };
  const both = { ...places, policyFile: undefined, policyPlaces: [other, policyFile] };
  expect((await openPolicy(both, undefined)).policyOf(question).priority).toBe(9);
  await rm(other);
  expect((await openPolicy(both, undefined)).policyOf(question).priority).toBe(7);
});

test("a rule that leaves nothing to decide ends the run and says which; with the rule mended the question is asked", async () => {
  await underPolicy("rules:\n  - { name: never, match: { graph: work-* }, set: { allowed: [edit] } }\n");
  const { run_id, thread_id } = await started("work-on-answer");
  expect(JSON.parse((await house.run(run_id)).error ?? "")).toMatchObject({
    error: "policy_invalid",
    message: expect.stringContaining(
      'rule 1 (never) of the policy file leaves nothing that could be decided about "ask"',
    ),
  });
  expect(await reviewsOf(house, thread_id)).toEqual([]);
  await changed(FINANCE, /^policy loaded again: 1 rule$/);
  await house.start("work-on-answer", { input: null }, { thread_id });
  await house.settle();
  expect((await theOpen(house, thread_id)).candidates.groups).toEqual(["finance"]);
});

test("no file makes the time-out of a guarded graph an approval", async () => {
  await underPolicy(
    "rules:\n  - { match: { graph: '*' }, set: { on_timeout: approve, allow_auto_approve: true, answers: { approve: 1 } } }\n",
  );
  const guarded = await started("guarded-payment");
  expect((await theOpen(house, guarded.thread_id)).policy.on_timeout).toBe("fail");
  const plain = await started("work-on-answer");
  expect((await theOpen(house, plain.thread_id)).policy.on_timeout).toBe("approve");
  const several = await started("parallel-questions");
  expect((await openOf(house, several.thread_id)).map((review) => review.policy.on_timeout)).toEqual([
    "approve",
    "approve",
  ]);
});
