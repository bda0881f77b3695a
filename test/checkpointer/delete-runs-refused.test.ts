import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { asRun, insertEffect, insertReview, insertRun, inThread, LIST, putList, readThread } from "./maintenance.ts";
import { checkpointOf, METADATA, openSaverScene, rowsOfThread } from "./support.ts";

const { counted, replica } = await openSaverScene();

describe("a rollback is refused, and changes nothing,", () => {
  async function refused(thread_id: string, run_ids: string[], code: string): Promise<void> {
    const before = [await readThread(counted.saver, thread_id), await rowsOfThread(counted, thread_id)];
    await expect(counted.saver.deleteForRuns(run_ids)).rejects.toMatchObject({ code, facts: { thread_id } });
    expect([await readThread(replica.saver, thread_id), await rowsOfThread(counted, thread_id)]).toEqual(before);
  }

  test("where another run continues it", async () => {
    const [first, second] = [randomUUID(), randomUUID()];
    const stored = await putList(counted.saver, inThread("continued"), first, LIST);
    await putList(counted.saver, stored, second, [...LIST, "more"]);
    await refused("continued", [first], "superseded");
    expect(await counted.saver.deleteForRuns([first, second])).toMatchObject({ checkpoints: 2 });
  });

  test("where a checkpoint without a run continues it", async () => {
    const run_id = randomUUID();
    await putList(counted.saver, await putList(counted.saver, inThread("edited"), run_id, LIST), undefined, LIST);
    await refused("edited", [run_id], "superseded");
  });

  test("where a subgraph of another run was started under it", async () => {
    const [first, second] = [randomUUID(), randomUUID()];
    const { configurable } = await putList(counted.saver, inThread("around"), first, LIST);
    const inner = inThread("around", { checkpoint_ns: "node:task" });
    const { checkpoint } = checkpointOf({});
    const parents = { "": configurable?.["checkpoint_id"] as string };
    await counted.saver.put(asRun(inner, second), checkpoint, { ...METADATA, parents }, {});
    await refused("around", [first], "superseded");
  });

  test("where another run went on from what it recorded", async () => {
    const [first, second, third] = [randomUUID(), randomUUID(), randomUUID()];
    const stored = await putList(counted.saver, inThread("used"), first, LIST);
    await counted.saver.putWrites(asRun(stored, second), [["list", "of the second"]], "task");
    await putList(counted.saver, stored, third, [...LIST, "of the second"]);
    await refused("used", [second], "superseded");
  });

  test("an older branch beside it is no reason", async () => {
    const [first, second] = [randomUUID(), randomUUID()];
    const stored = await putList(counted.saver, inThread("branch"), first, LIST);
    await putList(counted.saver, stored, undefined, [...LIST, "a branch"]);
    const before = await readThread(counted.saver, "branch");
    await counted.saver.putWrites(asRun(stored, second), [["list", "of the second"]], "task");
    await putList(counted.saver, stored, second, [...LIST, "of the second"]);
    await counted.saver.deleteForRuns([second]);
    expect(await readThread(replica.saver, "branch")).toEqual(before);
  });

  test("where what was before it has been pruned", async () => {
    const run_id = randomUUID();
    await putList(counted.saver, await putList(counted.saver, inThread("pruned"), undefined, LIST), run_id, LIST);
    await counted.saver.prune({ thread_ids: ["pruned"], keepLast: 1 });
    await refused("pruned", [run_id], "superseded");
  });

  test("while a question it asks is not settled", async () => {
    const run_id = randomUUID();
    const stored = await putList(counted.saver, inThread("review"), run_id, LIST);
    const review_id = randomUUID();
    await insertReview(counted, { id: review_id, run_id, at: stored });
    await refused("review", [run_id], "superseded");
    await counted.rows("update holdpoint.review set status = 'cancelled' where id = $1", [review_id]);
    expect(await counted.saver.deleteForRuns([run_id])).toMatchObject({ checkpoints: 1 });
  });

  test("while it carries an answer", async () => {
    const [asked, answered] = [randomUUID(), randomUUID()];
    const stored = await putList(counted.saver, inThread("answer"), asked, LIST);
    const review_id = randomUUID();
    await insertReview(counted, { id: review_id, run_id: asked, at: stored });
    await counted.rows("update holdpoint.review set status = 'resuming', resume_run_id = $2 where id = $1", [
      review_id,
      answered,
    ]);
    await counted.saver.putWrites(asRun(stored, answered), [["__resume__", ["yes"]]], "task");
    await refused("answer", [answered], "superseded");
  });

  test.each(["intent", "receipt", "failed"])("once an effect was started under it (%s)", async (status) => {
    const run_id = randomUUID();
    const thread_id = `effect-${status}`;
    const stored = await putList(counted.saver, inThread(thread_id), run_id, LIST);
    await insertEffect(counted, { run_id: randomUUID(), at: stored, status });
    await refused(thread_id, [run_id], "superseded");
  });

  test("while it is running", async () => {
    const run_id = randomUUID();
    await putList(counted.saver, inThread("running"), run_id, LIST);
    await insertRun(counted, { run_id, thread_id: "running", status: "running" });
    await refused("running", [run_id], "thread_busy");
    await counted.rows("update holdpoint.run set status = 'interrupted' where run_id = $1", [run_id]);
    expect(await counted.saver.deleteForRuns([run_id])).toMatchObject({ checkpoints: 1 });
  });
});
