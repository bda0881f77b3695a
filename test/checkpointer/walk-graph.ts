import { HumanMessage } from "@langchain/core/messages";
import { type BaseCheckpointSaver, Command, END, interrupt, Send, START, StateGraph } from "@langchain/langgraph";
import { Board, type BoardState, type BoardUpdate, longText, mixedValue, reply, windowAfter } from "./walk-state.ts";
import { asking, nestedGraph, statefulGraph, throwIn, type Weather, zodGraph } from "./walk-subgraphs.ts";

/** The nodes that `updateState` may speak for. */
export const BOARD_NODES = ["open", "part", "ask", "left", "right", "join", "late", "risky", "jump", "tail"] as const;

/** A graph that writes to every type of channel from parallel tasks, pauses, fails, jumps and has subgraphs. */
export function walkGraph(checkpointer: BaseCheckpointSaver, weather: Weather) {
  const called = nestedGraph(weather);
  return new StateGraph(Board)
    .addNode("open", open)
    .addNode("part", writePart)
    .addNode("ask", ask)
    .addNode("left", ({ plan }) => ({ log: [`left ${plan.turn}`], index: { left: `${plan.turn}` } }))
    .addNode("right", ({ plan }) => ({ log: [`right ${plan.turn}`], any: `right ${plan.turn}` }))
    .addNode("join", ({ plan, log }) => ({ log: [`join ${plan.turn} after ${log.length}`] }))
    .addNode("late", ({ plan, log }) => ({ notes: [`late ${plan.turn} after ${log.length}`] }), { defer: true })
    .addNode("risky", ({ plan }) => {
      throwIn(weather, plan);
      return { log: [`calm ${plan.turn}`], notes: [`calm ${plan.turn}`] };
    })
    .addNode("brittle", breakDown, {
      errorHandler: ({ plan }: BoardState) => ({ log: [`mended ${plan.turn}`] }),
    })
    .addNode("jump", ({ plan }) => jump(plan.turn), { ends: ["part", "tail"] })
    .addNode("nested", nestedGraph(weather))
    .addNode("twin", nestedGraph(weather))
    .addNode("stateful", statefulGraph(weather))
    .addNode("typed", zodGraph())
    .addNode("caller", async ({ plan, messages }, config) => {
      const first = await called.invoke({ plan, messages: messages.slice(-1) }, config);
      const second = await called.invoke({ plan, trail: ["second call"] }, config);
      return { log: [`called ${first.trail.length} ${second.trail.length}`], messages: first.messages.slice(-1) };
    })
    .addNode("tail", tail, { defer: true })
    .addEdge(START, "open")
    .addConditionalEdges("open", targetsOf)
    .addEdge(["left", "right"], "join")
    .addEdge(["left", "right"], "late")
    .addEdge("part", "tail")
    .addEdge("ask", "tail")
    .addEdge("join", "tail")
    .addEdge("risky", "tail")
    .addEdge("nested", "tail")
    .addEdge("stateful", "tail")
    .addEdge("typed", "tail")
    .addEdge("caller", "tail")
    .addEdge("tail", END)
    .compile({ checkpointer });
}

export type WalkGraph = ReturnType<typeof walkGraph>;

function open(state: BoardState): BoardUpdate {
  const { plan, messages, shelf } = state;
  const { turn } = plan;
  return {
    messages: [reply(`open-${turn}-${messages.length}`, `opening ${turn}`)],
    document: { title: `turn ${turn}`, text: longText(`document ${turn}`, plan.big), parts: [`${messages.length}`] },
    window: windowAfter(state.window, plan),
    cabinet: {
      ...state.cabinet,
      [`drawer-${turn % 5}`]: { shelf: Object.keys(shelf), text: longText(`${turn}`, 300) },
    },
    shelf: plan.shelf,
    log: [`open ${turn}: ${state.flash ?? "no flash"}, ${(state.news ?? []).join("+")}, ${state.any ?? "none"}`],
    notes: [`opened ${turn}`],
    passing: `passing ${turn}`,
    ...(turn % 3 === 0 ? { mixed: mixedValue(turn) } : {}),
  };
}

function targetsOf({ plan }: BoardState) {
  const { turn, targets } = plan;
  const send = (node: string, count: number) =>
    Array.from({ length: count }, (_, index) => new Send(node, { plan, log: [`${index}`], passing: "not kept" }));
  const chosen = targets.flatMap<string | Send>((target) => (target === "twins" ? send("twin", 2) : [target]));
  const all: (string | Send)[] = [...send("part", plan.parts), ...send("ask", plan.askers), ...chosen];
  return all.length === 0 ? [`tail`, ...(turn % 2 === 0 ? [] : ["join"])] : all;
}

/** One of several parallel tasks: to every channel that takes several values in a step. */
function writePart({ plan, log }: BoardState): BoardUpdate {
  const name = `${plan.turn}.${log.at(-1)}`;
  return {
    log: [`part ${name}`],
    messages: [new HumanMessage({ id: `part-${name}`, content: longText(`part ${name}`, 200) })],
    shelf: plan.shelf.map((edit) => ({ ...edit, text: `${edit.text} by ${name}` })),
    topic: [`topic ${name}`, longText(name, 120)],
    news: `news ${name}`,
    once: [`once ${plan.turn % 3}`, "always"],
    flash: `flash ${name}`,
    any: `any ${name}`,
    passing: `passing ${name}`,
    notes: [`note ${name}`],
    index: { [`part-${log.at(-1)}`]: name, [`turn-${plan.turn % 4}`]: longText(name, 80) },
    chat: [new HumanMessage({ id: `chat-${plan.turn % 6}-${log.at(-1)}`, content: name })],
  };
}

function ask({ plan, log }: BoardState): BoardUpdate {
  const answers = asking(`${plan.turn}.${log.at(-1)}`, plan.questions);
  return { log: [`answers ${JSON.stringify(answers)}`], notes: answers.map(String), shelf: plan.shelf };
}

/** Fails every other turn, whatever the weather; its handler goes on. */
function breakDown({ plan }: BoardState): BoardUpdate {
  throwIn({ stormy: plan.turn % 2 === 0 }, plan);
  return { log: [`whole ${plan.turn}`] };
}

function jump(turn: number): Command<unknown, BoardUpdate, "part" | "tail"> {
  const send = new Send("part", { plan: { turn, shelf: [] }, log: ["jumped"] });
  return new Command({
    update: { log: [`jump ${turn}`], chat: [reply(`jump-${turn}`, "jumped")] },
    goto: turn % 2 === 0 ? ["tail"] : [send, "tail"],
  });
}

function tail({ plan, log, news, shelf }: BoardState): BoardUpdate {
  const asked = plan.turn % 5 === 4 ? interrupt({ last: plan.turn }) : "nothing";
  return {
    log: [`tail ${log.length} ${JSON.stringify(asked)} ${(news ?? []).length}`],
    document: { title: `end of ${plan.turn}`, text: Object.keys(shelf).join(), parts: [] },
  };
}
