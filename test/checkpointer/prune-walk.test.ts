import { describe, expect, test } from "vitest";
import { createDice, SCALE } from "../support/dice.ts";
import { inThread, readAll, readIds } from "./maintenance.ts";
import { openSaverScene } from "./support.ts";
import { snapshotFace, tupleFace } from "./walk-face.ts";
import { walkGraph } from "./walk-graph.ts";
import { takeStep } from "./walk-steps.ts";

const { counted, replica } = await openSaverScene();

/** All that a reader sees of a thread: each checkpoint as listed, by itself and as the graph's state. */
async function facesOf(thread_id: string) {
  const graph = walkGraph(replica.saver, { stormy: false });
  const faces = new Map<string, unknown>();
  for (const tuple of await readAll(replica.saver, inThread(thread_id))) {
    const { checkpoint_ns, checkpoint_id } = tuple.config.configurable as Record<string, string>;
    const alone = tupleFace(await replica.saver.getTuple(tuple.config));
    expect(alone).toEqual(tupleFace(tuple));
    const state = checkpoint_ns === "" ? snapshotFace(await graph.getState(tuple.config, { subgraphs: true })) : null;
    faces.set(`${checkpoint_ns} ${checkpoint_id}`, { alone, state });
  }
  return faces;
}

describe("a random forked thread", () => {
  test.each(Array.from({ length: 5 * SCALE }, (_, index) => index + 1))(
    "reads as before wherever it stays, and goes on (seed %i)",
    async (seed) => {
      const dice = createDice(seed);
      const thread_id = `walk-${seed}`;
      const weather = { stormy: false };
      const graph = walkGraph(counted.saver, weather);
      const checkpointIds = async () => (await readIds(counted.saver, thread_id)).toSorted();
      const world = { graph, weather, thread_id, dice, checkpointIds };
      for (let step = 0; step < 14; step += 1) {
        await takeStep(world, step);
        await counted.saver.settled();
        if (step < 5 || dice.roll(3) > 0) continue;
        await comparePruned(thread_id, dice);
      }
      await comparePruned(thread_id, dice);
    },
  );

  async function comparePruned(thread_id: string, dice: ReturnType<typeof createDice>): Promise<void> {
    const before = await facesOf(thread_id);
    const tuples = await readAll(counted.saver, inThread(thread_id));
    const olderThan = new Date(dice.pick(tuples).checkpoint.ts);
    const rules = dice.pick([{ keepLast: 1 + dice.roll(9) }, { olderThan }, { keepLast: 1 + dice.roll(5), olderThan }]);
    const mustStay = tuples.filter(({ checkpoint, config }, index) => {
      const { checkpoint_ns } = config.configurable as Record<string, string>;
      const newer = tuples
        .slice(0, index)
        .filter((one) => one.config.configurable?.["checkpoint_ns"] === checkpoint_ns);
      const isYoung = "olderThan" in rules && new Date(checkpoint.ts) >= olderThan;
      const keepLast = "keepLast" in rules ? (rules.keepLast ?? 1) : 1;
      return isYoung || (!checkpoint_ns?.includes(":") && newer.length < keepLast);
    });
    const { checkpoints } = await counted.saver.prune({ thread_ids: [thread_id], ...rules });
    const after = await facesOf(thread_id);
    for (const [name, face] of after) expect(face, name).toEqual(before.get(name));
    for (const { config } of mustStay) {
      const { checkpoint_ns, checkpoint_id } = config.configurable as Record<string, string>;
      expect([...after.keys()]).toContain(`${checkpoint_ns} ${checkpoint_id}`);
    }
    if (checkpoints > 0) expect(after.size).toBeLessThan(before.size);
    const nothing = { checkpoints: 0, writes: 0, chunks: 0, threads: 0 };
    expect(await replica.saver.prune({ thread_ids: [thread_id], ...rules }), "a second time").toEqual(nothing);
  }
});
