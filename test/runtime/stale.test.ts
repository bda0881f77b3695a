import { expect, test } from "vitest";
import { knobs, resetKnobs, visitsOf } from "../fixtures/workflows/lib/knobs.ts";
import { approve, openOf, person, respond, reviewsOf, theOpen } from "../support/reviewer.ts";
import { house, logOf, openScene, started, valuesOf } from "./scene.ts";

openScene();

test("a guarded graph that pauses by a plain interrupt() or a breakpoint ends error and asks nobody", async () => {
  for (const graph_id of ["guarded-plain", "guarded-breakpoint"]) {
    const { run_id, thread_id } = await started(graph_id);
    const run = await house.run(run_id);
    expect(run.status).toBe("error");
    expect(JSON.parse(run.error ?? "")).toMatchObject({
      error: "guarded",
      message: expect.stringContaining("review()"),
    });
    expect((await house.thread(thread_id)).status).toBe("error");
    expect(await reviewsOf(house, thread_id)).toEqual([]);
  }
});

test("an empty input does not walk past a guarded graph's breakpoint", async () => {
  const { thread_id } = await started("guarded-breakpoint");
  await house.start("guarded-breakpoint", { input: null }, { thread_id });
  await house.settle();
  expect(visitsOf("guarded-breakpoint.b")).toBe(0);
});

test("what changed between the pause and the answer makes the review stale, and an empty input asks anew", async () => {
  knobs.shown = () => 100;
  const { thread_id } = await started("drifting");
  const shown = await theOpen(house, thread_id);
  knobs.shown = () => 200;
  const { resume_run } = await approve(house, shown);
  await house.settle();
  expect((await house.run(resume_run!.run_id)).status).toBe("error");
  const said = `what review "pay" shows has changed since it was decided: /actions/0/args/amount was 100 and is 200`;
  expect(JSON.parse((await house.run(resume_run!.run_id)).error ?? "")).toEqual({ error: "stale", message: said });
  expect(await reviewsOf(house, thread_id)).toMatchObject([{ status: "stale", status_reason: said }]);
  const { rows } = await house.database.pool.query(
    "select body from holdpoint.audit where review_id = $1 and kind = 'stale'",
    [shown.id],
  );
  expect(JSON.parse(rows[0].body)).toEqual({
    reason: `what review "pay" shows has changed since it was decided`,
    changes: [{ pointer: "/actions/0/args/amount", was: "100", is: "200" }],
  });
  expect((await house.thread(thread_id)).status).toBe("interrupted");
  await expect(
    approve(house, shown, { by: person("user:ben"), seen_digest: shown.request_digest }),
  ).rejects.toMatchObject({ code: "already_decided" });
  await house.start("drifting", { input: null }, { thread_id });
  await house.settle();
  const anew = await theOpen(house, thread_id);
  expect((await reviewsOf(house, thread_id))[0]).toMatchObject({ status: "superseded", superseded_by: anew.id });
  expect(anew.actions[0]?.args).toEqual({ amount: 200 });
  await approve(house, anew);
  await house.settle();
  expect(await logOf(thread_id)).toEqual(["approve:200"]);
});

test("an answer that the schema of a plain question refuses says where, in words", async () => {
  const { thread_id } = await started("asks-by-schema");
  const shown = await theOpen(house, thread_id);
  knobs.shown = () => 7;
  const { resume_run } = await respond(house, shown, "a word");
  await house.settle();
  const said = "the graph refused the answer: at least 7 letters";
  expect(JSON.parse((await house.run(resume_run!.run_id)).error ?? "")).toEqual({ error: "stale", message: said });
  expect(await reviewsOf(house, thread_id)).toMatchObject([{ status: "stale", status_reason: said }]);
});

test("half a group's answer does not approve what the graph has asked differently since", async () => {
  knobs.shown = () => 100;
  const { thread_id } = await started("drifting-plain");
  const left = (await openOf(house, thread_id)).find(({ node }) => node === "left")!;
  await respond(house, left, "yes to 100");
  knobs.shown = () => 200;
  await house.start("drifting-plain", { input: null }, { thread_id });
  await house.settle();
  const right = (await openOf(house, thread_id)).find(({ node }) => node === "right")!;
  await respond(house, right, "R");
  await house.settle();
  expect((await valuesOf(thread_id)).log ?? []).not.toContain("left:yes to 100");
});

test("a node that throws after its answer leaves resume_failed; an empty input goes on with the recorded answer and closes it", async () => {
  const { thread_id } = await started("work-on-answer");
  const review = await theOpen(house, thread_id);
  knobs.onVisit = (place) => {
    if (place === "work.answered") throw new Error("the printer is on fire");
  };
  const { resume_run } = await respond(house, review, "42");
  await house.settle();
  const failed = await house.run(resume_run!.run_id);
  expect(failed.status).toBe("error");
  expect(JSON.parse(failed.error ?? "")).toEqual({ error: "Error", message: "the printer is on fire" });
  expect(await house.thread(thread_id)).toMatchObject({ status: "error", interrupts: "{}" });
  expect((await reviewsOf(house, thread_id))[0]).toMatchObject({
    status: "resume_failed",
    status_reason: "the printer is on fire",
  });
  resetKnobs();
  const retry = await house.start("work-on-answer", { input: null }, { thread_id });
  await house.settle();
  expect((await house.run(retry.run_id)).status).toBe("success");
  expect(await logOf(thread_id)).toEqual(["42", "end"]);
  expect((await reviewsOf(house, thread_id)).map(({ status }) => status)).toEqual(["closed"]);
  expect((await house.thread(thread_id)).status).toBe("idle");
});

test("a run that fails keeps the values that were reached", async () => {
  knobs.onVisit = (place) => {
    if (place === "steps.b") throw new Error("no");
  };
  const { run_id, thread_id } = await started("steps");
  expect((await house.run(run_id)).status).toBe("error");
  expect((await house.thread(thread_id)).status).toBe("error");
  expect(await logOf(thread_id)).toEqual(["a"]);
  resetKnobs();
  await house.start("steps", { input: null }, { thread_id });
  await house.settle();
  expect(knobs.visits).toEqual(["steps.b", "steps.c"]);
  expect(await logOf(thread_id)).toEqual(["a", "b", "c"]);
});
