import { AIMessage, type BaseMessage, HumanMessage, RemoveMessage } from "@langchain/core/messages";
import {
  Annotation,
  type BaseCheckpointSaver,
  Command,
  DeltaChannel,
  END,
  interrupt,
  MessagesAnnotation,
  Send,
  START,
  StateGraph,
  type StateSnapshot,
} from "@langchain/langgraph";

const appendAll = (state: string[], writes: unknown[]) => [...state, ...writes.flat().map(String)];

const State = Annotation.Root({
  ...MessagesAnnotation.spec,
  log: Annotation<string[]>({ reducer: (before, added) => [...before, ...added], default: () => [] }),
  document: Annotation<{ title: string; text: string }>(),
  turn: Annotation<number>(),
  ask: Annotation<boolean>(),
  notes: () => new DeltaChannel<string[]>(appendAll, { snapshotFrequency: 7, initialValueFactory: () => [] }),
});

const longText = (seed: string) => `${seed} `.repeat(90);

/** A graph with everything that moves state: messages, lists, a big value, a delta channel, a fan-out, a pause. */
export function walkGraph(checkpointer: BaseCheckpointSaver) {
  return new StateGraph(State)
    .addNode("draft", ({ turn, messages }) => ({
      messages: [new AIMessage({ id: `draft-${turn}-${messages.length}`, content: longText(`draft ${turn}`) })],
      document: { title: `turn ${turn}`, text: longText(`document ${turn} after ${messages.length}`) },
      log: [`draft ${turn}`],
      notes: [`drafted ${turn}`],
    }))
    .addNode("part", ({ turn, log }) => ({ log: [`part ${log.at(-1)}`], notes: [`part of ${turn}: ${log.length}`] }))
    .addNode("check", ({ ask, turn }) => {
      const answer = ask ? interrupt({ question: `turn ${turn}?` }) : "not asked";
      return { log: [`answer ${JSON.stringify(answer)}`], ask: false, notes: [`checked ${turn}`] };
    })
    .addNode("finish", ({ log, messages }) => ({ log: [`finish ${log.length} ${messages.length}`] }))
    .addEdge(START, "draft")
    .addConditionalEdges("draft", ({ turn }) =>
      turn % 3 === 0 ? [0, 1, 2].map((part) => new Send("part", { turn, log: [`${part}`] })) : "check",
    )
    .addEdge("part", "check")
    .addEdge("check", "finish")
    .addEdge("finish", END)
    .compile({ checkpointer });
}

type WalkGraph = ReturnType<typeof walkGraph>;

/** A small seeded generator: the same walk for the same seed. */
export function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** One step of a walk, chosen without looking at ids, so that it means the same for every saver. */
export interface Step {
  kind: "turn" | "fork" | "edit" | "remove" | "replay" | "resume";
  turn: number;
  /** How far back in the history, as a fraction. */
  back: number;
}

/** The steps of a seed. */
export function walkSteps(seed: number, count: number): Step[] {
  const random = seeded(seed);
  const kinds = ["turn", "turn", "turn", "fork", "edit", "remove", "replay", "resume"] as const;
  return Array.from({ length: count }, (_, turn) => ({
    kind: kinds[random(kinds.length)]!,
    turn,
    back: random(1000) / 1000,
  }));
}

/** Takes a step and tells what the graph returned, or how it refused. */
export async function takeStep(graph: WalkGraph, thread_id: string, step: Step): Promise<unknown> {
  const head = { configurable: { thread_id } };
  const history = await historyOf(graph, thread_id);
  const past = history[Math.floor(step.back * history.length)]?.config ?? head;
  const { turn } = step;
  const input = {
    messages: [new HumanMessage({ id: `human-${turn}`, content: longText(`question ${turn}`) })],
    turn,
    ask: turn % 4 === 1,
    notes: [`asked ${turn}`],
  };
  const act = async (): Promise<unknown> => {
    switch (step.kind) {
      case "turn":
        return await graph.invoke(input, head);
      case "fork":
        return await graph.invoke(input, past);
      case "replay":
        return await graph.invoke(null, past);
      case "resume":
        return await graph.invoke(new Command({ resume: `yes ${turn}` }), head);
      case "edit":
        await graph.updateState(past, {
          log: [`edited ${turn}`],
          document: { title: "edited", text: longText(`edit ${turn}`) },
        });
        return await graph.invoke(null, head);
      case "remove": {
        const messages = ((await graph.getState(head)).values["messages"] ?? []) as BaseMessage[];
        const victim = messages[Math.floor(step.back * messages.length)];
        if (victim?.id === undefined) return "nothing to remove";
        await graph.updateState(head, { messages: [new RemoveMessage({ id: victim.id })] });
        return "removed";
      }
    }
  };
  try {
    return comparable(await act());
  } catch (error) {
    return `refused: ${(error as Error).name}`;
  }
}

const historyOf = (graph: WalkGraph, thread_id: string) =>
  collect(graph.getStateHistory({ configurable: { thread_id } }));

/** All that a generator yields. */
export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected: Item[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

/**
 * Everything a client can see of a thread, with the ids of this saver replaced by their order. With `singly` each
 * checkpoint is also read by itself, which takes another way through the saver than a list.
 */
export async function picture(graph: WalkGraph, thread_id: string, { singly = false } = {}): Promise<unknown> {
  const history = await historyOf(graph, thread_id);
  const order = new Map(history.map((one, index) => [one.config.configurable?.["checkpoint_id"], index]));
  const shown = (snapshot: StateSnapshot) => ({
    values: comparable(snapshot.values),
    next: snapshot.next,
    source: snapshot.metadata?.source,
    step: snapshot.metadata?.step,
    parent: order.get(snapshot.parentConfig?.configurable?.["checkpoint_id"]),
    tasks: snapshot.tasks.map(({ name, interrupts, result }) => ({
      name,
      interrupts: interrupts.map(({ value }) => value),
      result: comparable(result ?? null),
    })),
  });
  const states = singly ? await Promise.all(history.map(({ config }) => graph.getState(config))) : [];
  return {
    head: shown(await graph.getState({ configurable: { thread_id } })),
    history: history.map(shown),
    states: states.map(shown),
  };
}

/** Messages as what they serialise to; everything else as it is. */
function comparable(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value ?? null, (key, item) =>
      key === "__interrupt__" ? (item as { value: unknown }[]).map((one) => one.value) : item,
    ),
  );
}
