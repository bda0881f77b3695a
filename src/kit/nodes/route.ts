import { Command } from "@langchain/langgraph";
import { HoldpointError } from "../../protocol/errors.ts";
import type { TrailEntry } from "../../protocol/trail.ts";
import { type NamesOf, refuseUnknown } from "../known-options.ts";
import { type ChoosingNode, choosing, currentNode } from "../node.ts";
import { type ClassifierOptions, classify } from "./classify.ts";

/** Which way it goes, why, in a sentence for a record, and what was found out on the way. */
export interface Chosen<Route extends string, Update = object> {
  to: Route;
  reason: string;
  update?: Update;
}

/** A way by rules. */
export interface ConditionOptions<State, Route extends string, Update = object> {
  /** The nodes that may come next, or "end". */
  routes: readonly Route[];
  choose: (state: State) => Chosen<NoInfer<Route>, Update> | Promise<Chosen<NoInfer<Route>, Update>>;
}

/** A way by a number. */
export interface ScoreOptions<State, Route extends string> {
  score: (state: State) => number | Promise<number>;
  /** The highest one that the score reaches is taken; their order says nothing. */
  thresholds: readonly { at_least: number; to: Route }[];
  /** Where it goes below all of them. */
  otherwise: Route;
}

/** How a route is chosen: by rules, by a score, or by a model. */
export type RouteOptions<State, Route extends string, Update = object> =
  | ConditionOptions<State, Route, Update>
  | ScoreOptions<State, Route>
  | ClassifierOptions<State, Route>;

// The first of each says which kind it is.
const KEYS = {
  choose: { choose: true, routes: true } satisfies NamesOf<ConditionOptions<never, never>>,
  score: { score: true, thresholds: true, otherwise: true } satisfies NamesOf<ScoreOptions<never, never>>,
  choices: { choices: true, text: true, fallback: true, min_confidence: true, model: true } satisfies NamesOf<
    ClassifierOptions<never, never>
  >,
};
const THRESHOLD_KEYS = { at_least: true, to: true } satisfies NamesOf<ScoreOptions<never, never>["thresholds"][number]>;

type RouteEntry = Extract<TrailEntry, { kind: "route" }>;
type Choice<Route> = { to: Route; update?: object } & Pick<RouteEntry, "by" | "reason" | "score">;

/** A node that chooses which node comes next. Which one, and why, is put on record in `trail`. */
export function route<State, const Route extends string>(
  options: RouteOptions<State, Route>,
): ChoosingNode<State, object, Route> {
  checkNames(options);
  const routes = [...new Set(routesOf(options))];
  if (routes.length === 0) throw new HoldpointError("invalid", "route() was given no route; name at least one node");
  return choosing(routes, async (state: State) => {
    const { to, update, ...why } = await choiceOf(options, state);
    const node = currentNode();
    if (!routes.includes(to)) {
      const facts = { node, to, routes };
      throw new HoldpointError("invalid", `route "${node}" chose "${to}", which is none of ${routes.join(", ")}`, {
        facts,
      });
    }
    const entry: RouteEntry = { kind: "route", node, to, ...why };
    return new Command({ goto: to, update: { ...update, trail: [entry] } });
  });
}

function checkNames(options: object): void {
  const kind = (["choose", "score", "choices"] as const).find((name) => Object.hasOwn(options, name));
  refuseUnknown("route", options, kind === undefined ? { ...KEYS.choose, ...KEYS.score, ...KEYS.choices } : KEYS[kind]);
  if (kind === undefined) throw new HoldpointError("invalid", "route() says none of choose, score and choices");
  const { thresholds = [] } = options as Partial<ScoreOptions<never, never>>;
  for (const threshold of thresholds) refuseUnknown("a threshold of route", threshold, THRESHOLD_KEYS);
}

function routesOf<State, Route extends string>(options: RouteOptions<State, Route>): Route[] {
  if ("choose" in options) return [...options.routes];
  if ("score" in options) return [...options.thresholds.map(({ to }) => to), options.otherwise];
  return [...(Object.keys(options.choices) as Route[]), options.fallback];
}

async function choiceOf<State, Route extends string>(
  options: RouteOptions<State, Route>,
  state: State,
): Promise<Choice<Route>> {
  if ("choose" in options) return { ...(await options.choose(state)), by: "condition", score: null };
  if ("score" in options) return byScore(await options.score(state), options);
  return { ...(await classify(options, state)), by: "classifier" };
}

function byScore<State, Route extends string>(
  score: number,
  { thresholds, otherwise }: ScoreOptions<State, Route>,
): Choice<Route> {
  if (!Number.isFinite(score)) {
    // Not a number is below every threshold: what could not be weighed would pass for harmless.
    throw new HoldpointError("invalid", `route "${currentNode()}" was given the score ${score}; give a number`);
  }
  const reached = thresholds.toSorted((a, b) => b.at_least - a.at_least).find(({ at_least }) => score >= at_least);
  return reached === undefined
    ? { to: otherwise, reason: `${score} is below every threshold`, score, by: "score" }
    : { to: reached.to, reason: `${score} is at least ${reached.at_least}`, score, by: "score" };
}
