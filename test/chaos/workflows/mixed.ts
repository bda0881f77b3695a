import {
  Annotation,
  END,
  interrupt,
  type LangGraphRunnableConfig,
  Send,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { effect, guarded, review } from "holdpoint";
import { z } from "zod";

type Config = LangGraphRunnableConfig;
type Kind = "read" | "idempotent" | "once";

const list = () => Annotation<string[]>({ reducer: (before, after) => [...before, ...after], default: () => [] });
const latest = <Value>(fallback: Value) =>
  Annotation<Value>({ reducer: (_before, after) => after, default: () => fallback });

const State = Annotation.Root({
  turn: latest(0),
  road: latest("straight"),
  width: latest(0),
  log: list(),
  inner: latest<string[]>([]),
});
type S = typeof State.State;

// Who dies in the middle leaves a question, which is asked when this is over.
const ONCE_MS = 5_000;

/** One call of the world outside, which counts it; what it answered is in the log. */
async function call(kind: Kind, name: string, { turn }: { turn: number }, { configurable }: Config): Promise<string> {
  const id = `${configurable?.["thread_id"]}/${turn}/${name}`;
  const { nonce } = await effect({
    name,
    kind,
    args: { call: id },
    ...(kind === "once" ? { timeout_ms: ONCE_MS } : {}),
    run: async ({ effect_id, signal }) => {
      const body = JSON.stringify({ call: id, kind, effect_id });
      const response = await fetch(process.env["CHAOS_WORLD_URL"] as string, { method: "POST", body, signal });
      return (await response.json()) as { nonce: string };
    },
  });
  return `${turn}.${name}=${nonce}`;
}

const calling = (kind: Kind, name: string) => async (state: S, config: Config) => ({
  log: [await call(kind, name, state, config)],
});
const saying =
  (word: string) =>
  ({ turn }: S) => ({ log: [`${turn}.${word}`] });

interface Part {
  turn: number;
  part: number;
}

const part = async (given: Part, config: Config) => ({
  log: [await call("idempotent", `part-${given.part}`, given, config)],
});
const parts = ({ turn, width }: S) =>
  Array.from({ length: width }, (_, index) => new Send("part", { turn, part: index }));

/** No questions: two roads, a fan-out, and an effect of each kind. */
export const errand = new StateGraph(State)
  .addNode("look", calling("read", "look"))
  .addNode("note", calling("idempotent", "note"))
  .addNode("part", part as never)
  .addNode("gather", saying("gathered"))
  .addNode("stamp", calling("once", "stamp"))
  .addEdge(START, "look")
  .addConditionalEdges("look", (state: S) => (state.road === "split" ? parts(state) : "note"), ["note", "part"])
  .addEdge("part", "gather")
  .addEdge("note", "stamp")
  .addEdge("gather", "stamp")
  .addEdge("stamp", END)
  .compile({ name: "errand" });

const schema = z.object({ amount: z.number().min(1).max(1000) });

async function ask(title: string, { turn }: { turn: number }): Promise<string> {
  const [decision] = await review({ key: title, title, actions: [{ name: title, args: { amount: 5 }, schema }] });
  return `${turn}.${title}=${decision.type}${decision.type === "edit" ? `:${decision.args.amount}` : ""}`;
}

const asking = (title: string) => async (state: S) => ({ log: [await ask(title, state)] });

const delivery = new StateGraph(State)
  .addNode("pack", calling("idempotent", "pack"))
  .addNode("confirm", asking("confirm"))
  .addEdge(START, "pack")
  .addEdge("pack", "confirm")
  .addEdge("confirm", END)
  .compile();

/** Two reviews at the same time, an effect that happens once, and another review inside a subgraph. */
export const approval = guarded(
  new StateGraph(State)
    .addNode("propose", saying("proposed"))
    .addNode("left", asking("left"))
    .addNode("right", asking("right"))
    .addNode("weigh", saying("weighed"))
    .addNode("settle", calling("once", "settle"))
    .addNode("refuse", saying("refused"))
    .addNode("deliver", async ({ turn }: S) => {
      const { log } = await delivery.invoke({ turn, log: [] });
      return { log };
    })
    .addNode("finish", calling("idempotent", "finish"))
    .addEdge(START, "propose")
    .addEdge("propose", "left")
    .addEdge("propose", "right")
    .addEdge(["left", "right"], "weigh")
    .addConditionalEdges(
      "weigh",
      ({ log }: S) => (log.some((line) => line.endsWith("=reject")) ? "refuse" : "settle"),
      ["refuse", "settle"],
    )
    .addEdge("settle", "deliver")
    .addEdge("refuse", "deliver")
    .addEdge("deliver", "finish")
    .addEdge("finish", END)
    .compile({ name: "approval" }),
);

const Inner = Annotation.Root({ turn: latest(0), inner: list() });
type I = typeof Inner.State;

const interview = new StateGraph(Inner)
  .addNode("prepare", async (state: I, config: Config) => ({
    inner: [await call("idempotent", "prepare", state, config)],
  }))
  .addNode("ask", ({ turn }: I) => ({ inner: [`${turn}.three=${interrupt<string, string>("three")}`] }))
  .addEdge(START, "prepare")
  .addEdge("prepare", "ask")
  .addEdge("ask", END)
  .compile();

/** Plain questions: two of one node behind an effect and one beside it, one inside a subgraph, then a fan-out. */
export const survey = new StateGraph(State)
  .addNode("open", async (state: S, config: Config) => {
    const opened = await call("idempotent", "open", state, config);
    const one = interrupt<string, string>("one");
    const two = interrupt<string, string>("two");
    return { log: [opened, `${state.turn}.one=${one}`, `${state.turn}.two=${two}`] };
  })
  .addNode("other", async (state: S, config: Config) => {
    const four = interrupt<string, string>("four");
    // Takes so long that a kill often comes when the node beside it has read its answer and asked its next question.
    return { log: [`${state.turn}.four=${four}`, await call("idempotent", "slow", state, config)] };
  })
  .addNode("interview", interview)
  .addNode("write", ({ inner }: S) => ({ log: inner }))
  .addNode("part", part as never)
  .addNode("close", calling("read", "close"))
  .addEdge(START, "open")
  .addEdge(START, "other")
  .addEdge(["open", "other"], "interview")
  .addEdge("interview", "write")
  .addConditionalEdges("write", parts, ["part"])
  .addEdge("part", "close")
  .addEdge("close", END)
  .compile({ name: "survey" });
