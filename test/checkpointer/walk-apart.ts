import { type BaseCheckpointSaver, type CheckpointTuple, RESUME } from "@langchain/langgraph-checkpoint";
import { collect } from "../support/collect.ts";
import { createDice } from "../support/dice.ts";
import { differences, snapshotFace, textOf, tupleFace } from "./walk-face.ts";
import { walkGraph } from "./walk-graph.ts";
import { ReferenceSaver } from "./walk-reference.ts";
import type { WalkSavers } from "./walk-savers.ts";
import { takeStep, type World } from "./walk-steps.ts";

/**
 * The same walk twice: on a saver in memory and on ours, each with ids of its own. What each step returned and what is
 * stored must be the same but for the names of the ids. In memory nothing is pruned, it is only not looked at: what a
 * thread goes on to do must not need what ours deleted.
 */
export async function walkApart(seed: number, steps: number, savers: WalkSavers): Promise<void> {
  const memory = new ReferenceSaver();
  const inMemory = worldOf(seed, {
    saver: () => memory,
    copyThread: async (source, target) => memory.copyThread(source, target),
    prune: async () => {},
  });
  const inPostgres = worldOf(seed, {
    saver: () => savers.choose(),
    copyThread: (source, target) => savers.owner().copyThread(source, target),
    async prune(thread_id, keepLast) {
      await savers.owner().prune({ thread_ids: [thread_id], keepLast });
    },
  });
  const choices = createDice(seed + 1);
  const kinds: string[] = [];
  for (let step = 0; step < steps; step += 1) {
    try {
      await savers.begin(choices, inPostgres.world.thread_id);
      const expected = await takeStep(inMemory.start(), step);
      const { kind, outcome } = await takeStep(inPostgres.start(), step);
      kinds.push(kind);
      await savers.end();
      const [returned, wanted] = [outcomeText(outcome), outcomeText(expected.outcome)];
      if (returned !== wanted) mustEqual(`what "${kind}" returned`, [returned], [wanted]);
      if (step % 4 !== 3 && step !== steps - 1) continue;
      // Parsed: two keys that differ by their ids alone are in nobody's order. The values of channels stay texts.
      mustEqual("what is stored", JSON.parse(await inPostgres.picture()), JSON.parse(await inMemory.picture()));
    } catch (error) {
      const message = `seed ${seed}, step ${step} after ${kinds.join(", ")}: ${(error as Error).message}`;
      throw new Error(message, { cause: error });
    }
  }
}

interface Storage {
  saver(): BaseCheckpointSaver;
  copyThread(source: string, target: string): Promise<void>;
  prune(thread_id: string, keepLast: number): Promise<void>;
}

/** A world that can be started anew for each step: its graph is compiled again, as in another process. */
function worldOf(seed: number, storage: Storage) {
  const rootIds = async (thread_id: string) => {
    const tuples = await collect(storage.saver().list({ configurable: { thread_id, checkpoint_ns: "" } }));
    return tuples.map(({ checkpoint }) => checkpoint.id).sort();
  };
  let oldest = "";
  const visible = async (thread_id: string) => (await rootIds(thread_id)).filter((id) => id >= oldest);
  const world: World = {
    graph: walkGraph(storage.saver(), { stormy: false }),
    weather: { stormy: false },
    thread_id: `walk-apart-${seed}`,
    dice: createDice(seed),
    checkpointIds: () => visible(world.thread_id),
    copyThread: storage.copyThread,
    async prune(keepLast) {
      oldest = (await visible(world.thread_id)).at(-keepLast) ?? oldest;
      await storage.prune(world.thread_id, keepLast);
    },
  };
  return {
    world,
    start(): World {
      world.graph = walkGraph(storage.saver(), world.weather);
      return world;
    },
    async picture(): Promise<string> {
      if (oldest === "") return await picture(storage.saver(), world.thread_id);
      return await states(world, await visible(world.thread_id));
    },
  };
}

/** These states as the graph shows them, with those of subgraphs, as text in which the ids are numbers. */
async function states(world: World, ids: readonly string[]): Promise<string> {
  const shown: unknown[] = [];
  for (const checkpoint_id of ids) {
    const config = { configurable: { thread_id: world.thread_id, checkpoint_ns: "", checkpoint_id } };
    shown.push(snapshotFace(await world.graph.getState(config, { subgraphs: true })));
  }
  return renamed(JSON.stringify(sortedDeep(shown), (key, value) => (key === "createdAt" ? undefined : value)));
}

