import { HumanMessage, RemoveMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import { Command, END, Overwrite, REMOVE_ALL_MESSAGES, type StateSnapshot } from "@langchain/langgraph";
import { collect } from "../support/collect.ts";
import type { Dice } from "../support/dice.ts";
import { BOARD_NODES, type WalkGraph } from "./walk-graph.ts";
import { type BoardUpdate, longText, type Plan, reply, rollEdits } from "./walk-state.ts";
import type { Weather } from "./walk-subgraphs.ts";

/** Where a walk takes place. */
export interface World {
  graph: WalkGraph;
  readonly weather: Weather;
  /** Another one after the thread was copied: the walk goes on in the copy. */
  thread_id: string;
  readonly dice: Dice;
  /** The ids of the checkpoints of the root, oldest first. */
  checkpointIds(): Promise<string[]>;
  copyThread?(source: string, target: string): Promise<void>;
  /** Deletes all but so many of the newest checkpoints of each namespace. */
  prune?(keepLast: number): Promise<void>;
}

type Act = (world: World, turn: number) => Promise<unknown>;

const DURABILITIES = ["sync", "async", "exit"] as const;
const STREAM_MODES = [["values"], ["updates", "messages"], ["debug"], ["tasks", "checkpoints"], ["custom"]] as const;
const TARGETS = ["left", "risky", "brittle", "jump", "nested", "twins", "stateful", "typed", "caller"] as const;
const SUBGRAPHS = new Set<string>(["nested", "twins", "stateful", "typed", "caller"]);
const WINDOWS = ["append", "append", "shift", "cut", "replace", "prepend", "clear", "object", "keep"] as const;

const head = ({ thread_id }: World): RunnableConfig => ({ configurable: { thread_id, checkpoint_ns: "" } });

async function past(world: World): Promise<RunnableConfig> {
  const ids = await world.checkpointIds();
  if (ids.length === 0) return head(world);
  return { configurable: { ...head(world).configurable, checkpoint_id: world.dice.pick(ids) } };
}

const withDurability = (config: RunnableConfig, dice: Dice) => ({
  ...config,
  durability: dice.pick(DURABILITIES),
  // What a saver under a lease adds to the metadata of the checkpoints.
  metadata: { label: dice.roll(3), nested: { why: "a walk" } },
});

function rollPlan(dice: Dice, turn: number): Plan {
  const targets = Array.from({ length: dice.roll(4) }, () => dice.pick(TARGETS) as string);
  return {
    turn,
    targets: [...new Set(targets.flatMap((target) => (target === "left" ? ["left", "right"] : [target])))],
    parts: dice.pick([0, 0, 1, 3, 5]),
    askers: dice.pick([0, 0, 0, 1, 2]),
    questions: dice.pick([0, 1, 1, 2]),
    shelf: rollEdits(dice, turn),
    window: dice.pick(WINDOWS),
    big: dice.pick([10, 1100, 5000]),
  };
}

const rollInput = (dice: Dice, turn: number): BoardUpdate => ({
  plan: rollPlan(dice, turn),
  messages: [new HumanMessage({ id: `human-${turn}`, content: longText(`question ${turn}`, 200) })],
  notes: [`asked ${turn}`],
  chat: [reply(`chat-${turn}`, `said ${turn}`)],
});

/** Values for `updateState`: some channels each time, now and then all of a channel anew. */
function rollUpdate(dice: Dice, turn: number): BoardUpdate {
  const list = [`edited ${turn}`, longText(`edit ${turn}`, 90)];
  const choices: BoardUpdate[] = [
    { log: list },
    { log: new Overwrite(["overwritten", ...list]) },
    { shelf: rollEdits(dice, turn) },
    { shelf: new Overwrite({ 3: longText(`${turn}`, 1200), b: "b", 1: { one: turn } }) },
    { document: { title: "edited", text: longText(`edit ${turn}`, 2000), parts: list } },
    { window: dice.pick([list, [...list, longText("more", 1500)], { ...list }, longText("text", 1300), null]) },
    { cabinet: { "drawer-1": { text: longText(`edit ${turn}`, 1100) }, 7: "seven" } },
    { messages: [reply(`open-${turn - 1}-1`, `edited ${turn}`)] },
    { notes: list },
    { notes: new Overwrite([`overwritten ${turn}`]) },
    { index: { [`edit-${turn % 3}`]: `${turn}` } },
    { index: new Overwrite({ only: `${turn}` }) },
    { chat: [new HumanMessage({ id: `chat-${turn - 1}`, content: `edited ${turn}` })] },
    { topic: list, once: list, news: list },
    { any: `edit ${turn}`, flash: `edit ${turn}`, passing: `edit ${turn}` },
  ];
  return Object.assign({}, ...Array.from({ length: 1 + dice.roll(3) }, () => dice.pick(choices)));
}

const invoke = async (world: World, input: unknown, config: RunnableConfig): Promise<unknown> =>
  await world.graph.invoke(input as BoardUpdate, withDurability(config, world.dice));

const paused = (world: World): Promise<StateSnapshot> => world.graph.getState(head(world), { subgraphs: true });

/** The questions that are open, however deep they were asked. */
async function questionsOf(world: World): Promise<string[]> {
  const { tasks } = await paused(world);
  return [...new Set(tasks.flatMap(({ interrupts }) => interrupts.map(({ id }) => id ?? "")))];
}

async function stream(world: World, turn: number): Promise<unknown> {
  const { dice, graph } = world;
  const streamMode = [...dice.pick(STREAM_MODES)];
  const options = { ...withDurability(head(world), dice), streamMode, subgraphs: dice.roll(2) === 0 };
  const chunks = await collect(await graph.stream(rollInput(dice, turn), options));
  return chunks.length;
}

async function remove(world: World): Promise<unknown> {
  const { dice, graph } = world;
  const { values } = await graph.getState(head(world));
  const messages = (values as { messages?: { id?: string }[] }).messages ?? [];
  if (messages.length === 0) return "nothing to remove";
  const id = dice.roll(4) === 0 ? REMOVE_ALL_MESSAGES : dice.pick(messages).id;
  const removal = [new RemoveMessage({ id: id ?? "none" })];
  return await graph.updateState(
    head(world),
    dice.roll(2) === 0 ? { messages: removal } : { messages: removal, chat: removal },
    "open",
  );
}

async function edit(world: World, turn: number): Promise<unknown> {
  const { dice, graph } = world;
  const config = dice.roll(2) === 0 ? head(world) : await past(world);
  switch (dice.roll(10)) {
    case 0:
      return await graph.updateState(config, null, END);
    case 1: {
      const [oldest] = await world.checkpointIds();
      const chosen = dice.roll(3) > 0 ? config : { configurable: { ...config.configurable, checkpoint_id: oldest } };
      return await graph.updateState(chosen, null, "__copy__");
    }
    case 2:
      return await graph.updateState(config, rollInput(dice, turn), "__input__");
    case 3:
      return await graph.updateState(config, null);
    case 4:
      return await graph.updateState(config, rollUpdate(dice, turn));
    default:
      return await graph.updateState(config, rollUpdate(dice, turn), dice.pick(BOARD_NODES));
  }
}

async function editInBulk(world: World, turn: number): Promise<unknown> {
  const { dice, graph } = world;
  const config = dice.roll(2) === 0 ? head(world) : await past(world);
  const supersteps = Array.from({ length: 1 + dice.roll(3) }, () => ({
    updates: Array.from({ length: 1 + dice.roll(3) }, () => ({
      values: { notes: [`bulk ${turn}`], log: [`bulk ${turn}`], ...rollUpdate(dice, turn) },
      asNode: dice.pick(BOARD_NODES),
    })),
  }));
  return await graph.bulkUpdateState(config, supersteps);
}

/** The stored states of the subgraphs that wait, however deep they are. */
function innerStates({ tasks }: StateSnapshot): StateSnapshot[] {
  return tasks.flatMap(({ state }) => {
    if (state === undefined || !("values" in state)) return [];
    return [...(state.config.configurable?.["checkpoint_id"] ? [state] : []), ...innerStates(state)];
  });
}

/** Edits the state of a subgraph that waits, or goes on from where it was. */
async function inSubgraph(world: World, turn: number): Promise<unknown> {
  const { dice, graph } = world;
  const inner = innerStates(await paused(world));
  if (inner.length === 0) return "no subgraph waits";
  const { thread_id, checkpoint_ns, checkpoint_id, checkpoint_map } = dice.pick(inner).config.configurable ?? {};
  const config = { configurable: { thread_id, checkpoint_ns, checkpoint_id, checkpoint_map } };
  if (dice.roll(2) === 0) return await graph.updateState(config, { trail: [longText(`edited ${turn}`, 500)] });
  return await invoke(world, null, config);
}

async function resumeByIds(world: World, turn: number): Promise<unknown> {
  const { dice } = world;
  const ids = await questionsOf(world);
  const answered = dice.roll(2) === 0 ? ids : ids.slice(dice.roll(ids.length + 1));
  const resume = Object.fromEntries(answered.map((id, index) => [id, `by id ${turn}.${index}`]));
  return await invoke(world, new Command({ resume }), head(world));
}

/**
 * A turn in which nodes throw. A subgraph is alone in it: the engine does not wait for the other tasks of a superstep
 * when one has failed, and what a subgraph goes on storing then is in nobody's order.
 */
async function inStorm(world: World, turn: number): Promise<unknown> {
  const { dice, weather } = world;
  const input = rollInput(dice, turn);
  const plan = input.plan as Plan;
  const alone = dice.roll(2) === 0;
  const targets = alone
    ? [dice.pick(["nested", "stateful", "caller"])]
    : [...new Set([...plan.targets.filter((target) => !SUBGRAPHS.has(target)), "risky", "brittle"])];
  weather.stormy = true;
  try {
    const parts = alone ? 0 : plan.parts;
    return await invoke(
      world,
      { ...input, plan: { ...plan, targets, parts, askers: alone ? 0 : plan.askers } },
      head(world),
    );
  } finally {
    weather.stormy = false;
  }
}

async function stopAt(world: World, turn: number): Promise<unknown> {
  const { dice, graph } = world;
  const where = dice.roll(5) === 0 ? "*" : [dice.pick(BOARD_NODES)];
  const options = dice.roll(2) === 0 ? { interruptBefore: where } : { interruptAfter: where };
  const config = { ...withDurability(head(world), dice), ...options } as RunnableConfig;
  return await graph.invoke(dice.roll(3) === 0 ? null : rollInput(dice, turn), config);
}

async function copy(world: World, turn: number): Promise<unknown> {
  if (world.copyThread === undefined) return "not copied";
  const target = `${world.thread_id}-copy-${turn}`;
  await world.copyThread(world.thread_id, target);
  world.thread_id = target;
  return "copied";
}

async function prune(world: World): Promise<unknown> {
  await world.prune?.(1 + world.dice.roll(6));
  return "pruned";
}

const command = (dice: Dice, turn: number, resume?: unknown) =>
  new Command({
    ...(resume === undefined ? {} : { resume }),
    update: rollUpdate(dice, turn),
    ...(dice.roll(2) === 0 ? {} : { goto: dice.pick(BOARD_NODES) }),
  });

/** Each kind of step as often as its weight says. */
const KINDS: readonly { kind: string; weight: number; act: Act }[] = [
  { kind: "turn", weight: 6, act: (world, turn) => invoke(world, rollInput(world.dice, turn), head(world)) },
  { kind: "stream", weight: 3, act: stream },
  { kind: "go on", weight: 3, act: (world) => invoke(world, null, head(world)) },
  {
    kind: "fork",
    weight: 3,
    act: async (world, turn) => invoke(world, rollInput(world.dice, turn), await past(world)),
  },
  { kind: "replay", weight: 3, act: async (world) => invoke(world, null, await past(world)) },
  {
    kind: "resume",
    weight: 4,
    act: (world, turn) => invoke(world, new Command({ resume: `yes ${turn}` }), head(world)),
  },
  { kind: "resume by ids", weight: 4, act: resumeByIds },
  {
    kind: "resume and update",
    weight: 2,
    act: (world, turn) => invoke(world, command(world.dice, turn, `yes ${turn}`), head(world)),
  },
  {
    kind: "resume in the past",
    weight: 1,
    act: async (world, turn) => invoke(world, new Command({ resume: `late ${turn}` }), await past(world)),
  },
  { kind: "command", weight: 2, act: (world, turn) => invoke(world, command(world.dice, turn), head(world)) },
  { kind: "edit", weight: 5, act: edit },
  { kind: "edit in bulk", weight: 2, act: editInBulk },
  { kind: "remove", weight: 2, act: remove },
  { kind: "in a subgraph", weight: 4, act: inSubgraph },
  { kind: "storm", weight: 2, act: inStorm },
  { kind: "breakpoint", weight: 2, act: stopAt },
  { kind: "copy", weight: 1, act: copy },
  { kind: "prune", weight: 1, act: prune },
];

const BAG = KINDS.flatMap((kind) => Array.from({ length: kind.weight }, () => kind));

/** Refusals of the engine, and faults that were planned. Whatever else is thrown ends the walk. */
const REFUSALS = ["PlannedFault", "InvalidUpdateError", "EmptyInputError", "GraphRecursionError", "GraphValueError"];
const REFUSAL_MESSAGES = /^(Attempting to delete a message|When there are multiple pending interrupts)/;

/** Takes the next step, and tells what it was and what came of it. The first one always is a turn. */
export async function takeStep(world: World, turn: number): Promise<{ kind: string; outcome: unknown }> {
  const { kind, act } = turn === 0 ? KINDS[0]! : world.dice.pick(BAG);
  try {
    return { kind, outcome: await act(world, turn) };
  } catch (error) {
    const { name, message } = error as Error;
    if (!REFUSALS.includes(name) && !REFUSAL_MESSAGES.test(message)) {
      throw new Error(`a step that is "${kind}" failed: ${message}`, { cause: error });
    }
    return { kind, outcome: `${name}: ${message}` };
  }
}
