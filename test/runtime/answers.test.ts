import { expect, test } from "vitest";
import { knobs, visitsOf } from "../fixtures/workflows/lib/knobs.ts";
import { answer, approve, openOf, person, resume, reviewsOf, theOpen } from "../support/reviewer.ts";
import { house, logOf, openScene, started, valuesOf } from "./scene.ts";

openScene();

test("an edited answer is what the graph acts on, and the difference is kept", async () => {
  const { thread_id } = await started("guarded-payment");
  const review = await theOpen(house, thread_id);
  const decided = await answer(house, review, [{ type: "edit", args: { amount: 3 } }]);
  expect(decided.reviews[0]).toMatchObject({ status: "decided", outcome: "edited" });
  await house.settle();
  expect(await logOf(thread_id)).toEqual(["propose", "edit", "paid 3"]);
  const [closed] = await reviewsOf(house, thread_id);
  expect(closed).toMatchObject({
    status: "closed",
    decision: { diff: [{ op: "replace", path: "/0/amount", value: 3 }], binding: "digest" },
  });
});

test.each([
  ["an edit beyond the schema", [{ type: "edit" as const, args: { amount: 100_000 } }], {}, "invalid"],
  ["a type that is not offered", [{ type: "respond" as const, message: "hm" }], {}, "invalid"],
  ["an action that does not exist", [{ type: "approve" as const, action: 4 }], {}, "invalid"],
  ["the digest of something else", [{ type: "approve" as const }], { seen_digest: "sha256:00" }, "digest_mismatch"],
  ["an old version", [{ type: "approve" as const }], { seen_version: 7 }, "precondition_failed"],
])("a refused answer leaves the thread as it was: %s", async (_what, decisions, binding, code) => {
  const { thread_id } = await started("guarded-payment");
  const review = await theOpen(house, thread_id);
  const before = [await house.thread(thread_id), await reviewsOf(house, thread_id)];
  const bound = Object.keys(binding).length === 0 ? { seen_digest: review.request_digest } : binding;
  await expect(answer(house, review, decisions, bound)).rejects.toMatchObject({ code });
  expect([await house.thread(thread_id), await reviewsOf(house, thread_id)]).toEqual(before);
  expect(await house.worker.tick()).toBe(0);
});

test("an unbound answer is refused on a guarded graph and taken elsewhere only where the setting allows it", async () => {
  const guarded = await started("guarded-payment");
  await expect(resume(house, guarded.thread_id, { decisions: [{ type: "approve" }] })).rejects.toMatchObject({
    code: "precondition_required",
  });
  const plain = await started("plain-questions");
  await expect(resume(house, plain.thread_id, "x", { allowScalarResume: false })).rejects.toMatchObject({
    code: "precondition_required",
  });
  await resume(house, plain.thread_id, "x");
  expect((await reviewsOf(house, plain.thread_id))[0]?.decision?.binding).toBe("unbound");
});

test("a resume bound by the head checkpoint is taken, an older checkpoint is refused", async () => {
  const { thread_id } = await started("plain-questions");
  const first = await theOpen(house, thread_id);
  await expect(
    resume(house, thread_id, "x", { checkpoint_id: "1ef00000-0000-6000-8000-000000000000" }),
  ).rejects.toMatchObject({ code: "use_fork" });
  await resume(house, thread_id, "x", { checkpoint_id: first.checkpoint_id, allowScalarResume: false });
  expect((await reviewsOf(house, thread_id))[0]?.decision?.binding).toBe("checkpoint");
});

test("the same answer again is a replay, by digest of the decisions or by key; another person's is told who decided", async () => {
  const { thread_id } = await started("guarded-payment");
  const review = await theOpen(house, thread_id);
  const first = await approve(house, review, { seen_digest: review.request_digest, idempotency_key: "k" });
  const again = await approve(house, review, { seen_digest: review.request_digest });
  expect(again).toMatchObject({ replayed: true, resume_run: { run_id: first.resume_run?.run_id } });
  await house.settle();
  expect(await approve(house, review, { idempotency_key: "k" })).toMatchObject({
    replayed: true,
    resume_run: { run_id: first.resume_run?.run_id, status: "success" },
  });
  await expect(
    approve(house, review, { by: person("user:ben"), seen_digest: review.request_digest }),
  ).rejects.toMatchObject({
    code: "already_decided",
    facts: { same: true, decided_by: "user:ana" },
  });
  expect(visitsOf("guarded.pay")).toBe(1);
});

test("an answer by interrupt id is not taken for a question that now shows something else under the same id", async () => {
  knobs.shown = () => 100;
  const { thread_id } = await started("drifting");
  const shown = await theOpen(house, thread_id);
  knobs.shown = () => 200;
  await house.start("drifting", { input: null }, { thread_id });
  await house.settle();
  const anew = await theOpen(house, thread_id);
  expect(anew.interrupt_id).toBe(shown.interrupt_id);
  const byId = { [shown.interrupt_id as string]: { decisions: [{ type: "approve" }] } };
  await expect(resume(house, thread_id, byId, { allowScalarResume: false })).rejects.toMatchObject({
    code: "precondition_required",
  });
  await resume(house, thread_id, {
    [shown.interrupt_id as string]: { decisions: [{ type: "approve" }], value_digest: anew.value_digest },
  });
  await house.settle();
  expect(await logOf(thread_id)).toEqual(["approve:200"]);
});

test("an answer that came before the question was opened is not taken for it", async () => {
  const { thread_id } = await started("plain-questions");
  await expect(resume(house, thread_id, "early", { elapsedMs: () => 3_600_000 })).rejects.toMatchObject({
    code: "already_decided",
  });
  expect(await openOf(house, thread_id)).toHaveLength(1);
});

test("a review of another thread cannot be decided by way of this one", async () => {
  const mine = await started("guarded-payment");
  const other = await started("guarded-payment");
  const review = await theOpen(house, other.thread_id);
  await expect(answer(house, { ...review, thread_id: mine.thread_id }, [{ type: "approve" }])).rejects.toMatchObject({
    code: "not_found",
  });
  await expect(answer(house, { ...review, id: crypto.randomUUID() }, [{ type: "approve" }])).rejects.toMatchObject({
    code: "not_found",
  });
});

test("what a resume says beside its answer is applied with it", async () => {
  const { thread_id } = await started("plain-questions");
  await resume(house, thread_id, "one", { kwargs: { command: { update: { amount: 8 } } } });
  await house.settle();
  await resume(house, thread_id, "two");
  await house.settle();
  expect(await valuesOf(thread_id)).toEqual({ amount: 8, log: ["ask:one:two"] });
});
