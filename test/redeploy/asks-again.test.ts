import { expect, test } from "vitest";
import { reviewsOf } from "../support/reviewer.ts";
import { change, deploy, links, openScene, paid, REVIEWED, startWaiting, theOpen, type Version } from "./scene.ts";

openScene();

const APPROVE = { type: "approve" };

test("a guarded graph that has to ask again does so without input, and only where no answer would fit", async () => {
  const source = REVIEWED.replace("import { effect,", "import { effect, guarded,").replace(
    "export default new StateGraph(State)",
    "const graph = new StateGraph(State)",
  );
  const guarded = `${source}\nexport default guarded(graph);\n`;
  const renamed = guarded
    .replaceAll('"pay"', '"payout"')
    .replaceAll('key: "payout"', 'key: "pay"')
    .replaceAll('name: "payout"', 'name: "pay"');
  const before = await deploy({ "pay.ts": guarded });
  const review = await startWaiting(before);
  const goAgain = (version: Version) =>
    version.post(`/threads/${review.thread_id}/runs`, { assistant_id: "pay", input: null });
  const commented = await deploy({ "pay.ts": `${guarded}\n// later` });
  expect(await goAgain(commented)).toMatchObject({ status: 409, body: { message: expect.stringMatching(/guarded/) } });
  const after = await deploy({ "pay.ts": renamed });
  expect(await after.decide(review, APPROVE)).toMatchObject({ status: 409, body: { code: "stale" } });
  expect((await goAgain(after)).status).toBe(200);
  await after.settle();
  const anew = await theOpen(after.house, review.thread_id);
  expect((await reviewsOf(after.house, review.thread_id))[0]).toMatchObject({
    status: "superseded",
    superseded_by: anew.id,
  });
  expect(await after.post(`/reviews/${anew.id}/reask`, {})).toMatchObject({
    status: 409,
    body: { code: "not_failed" },
  });
  expect((await links(after, review.id)).map(({ kind }) => kind)).toEqual(["opened", "stale", "superseded"]);
  expect((await after.decide(anew, APPROVE)).status).toBe(200);
  await after.settle();
  expect(await paid(after, review.thread_id)).toEqual([5]);
});

test("an open question that no answer fits any more can be asked again by whoever may decide it", async () => {
  const before = await deploy({ "pay.ts": REVIEWED });
  const review = await startWaiting(before);
  expect(await before.post(`/reviews/${review.id}/reask`, {})).toMatchObject({
    status: 409,
    body: { code: "not_failed" },
  });
  const after = await deploy({
    "pay.ts": change(REVIEWED, "amount: z.number(), log", "amount: z.number(), currency: z.string(), log"),
  });
  expect((await after.post(`/reviews/${review.id}/reask`, {})).status).toBe(200);
  await after.settle();
  const anew = await theOpen(after.house, review.thread_id);
  expect(anew).toMatchObject({ graph_fingerprint: after.house.graphs.graphs.get("pay")!.fingerprint, status: "open" });
  expect((await after.decide(anew, APPROVE)).status).toBe(200);
  await after.settle();
  expect(await paid(after, review.thread_id)).toEqual([5]);
});