function mustEqual(what: string, actual: unknown, expected: unknown): void {
  const found = differences(actual, expected);
  if (found.length > 0) throw new Error(`${what}: ${found.slice(0, 6).join("; ")}`);
}

/** The questions of parallel tasks come in the order in which these paused, which is in nobody's hands. */
function outcomeText(outcome: unknown): string {
  const questions: unknown = Object(outcome)["__interrupt__"];
  if (!Array.isArray(questions)) return renamed(textOf(outcome));
  return renamed(
    textOf({ ...(outcome as object), __interrupt__: questions.toSorted(byText((one) => textOf(one.value))) }),
  );
}

const byText =
  <Item>(textOfItem: (item: Item) => string) =>
  (a: Item, b: Item) =>
    textOfItem(a) < textOfItem(b) ? -1 : Number(textOfItem(a) > textOfItem(b));

/** Everything a saver has of a thread, as text in which the ids are numbers. */
async function picture(saver: BaseCheckpointSaver, thread_id: string): Promise<string> {
  const tuples = await collect(saver.list({ configurable: { thread_id } }));
  const namespaces = Map.groupBy(tuples, ({ config }) => String(config.configurable?.["checkpoint_ns"]));
  const texts = new Map([...namespaces].map(([checkpoint_ns, listed]) => [checkpoint_ns, namespaceText(listed)]));
  // Namespaces are named by ids of tasks: each comes where its parent does, by the checkpoint it started from, by the
  // order in which that names the tasks, and by what it holds. Those of one task that are the same come as they were made.
  const placeOf = (checkpoint_ns: string): string => {
    if (checkpoint_ns === "") return "";
    const parent = checkpoint_ns.slice(0, Math.max(0, checkpoint_ns.lastIndexOf("|")));
    const first = namespaces.get(checkpoint_ns)?.at(-1);
    const started = namespaces
      .get(parent)
      ?.findIndex(({ checkpoint }) => checkpoint.id === first?.metadata?.parents?.[parent]);
    const named = texts.get(parent)?.indexOf(checkpoint_ns.slice(checkpoint_ns.lastIndexOf(":") + 1));
    const content = renamed(`${checkpoint_ns} ${texts.get(checkpoint_ns)}`);
    return [placeOf(parent), padded(started), padded(named), content, first?.checkpoint.id].join(" ");
  };
  const ordered = [...texts.keys()].map((checkpoint_ns) => ({ checkpoint_ns, place: placeOf(checkpoint_ns) }));
  ordered.sort((a, b) => (a.place < b.place ? -1 : 1));
  return renamed(
    JSON.stringify(ordered.map(({ checkpoint_ns }) => [checkpoint_ns, JSON.parse(texts.get(checkpoint_ns) ?? "[]")])),
  );
}

const padded = (position: number | undefined) => String((position ?? -1) + 1).padStart(12, "0");

/** The checkpoints of a namespace, the oldest first, without the times. */
function namespaceText(tuples: readonly CheckpointTuple[]): string {
  const faces = tuples.map((tuple) => {
    const face = tupleFace(tuple);
    if (typeof face === "string") return face;
    const { checkpoint, values, writes, ...rest } = face;
    const { ts: _, ...stored } = checkpoint;
    const versioned = Object.entries(values).filter(([channel]) => channel in checkpoint.channel_versions);
    // Answers by id are stored without a path, and so in the order of the ids of their tasks.
    const [answers, others] = [true, false].map((answer) =>
      writes.filter(([, channel]) => (channel === RESUME) === answer),
    );
    const ordered = [...(answers ?? []).toSorted(byText((write) => write[2] ?? "")), ...(others ?? [])];
    return sortedDeep({ ...rest, writes: ordered, checkpoint: stored, values: Object.fromEntries(versioned) });
  });
  return JSON.stringify(faces.reverse());
}

/**
 * Fields in the order of their names, without the ids in these: the texts of values, in which the order counts, are
 * texts already.
 */
function sortedDeep(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedDeep);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(byText(([key]) => key.replace(IDS, "")))
      .map(([key, inner]) => [key, sortedDeep(inner)]),
  );
}

const IDS = /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|\b[0-9a-f]{32}\b/g;

/** The text with each id replaced by a number, the same id by the same number. */
function renamed(text: string): string {
  const names = new Map<string, string>();
  return text.replace(IDS, (id) => {
    const name = names.get(id) ?? `#${names.size}`;
    names.set(id, name);
    return name;
  });
}
