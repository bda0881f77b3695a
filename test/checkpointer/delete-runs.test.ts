import { randomUUID } from "node:crypto";
import { Command } from "@langchain/langgraph";
import { describe, expect, test } from "vitest";
import { askTwice, asRun, inThread, LIST, putList, readAll, readThread } from "./maintenance.ts";
import { createThread, openCounted, openSaverScene, rowsOfThread } from "./support.ts";

const { database, counted, replica } = await openSaverScene();

describe("rolling a run back", () => {
  test("takes its checkpoints, its writes and its chunks, and leaves the head as it was", async () => {
    const [first, second] = [randomUUID(), randomUUID()];
    const before = await putList(counted.saver, inThread("plain"), first, LIST);
    await counted.saver.putWrites(asRun(before, first), [["list", 1]], "task");
    const expected = await readThread(replica.saver, "plain");
    const rows = await rowsOfThread(counted, "plain");
    let tip = before;
    for (let step = 0; step < 3; step += 1) {
      tip = await putList(counted.saver, tip, second, [...LIST, `of the second run ${step}`]);
      await counted.saver.putWrites(asRun(tip, second), [["list", step]], "task");
    }
    const deleted = await counted.saver.deleteForRuns([second]);
    expect(deleted).toEqual({ checkpoints: 3, writes: 3, chunks: 3, threads: 1 });
    expect(await readThread(counted.saver, "plain")).toEqual(expected);
    expect(await readThread(replica.saver, "plain")).toEqual(expected);
    // The seal of the chain that lost its end.
    expect(await rowsOfThread(counted, "plain")).toBe(rows + 1);
    expect(await counted.saver.deleteForRuns([second])).toEqual({ checkpoints: 0, writes: 0, chunks: 0, threads: 0 });
  });

  test("takes back an answer that was recorded where it was asked for; the question stands again", async () => {
    const [asked, answered, finished] = [randomUUID(), randomUUID(), randomUUID()];
    const graph = askTwice(counted.saver);
    const config = inThread("asked");
    await graph.invoke({ answers: [] }, asRun(config, asked));
    const atFirst = await readThread(replica.saver, "asked");
    await graph.invoke(new Command({ resume: "one" }), asRun(config, answered));
    const atSecond = await readThread(replica.saver, "asked");
    expect(atSecond).not.toEqual(atFirst);
    await graph.invoke(new Command({ resume: "two" }), asRun(config, finished));
    await expect(counted.saver.deleteForRuns([answered])).rejects.toMatchObject({ code: "superseded" });

    await counted.saver.deleteForRuns([finished]);
    expect(await readThread(replica.saver, "asked")).toEqual(atSecond);
    await counted.saver.deleteForRuns([answered]);
    expect(await readThread(replica.saver, "asked")).toEqual(atFirst);

    const again = askTwice(replica.saver);
    await again.invoke(new Command({ resume: "uno" }), config);
    const { answers } = await again.invoke(new Command({ resume: "due" }), config);
    expect(answers).toEqual(["uno", "due", "2 answers"]);
  });

  test("several runs at once go in one piece, whatever their order", async () => {
    const runs = [randomUUID(), randomUUID(), randomUUID()];
    const graph = askTwice(counted.saver);
    const config = inThread("several");
    await graph.invoke({ answers: [] }, asRun(config, runs[0]!));
    const before = await readThread(replica.saver, "several");
    await graph.invoke(new Command({ resume: "one" }), asRun(config, runs[1]!));
    await graph.invoke(new Command({ resume: "two" }), asRun(config, runs[2]!));
    await counted.saver.deleteForRuns([runs[2]!, runs[1]!, runs[2]!.toUpperCase()]);
    expect(await readThread(replica.saver, "several")).toEqual(before);
  });

  test("the first run of a thread leaves nothing", async () => {
    const run_id = randomUUID();
    await askTwice(counted.saver).invoke({ answers: [] }, asRun(inThread("first"), run_id));
    await counted.saver.deleteForRuns([run_id]);
    expect(await rowsOfThread(counted, "first")).toBe(0);
    await askTwice(replica.saver).invoke({ answers: [] }, inThread("first"));
    expect(await readThread(counted.saver, "first")).toHaveLength(2);
  });

  test("a run that recorded an answer and no checkpoint is found as well", async () => {
    const [asked, answered] = [randomUUID(), randomUUID()];
    const stored = await putList(counted.saver, inThread("no-checkpoint"), asked, LIST);
    const before = await readThread(counted.saver, "no-checkpoint");
    await counted.saver.putWrites(asRun(stored, answered), [["__resume__", ["yes"]]], "task");
    expect(await counted.saver.deleteForRuns([answered])).toMatchObject({ checkpoints: 0, writes: 1, threads: 1 });
    expect(await readThread(counted.saver, "no-checkpoint")).toEqual(before);
  });

  test("a run's lease says whose writes they are", async () => {
    await createThread(counted, "leased");
    const [first, second] = [randomUUID(), randomUUID()];
    const lease = { thread_id: "leased", lease_epoch: 1 };
    const stored = await putList(
      counted.saver.withLease({ ...lease, run_id: first }),
      inThread("leased"),
      undefined,
      LIST,
    );
    const fenced = counted.saver.withLease({ ...lease, run_id: second });
    await fenced.putWrites(stored, [["list", 1]], "task");
    await putList(fenced, stored, undefined, [...LIST, "more"]);
    expect(await counted.saver.deleteForRuns([second])).toMatchObject({ checkpoints: 1, writes: 1 });
    await expect(putList(fenced, stored, undefined, [...LIST, "later"])).resolves.toBeDefined();
  });
});

