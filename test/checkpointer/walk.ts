import type { HoldpointSaver } from "../../src/postgres/checkpointer/saver.ts";
import { collect } from "../support/collect.ts";
import { createDice } from "../support/dice.ts";
import { compareThread, compareTuples, tuplesOf } from "./walk-compare.ts";
import { snapshotFace } from "./walk-face.ts";
import { walkGraph } from "./walk-graph.ts";
import { MirrorSaver } from "./walk-mirror.ts";
import type { WalkSavers } from "./walk-savers.ts";
import { takeStep, type World } from "./walk-steps.ts";

export { collect };

/**
 * A walk of so many steps. Everything goes to a saver in memory as well as to ours, with the same ids; throws at the
 * first difference. Tells how many answers were compared.
 */
export async function walkMirrored(seed: number, steps: number, savers: WalkSavers): Promise<number> {
  const mirror = new MirrorSaver(() => savers.choose());
  const world = worldOf(mirror, savers, seed);
  const threads = new Set<string>();
  const kinds: string[] = [];
  try {
    for (let step = 0; step < steps; step += 1) {
      await savers.begin(world.dice, world.thread_id);
      kinds.push((await takeStep(world, step)).kind);
      await savers.end();
      if (mirror.differences[0] !== undefined) throw mirror.differences[0];
      threads.add(world.thread_id);
      if (step % 6 === 5) await compareTuples(mirror, await tuplesOf(mirror, world.thread_id), savers.owner());
    }
    for (const thread_id of threads) await compareThread(mirror, thread_id, savers.readers);
  } catch (error) {
    const message = `seed ${seed}, step ${kinds.length} after ${kinds.join(", ")}: ${(error as Error).message}`;
    throw new Error(message, { cause: error });
  }
  return mirror.compared;
}

function worldOf(mirror: MirrorSaver, savers: WalkSavers, seed: number): World {
  const { memory } = mirror;
  const weather = { stormy: false };
  const world: World = {
    graph: walkGraph(mirror, weather),
    weather,
    thread_id: `walk-${seed}`,
    dice: createDice(seed),
    checkpointIds: async () => memory.idsOf(world.thread_id, ""),
    async copyThread(source, target) {
      await savers.owner().copyThread(source, target);
      memory.copyThread(source, target);
    },
    prune: (keepLast) => pruneBoth(mirror, savers.owner(), world.thread_id, keepLast),
  };
  return world;
}

/** What stays is ours to choose, but for the root; how it reads is not, subgraphs and delta channels included. */
async function pruneBoth(
  mirror: MirrorSaver,
  saver: HoldpointSaver,
  thread_id: string,
  keepLast: number,
): Promise<void> {
  const { memory } = mirror;
  const kept = memory.idsOf(thread_id, "").slice(-keepLast);
  const graph = walkGraph(saver, { stormy: false });
  const states = () =>
    Promise.all(
      kept.map(async (checkpoint_id) => {
        const config = { configurable: { thread_id, checkpoint_ns: "", checkpoint_id } };
        return snapshotFace(await graph.getState(config, { subgraphs: true }));
      }),
    );
  const before = await states();
  await saver.prune({ thread_ids: [thread_id], keepLast });
  mirror.judge("the states of what was kept", await states(), before);
  for (const checkpoint_ns of memory.namespacesOf(thread_id)) {
    const left = await collect(saver.list({ configurable: { thread_id, checkpoint_ns } }));
    memory.keepOnly(
      thread_id,
      checkpoint_ns,
      left.map(({ checkpoint }) => checkpoint.id),
    );
  }
  mirror.judge("the checkpoints of the root that were kept", memory.idsOf(thread_id, ""), kept);
}
