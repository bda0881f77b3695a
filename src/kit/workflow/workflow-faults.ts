import type { StateSchemaFields } from "@langchain/langgraph";
import { z } from "zod";
import { EXITS, WRITES } from "../node.ts";
import { KIT_KEYS } from "./workflow-state.ts";

/** The most rounds that a node may be given, and those it has unless given. */
export const MOST_ROUNDS = 20;
/** How often a node runs since the last input, unless the author says otherwise. */
export const ROUNDS = 10;

const atLeastOne = z.number().int().min(1);
const policiesSchema = z.strictObject({
  guarded: z.boolean().optional(),
  fresh: z.boolean().optional(),
  durability: z.enum(["sync", "async"]).optional(),
  concurrency: atLeastOne.optional(),
  timeout_ms: atLeastOne.optional(),
  node_timeout_ms: atLeastOne.optional(),
  loop_limit: atLeastOne.max(MOST_ROUNDS).optional(),
  budget: z.strictObject({ tokens: atLeastOne.optional(), cost: z.number().positive().optional() }).optional(),
});

/** What is stated of a workflow, as it comes: files are run without their types being checked. */
export interface StatedWorkflow {
  name: string;
  input: z.ZodObject;
  fields: StateSchemaFields;
  own: readonly string[];
  output: readonly string[];
  policies: unknown;
  examples: readonly { name: string; input: unknown }[];
}

/** What is wrong with what a workflow states of itself. */
export function faultsOfStatement({ name, input, fields, own, output, policies, examples }: StatedWorkflow): string[] {
  const stated = policiesSchema.safeParse(policies);
  return [
    ...(name.trim() === "" ? ["it has no name"] : []),
    ...own.filter((key) => KIT_KEYS.includes(key)).map((key) => `the state key "${key}" is the kit's; choose another`),
    ...output.filter((key) => !Object.hasOwn(fields, key)).map((key) => `the output "${key}" is no key of the state`),
    ...(stated.success ? [] : stated.error.issues.map((issue) => told("policies", issue))),
    ...examples.flatMap((example) => {
      const parsed = input.safeParse(example.input);
      return parsed.success ? [] : parsed.error.issues.map((issue) => told(`the example "${example.name}"`, issue));
    }),
  ];
}

const told = (what: string, { path, message }: { path: PropertyKey[]; message: string }) =>
  `${[what, ...path.map(String)].join(".")}: ${message}`;

/** A graph as its author drew it. */
export interface DrawnGraph {
  /** The names that the author gave, and what stands there. */
  nodes: Readonly<Record<string, object>>;
  /** The graph's own nodes: those, and those that nodes of the kit consist of. */
  names: readonly string[];
  edges: Readonly<Record<string, unknown>>;
  fields: StateSchemaFields;
}

const RESERVED = ["start", "end", "__start__", "__end__"];

/** What is wrong with how a graph is drawn: all of it, not only the first. */
export function faultsOfGraph({ nodes, names, edges, fields }: DrawnGraph): string[] {
  const chooses = (name: string) => EXITS in (nodes[name] ?? {});
  const lacksEdge = Object.keys(nodes).filter((name) => !chooses(name) && !Object.hasOwn(edges, name));
  const known = (target: string) => target === "end" || names.includes(target);
  return [
    ...names.flatMap((name, place) => faultsOfName(name, names.indexOf(name) !== place, fields)),
    ...(Object.hasOwn(edges, "start") ? [] : ['edges has no "start"; name the node to begin with']),
    ...lacksEdge.map((name) => `node "${name}" has no edge; say where it leads, or "end"`),
    ...Object.entries(edges).flatMap(([from, to]) => [
      ...(from === "start" || Object.hasOwn(nodes, from) ? [] : [`there is an edge from "${from}", which is no node`]),
      ...(chooses(from) ? [`node "${from}" chooses itself what comes next; it can have no edge`] : []),
      ...targetsOf(to)
        .filter((target) => !known(target))
        .map((target) => `there is an edge from "${from}" to "${target}", which is no node`),
    ]),
    ...Object.entries(nodes).flatMap(([name, node]) =>
      exitsOf(node)
        .filter((exit) => exit !== "__end__" && !known(exit))
        .map((exit) => `node "${name}" may go to "${exit}", which is no node`),
    ),
    ...Object.entries(nodes).flatMap(([name, node]) => faultsOfWrites(name, node, fields)),
  ];
}

function faultsOfWrites(name: string, node: object, fields: StateSchemaFields): string[] {
  const writes = (node as { [WRITES]?: Readonly<Record<string, string | undefined>> })[WRITES] ?? {};
  const keys = Object.keys(fields).filter((key) => !KIT_KEYS.includes(key));
  return Object.entries(writes)
    .filter(([, key]) => key === undefined || !keys.includes(key))
    .map(([option, key]) => {
      if (key === undefined) return `node "${name}" does not say which key of the state it writes; give it ${option}`;
      return `node "${name}" writes "${key}" (its ${option}), which is no key of the state: ${keys.join(", ")}`;
    });
}

function faultsOfName(name: string, isRepeated: boolean, fields: StateSchemaFields): string[] {
  if (isRepeated) return [`there are two nodes "${name}"`];
  if (RESERVED.includes(name)) return [`no node can be called "${name}"`];
  if (Object.hasOwn(fields, name) || KIT_KEYS.includes(name)) {
    return [`"${name}" is a key of the state, and so cannot be the name of a node`];
  }
  return /[|:]/.test(name) ? [`the node name "${name}" has a character that LangGraph keeps for itself`] : [];
}

/** The nodes that an edge leads to. */
export function targetsOf(to: unknown): string[] {
  return [to].flat().map(String);
}

/** Where a node says that it may lead. */
export function exitsOf(node: object): readonly string[] {
  return (node as { [EXITS]?: readonly string[] })[EXITS] ?? [];
}
