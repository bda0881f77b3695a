// Whether an answer still fits when the code has changed between the question and the answer. LangGraph does not ask:
// it hands an answer to whichever question the node asks first now, and it ends a run whose next node is gone as a
// success in which nothing happened. So everything that the answer sets in motion is compared before it is sent.
//
// A review() shows again what it asks and refuses an answer to anything else, so for it the way onwards is enough. A
// plain interrupt() (and a breakpoint, and LangChain's middleware, which asks with one) cannot: its answers are counted,
// not compared, and a question that is asked before it now, by its node or by anything that its node calls, would take
// its answer. The source of the node's function does not show that, because what it calls may be in another file, or be
// handed to it. So there the whole code of the graph has to be the same, comments, types and formatting aside.
import { ANYWHERE, type GraphShape, type NodeShape, type StateFit, type Topology } from "../../protocol/graph-shape.ts";
import type { Flavour } from "../../protocol/interrupt.ts";
import { reviewPolicySchema } from "../../protocol/review-policy.ts";

/** A question as it was asked, and what the graph was like then. */
export interface StandingQuestion {
  flavour: Flavour;
  node: string;
  graph_fingerprint: string;
  /** Null: nothing was kept of it. */
  graph_shape: GraphShape | null;
  /** Its policy, as JSON. */
  policy: string;
  /** True when the task that asked is done and only what follows it is left. */
  finished: boolean;
}

/** The graph that is to go on, and how the thread's state fits it. */
export interface GraphNow {
  fingerprint: string;
  topology: Topology;
  /** Compiled only when it is needed. */
  codeDigest: () => string;
  state: StateFit;
}

/** Why an answer to this question must not be sent into the graph as it is now, in one sentence; null: it fits. */
export function redeployRefusal(asked: StandingQuestion, now: GraphNow): string | null {
  const policy = reviewPolicySchema.safeParse(JSON.parse(asked.policy));
  if (!policy.success) return `its policy cannot be read any more: ${policy.error.issues[0]?.message}`;
  if (asked.graph_fingerprint === now.fingerprint) return null;
  if (now.topology.nodes[asked.node] === undefined) return `node "${asked.node}", which asked, is gone`;
  const shape = asked.graph_shape;
  if (shape === null) return "the graph's code has changed, and nothing was kept of what it was like";
  if (shape.code_digest !== null && shape.code_digest === now.codeDigest()) return null;
  return (
    wayChange(shape, now.topology) ??
    stateChange(shape, now) ??
    (isComparedByItself(asked) ? null : `${codeChange(asked)}; ask with review(), which compares what it shows`)
  );
}

const isComparedByItself = ({ flavour, finished }: StandingQuestion) => flavour === "review" || finished;

function codeChange({ flavour, node }: StandingQuestion): string {
  return flavour === "breakpoint"
    ? `the graph's code has changed, and nothing shows whether node "${node}" still does the same`
    : `the graph's code has changed, and a plain interrupt() in node "${node}" cannot tell whether it still asks the same`;
}

/** The nodes that may run from these on, nearest first. */
export function reachableFrom(topology: Topology, from: readonly string[]): string[] {
  const found = new Set<string>();
  const waiting = [...from];
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    const node = topology.nodes[name];
    if (node === undefined || found.has(name)) continue;
    found.add(name);
    waiting.push(...(node.to.includes(ANYWHERE) ? Object.keys(topology.nodes) : node.to));
    if (node.on_error !== undefined) waiting.push(node.on_error);
  }
  return [...found];
}

/** What a review keeps of the graph: the part that is still to run. */
export function shapeFrom(topology: Topology, from: readonly string[], code_digest: string | null): GraphShape {
  const names = reachableFrom(topology, from);
  const nodes = Object.fromEntries(names.map((name) => [name, topology.nodes[name] as NodeShape]));
  return { from: [...from], nodes, keys: topology.keys, code_digest };
}

/** The first difference between two graphs on the way from where the thread stands. */
function wayChange(then: GraphShape, now: Topology): string | null {
  for (const name of reachableFrom(then, then.from)) {
    const change = nodeChange(name, then.nodes[name] as NodeShape, now.nodes[name]);
    if (change !== null) return change;
  }
  return null;
}

function nodeChange(name: string, then: NodeShape, now: NodeShape | undefined): string | null {
  if (now === undefined) return `node "${name}" is gone`;
  if (differ(then.to, now.to))
    return `after "${name}" the graph now goes to ${list(now.to)} instead of ${list(then.to)}`;
  if (differ(then.waits_for ?? [], now.waits_for ?? [])) {
    return `node "${name}" now waits for ${groups(now.waits_for)} instead of ${groups(then.waits_for)}`;
  }
  if (then.on_error !== now.on_error) return `what happens when node "${name}" fails has changed`;
  if (then.deferred !== now.deferred) return `node "${name}" now runs ${now.deferred ? "last" : "as soon as it can"}`;
  if ((then.inner === undefined) !== (now.inner === undefined)) {
    return `node "${name}" is ${now.inner === undefined ? "no longer a graph of its own" : "now a graph of its own"}`;
  }
  if (then.inner === undefined || now.inner === undefined) return null;
  const inside = innerChange(then.inner, now.inner);
  return inside === null ? null : `inside "${name}", ${inside}`;
}

// Where in it the thread stands is not looked at: all of it has to be the same.
function innerChange(then: Topology, now: Topology): string | null {
  for (const name of new Set([...reachableFrom(then, ["__start__"]), ...Object.keys(then.nodes)])) {
    const change = nodeChange(name, then.nodes[name] as NodeShape, now.nodes[name]);
    if (change !== null) return change;
  }
  return kindChange(then.keys, now.keys, Object.keys(then.keys));
}

function stateChange({ keys }: GraphShape, { topology, state }: GraphNow): string | null {
  const change = kindChange(keys, topology.keys, state.held);
  if (change !== null) return change;
  const [fault] = state.faults;
  if (fault !== undefined) return `the state key "${fault.key}" no longer fits: ${fault.message}`;
  const wanted = state.missing.find((key) => !Object.hasOwn(keys, key));
  return wanted === undefined ? null : `the graph now needs the state key "${wanted}", which this thread does not have`;
}

function kindChange(then: Record<string, string>, now: Record<string, string>, held: readonly string[]): string | null {
  const lost = held.find((key) => Object.hasOwn(then, key) && !Object.hasOwn(now, key));
  if (lost !== undefined) return `the state key "${lost}" is gone, and this thread has a value in it`;
  const other = Object.keys(then).find((key) => Object.hasOwn(now, key) && now[key] !== then[key]);
  if (other === undefined) return null;
  return `the state key "${other}" is now kept as ${now[other]} instead of ${then[other]}`;
}

const differ = (a: unknown, b: unknown) => JSON.stringify(a) !== JSON.stringify(b);

function list(names: readonly string[]): string {
  const said = names.map((name) => (name === ANYWHERE ? "any node" : name === "__end__" ? "its end" : `"${name}"`));
  return said.length === 0 ? "nothing" : said.join(" or ");
}

const groups = (waits_for: readonly string[][] | undefined) =>
  waits_for === undefined
    ? "nobody"
    : waits_for.map((group) => group.map((name) => `"${name}"`).join(" and ")).join(" or ");
