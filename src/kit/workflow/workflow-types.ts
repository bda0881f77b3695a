import type {
  Command,
  InferStateSchemaUpdate,
  InferStateSchemaValue,
  LangGraphRunnableConfig,
  Pregel,
  StateSchemaFields,
} from "@langchain/langgraph";
import type { z } from "zod";
import type { EXITS } from "../node.ts";
import type { NodeGroup } from "./node-group.ts";
import type { KitFields } from "./workflow-state.ts";

/** Schemas by key, or an object schema of them. */
export type Given = z.ZodRawShape | z.ZodObject;

/** The schemas by key. */
export type ShapeOf<Schema extends Given> = Schema extends z.ZodObject<infer Shape> ? Shape : Schema;

/** What an object of these schemas may be given. */
export type InputOf<Schema extends Given> = Schema extends z.ZodObject
  ? z.input<Schema>
  : Schema extends z.ZodRawShape
    ? z.input<z.ZodObject<Schema>>
    : never;

type Simplify<Type> = { [Key in keyof Type]: Type[Key] };

/** All keys of a workflow's state: of its input, its own, and the kit's. */
export type FieldsOf<Input extends Given, State extends StateSchemaFields> = Simplify<
  Omit<ShapeOf<Input>, keyof State> & State & KitFields
>;

/** The state as nodes read it. */
export type StateOf<Fields extends StateSchemaFields> = Simplify<InferStateSchemaValue<Fields>>;

/** What nodes may write. */
export type UpdateOf<Fields extends StateSchemaFields> = Simplify<InferStateSchemaUpdate<Fields>>;

/** What a node is told beside the state. */
export type NodeConfig<Context> = LangGraphRunnableConfig<Context extends Record<string, unknown> ? Context : never>;

// biome-ignore lint/suspicious/noExplicitAny: commands of any resume and any node are meant.
type AnyCommand<Update> = Command<any, Update extends Record<string, unknown> ? Update : never, any>;

/** What a node may give: changes of the state, commands that hold them, or nothing. */
export type NodeResult<Update> =
  | Update
  | AnyCommand<Update>
  | readonly (Update | AnyCommand<Update>)[]
  // biome-ignore lint/suspicious/noConfusingVoidType: a function that returns nothing is one that changes nothing.
  | void
  | null;

/** Shown by the compiler where a node gives a key that the state has not. */
export interface UnknownStateKey<Key> {
  "the state has no such key": Key;
}

/** Shown by the compiler where a node gives something else than changes of the state. */
export interface WrongUpdate<Result> {
  "the state does not take this": Result;
}

/** Shown by the compiler where a node leads to something that is no node. */
export interface UnknownNode<Name> {
  "the graph has no such node": Name;
}

/** Shown by the compiler where a node is called like a key of the state. */
export interface NameTaken<Name> {
  "a key of the state is called so": Name;
}

type KeysOf<Result> =
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  Result extends Command<any, infer Update, any>
    ? KeysOf<Update>
    : Result extends readonly (infer Member)[]
      ? KeysOf<Member>
      : Result extends object
        ? // Keys that only the running program knows are checked there.
          string extends keyof Result
          ? never
          : keyof Result
        : never;

/** `unknown` where a result names only keys of the state, otherwise what is wrong. */
export type Known<Result, Update> = [Exclude<KeysOf<Result>, keyof Update>] extends [never]
  ? unknown
  : UnknownStateKey<Exclude<KeysOf<Result>, keyof Update>>;

/** What a graph is made of: functions, nodes of the kit, and graphs. */
export type NodeLike<State, Context> =
  | ((state: State, config: NodeConfig<Context>) => unknown)
  | NodeGroup
  // biome-ignore lint/suspicious/noExplicitAny: a graph inside has a state of its own.
  | Pregel<any, any>;

/** The nodes of a graph by name. */
export type NodesLike<State, Context> = Record<string, NodeLike<State, Context>>;

type Filled<Pattern, Key extends string> = Pattern extends `*${infer Rest}` ? `${Key}${Rest}` : Pattern;
type NamesIn<Node, Key extends string> = Node extends NodeGroup<infer Inner> ? Filled<Inner, Key> : never;

/** The names of all nodes: those that are named, and those that a node of the kit consists of. */
export type NodeNames<Nodes> = {
  [Key in keyof Nodes & string]: Key | NamesIn<Nodes[Key], Key>;
}[keyof Nodes & string];

/** Where an edge may lead. */
export type Target<Nodes> = NodeNames<Nodes> | "end";

type Chooses = { readonly [EXITS]: readonly string[] };
type ExitsOf<Node> = Node extends { readonly [EXITS]: readonly (infer Exit)[] } ? Exit : never;
type StrangeExits<Node, Nodes> = Exclude<ExitsOf<Node>, Target<Nodes> | "__end__">;

/** `unknown` for a node that is right, otherwise what is wrong with it. */
type CheckedNode<Node, Nodes, Update> = [StrangeExits<Node, Nodes>] extends [never]
  ? Node extends (...given: never) => infer Result
    ? unknown extends Known<Awaited<Result>, Update>
      ? Awaited<Result> extends NodeResult<Update>
        ? unknown
        : WrongUpdate<Awaited<Result>>
      : Known<Awaited<Result>, Update>
    : unknown
  : UnknownNode<StrangeExits<Node, Nodes>>;

/** The same of all nodes. */
export type CheckedNodes<Nodes, Update> = {
  [Key in keyof Nodes]: Key extends keyof Update ? NameTaken<Key> : CheckedNode<Nodes[Key], Nodes, Update>;
};

/** Where each node leads: one node, or several at once. Nodes that choose themselves stand nowhere in it. */
export type Edges<Nodes> = { readonly start: Target<Nodes> | readonly Target<Nodes>[] } & {
  readonly [Key in keyof Nodes as Nodes[Key] extends Chooses ? never : Key]: Target<Nodes> | readonly Target<Nodes>[];
};

/** The keys of a state that take such a value. */
export type KeysTaking<Update, Value> = {
  [Key in keyof Update]-?: [Value] extends [Update[Key]] ? Key : never;
}[keyof Update] &
  string;
