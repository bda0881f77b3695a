import { AIMessage } from "@langchain/core/messages";
import {
  Annotation,
  DeltaChannel,
  END,
  interrupt,
  MessagesAnnotation,
  MessagesZodState,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { z } from "zod/v3";
import { editShelf, idlePlan, longText, type Plan, reply } from "./walk-state.ts";

/** What makes nodes throw; switched from outside, because it is not part of the state. */
export interface Weather {
  stormy: boolean;
}

/** A fault that the walk planned. */
class PlannedFault extends Error {
  override readonly name = "PlannedFault";
}

/** Throws while it storms. */
export function throwIn(weather: Weather, plan: Plan): void {
  if (weather.stormy) throw new PlannedFault(`storm in turn ${plan.turn}`);
}

/** Asks as often as told, and gives all answers. */
export function asking(name: string, questions: number): unknown[] {
  return Array.from({ length: questions }, (_, index) => interrupt({ question: `${name}.${index}` }));
}

const Inner = Annotation.Root({
  ...MessagesAnnotation.spec,
  plan: Annotation<Plan>({ reducer: (_, plan) => plan, default: idlePlan }),
  trail: Annotation<string[]>({ reducer: (before, added) => [...before, ...added], default: () => [] }),
});

const appendAll = (state: string[], writes: unknown[]) => [...state, ...writes.flat().map(String)];

/** Without a checkpointer of its own; asks in a graph inside the graph, and once more after it. */
export function nestedGraph(weather: Weather) {
  const deepest = new StateGraph(Inner)
    .addNode("deep", ({ plan, trail }) => {
      const answers = asking(`deep ${plan.turn}`, plan.questions);
      throwIn(weather, plan);
      return {
        trail: [`deep ${plan.turn} ${trail.length} ${answers.join()}`],
        messages: [reply(`deep-${plan.turn}`, `deep ${plan.turn}`)],
      };
    })
    .addEdge(START, "deep")
    .addEdge("deep", END)
    .compile();
  return new StateGraph(Inner)
    .addNode("outer", ({ plan, messages }) => ({ trail: [longText(`outer ${plan.turn} ${messages.length}`, 700)] }))
    .addNode("deeper", deepest)
    .addNode("close", ({ plan, trail }) => {
      const answers = plan.turn % 3 === 0 ? asking(`close ${plan.turn}`, 1) : [];
      const content = longText(`closed with ${trail.length} ${answers.join()}`, 60);
      return { trail: [content], messages: [new AIMessage({ id: `close-${plan.turn}`, content })] };
    })
    .addEdge(START, "outer")
    .addEdge("outer", "deeper")
    .addEdge("deeper", "close")
    .addEdge("close", END)
    .compile();
}

/** Keeps a history of its own from turn to turn. */
export function statefulGraph(weather: Weather) {
  const Kept = Annotation.Root({
    ...Inner.spec,
    ledger: Annotation({ reducer: editShelf, default: () => ({ first: longText("ledger", 1100) }) }),
    echo: () => new DeltaChannel<string[]>(appendAll, { snapshotFrequency: 3, initialValueFactory: () => [] }),
  });
  return new StateGraph(Kept)
    .addNode("remember", ({ plan, trail }) => ({
      trail: [longText(`turn ${plan.turn} after ${trail.length}`, 150)],
      ledger: plan.shelf,
      echo: [`turn ${plan.turn}`],
    }))
    .addNode("confirm", ({ plan, echo }) => {
      throwIn(weather, plan);
      const answers = asking(`confirm ${plan.turn}`, plan.turn % 2);
      return { trail: [`confirmed ${answers.join()} ${echo.length}`], echo: ["confirmed"] };
    })
    .addEdge(START, "remember")
    .addEdge("remember", "confirm")
    .addEdge("confirm", END)
    .compile({ checkpointer: true });
}

/** The same kind of state, described with zod. */
export function zodGraph() {
  const Typed = MessagesZodState.extend({
    plan: z.custom<Plan>().default(idlePlan),
    trail: z.array(z.string()).default(() => []),
  });
  return new StateGraph(Typed)
    .addNode("read", ({ plan, trail = [] }) => ({ trail: [...trail, longText(`read ${plan.turn}`, 1100)] }))
    .addNode("write", ({ plan, trail }) => ({
      messages: [reply(`typed-${plan.turn}`, `${trail.length} ${asking(`typed ${plan.turn}`, plan.turn % 2).join()}`)],
    }))
    .addEdge(START, "read")
    .addEdge("read", "write")
    .addEdge("write", END)
    .compile();
}