describe("a chain that lost its end", () => {
  test("is never taken for the one that comes in its place, whatever other processes remember", async () => {
    const run_id = randomUUID();
    const thread = inThread("chain");
    const stay = await putList(counted.saver, thread, undefined, LIST);
    const gone = await putList(counted.saver, stay, run_id, [...LIST, "gone"]);
    await putList(counted.saver, gone, run_id, [...LIST, "gone", "gone too"]);
    // Both remember the longer list now.
    for (const { saver } of [counted, replica]) await saver.getTuple(thread);
    await counted.saver.deleteForRuns([run_id]);
    // Whoever clears up after that finds the seal and leaves it.
    const another = randomUUID();
    await putList(replica.saver, stay, another, ["short"]);
    expect(await replica.saver.deleteForRuns([another])).toMatchObject({ checkpoints: 1, chunks: 0 });
    let tip = stay;
    for (const added of [["new"], ["new", "newer"]])
      tip = await putList(counted.saver, tip, undefined, [...LIST, ...added]);
    for (const { saver } of [replica, counted]) {
      const tuple = await saver.getTuple(thread);
      expect(tuple?.checkpoint.channel_values["list"]).toEqual([...LIST, "new", "newer"]);
    }
    await putList(replica.saver, tip, undefined, [...LIST, "new", "newer", "newest"]);
    const fresh = openCounted(database.url, 1);
    const values = (await readAll(fresh.saver, thread)).map(({ checkpoint }) => checkpoint.channel_values["list"]);
    expect(values).toEqual([[...LIST, "new", "newer", "newest"], [...LIST, "new", "newer"], [...LIST, "new"], LIST]);
    await fresh.end();
  });

  test("a process that still stands on what was rolled back stores nothing", async () => {
    const run_id = randomUUID();
    const stay = await putList(counted.saver, inThread("stale"), undefined, LIST);
    const gone = await putList(replica.saver, stay, run_id, [...LIST, "gone"]);
    await counted.saver.deleteForRuns([run_id]);
    const before = await readThread(counted.saver, "stale");
    await expect(putList(replica.saver, gone, run_id, [...LIST, "gone", "late"])).rejects.toMatchObject({
      code: "not_found",
    });
    expect(await readThread(counted.saver, "stale")).toEqual(before);
    expect((await putList(replica.saver, stay, undefined, [...LIST, "again"])).configurable).toBeDefined();
    const tuple = await counted.saver.getTuple(inThread("stale"));
    expect(tuple?.checkpoint.channel_values["list"]).toEqual([...LIST, "again"]);
  });
});

test("a late batch of a rolled back run waits for the rollback, and then stores nothing of what it continued", async () => {
  for (let round = 0; round < 15; round += 1) {
    const [first, second] = [randomUUID(), randomUUID()];
    const thread_id = `late-${round}`;
    const stay = await putList(counted.saver, inThread(thread_id), first, LIST);
    const start = await putList(counted.saver, stay, second, [...LIST, "second"]);
    const write = async () => {
      let tip = start;
      for (let step = 0; step < 6; step += 1)
        tip = await putList(replica.saver, tip, second, [...LIST, "second", `${step}`]);
    };
    const [written] = await Promise.allSettled([write(), counted.saver.deleteForRuns([second])]);
    if (written.status === "rejected") expect(written.reason).toMatchObject({ code: "not_found" });
    else await counted.saver.deleteForRuns([second]);
    const tuples = await readAll(replica.saver, inThread(thread_id));
    expect(tuples.map(({ checkpoint }) => checkpoint.id)).toEqual([stay.configurable?.["checkpoint_id"]]);
    expect(tuples[0]?.checkpoint.channel_values["list"]).toEqual(LIST);
  }
});

test.each<[string, unknown]>([
  ["nothing", undefined],
  ["an id by itself", "7f2c1b1e-6f0e-4a49-9c1e-0d6c6f3f4a11"],
  ["an id that is no UUID", ["run 1"]],
  ["a number", [7]],
  ["null", [null]],
  ["undefined", [undefined]],
  ["SQL", ["' or true --"]],
])("%s instead of run ids is refused", async (_, run_ids) => {
  await expect(counted.saver.deleteForRuns(run_ids as never)).rejects.toMatchObject({ code: "invalid" });
});

test("unknown runs, none and very many are no mistake", async () => {
  const nothing = { checkpoints: 0, writes: 0, chunks: 0, threads: 0 };
  expect(await counted.saver.deleteForRuns([])).toEqual(nothing);
  expect(await counted.saver.deleteForRuns(Array.from({ length: 20_000 }, () => randomUUID()))).toEqual(nothing);
});
