import {
  BinaryOperatorAggregate,
  DeltaValue,
  getSchemaDefaultGetter,
  ReducedValue,
  type StateSchemaFields,
} from "@langchain/langgraph";
import { z } from "zod";
import { type TrailEntry, trailEntrySchema } from "../../protocol/trail.ts";

/** How many entries of a trail are kept, the last ones. */
const LONGEST_TRAIL = 200;

/** What every workflow's state has beside the author's own keys. */
export interface KitFields {
  /** What the nodes of the kit did since the last input. */
  trail: ReducedValue<TrailEntry[], readonly TrailEntry[]>;
}

// A write of null empties it: only the start of a graph writes that.
function addToTrail(trail: TrailEntry[], entries: readonly TrailEntry[] | null): TrailEntry[] {
  return entries === null ? [] : [...trail, ...entries].slice(-LONGEST_TRAIL);
}

/** The kit's part of a state. */
export function kitFields(): KitFields {
  const trail = new ReducedValue(z.array(trailEntrySchema).default([]), {
    inputSchema: z.array(trailEntrySchema),
    reducer: addToTrail,
  });
  return { trail: trail as unknown as KitFields["trail"] };
}

/** The channel in which the kit keeps what nobody else reads. It is in no schema, no output and no node's state. */
export const BOOKS = "holdpoint";

/** How often a node has finished since the last input, and in which step it did so last. */
export interface Rounds {
  count: number;
  step: number;
}

/** What the kit keeps of a run: from an input until the next one, through every pause and answer in between. */
export interface Books {
  rounds: Readonly<Record<string, Rounds>>;
  /** Why branches of parallel nodes gave nothing, by node. */
  failures: Readonly<Record<string, string | null>>;
}

const NEW_BOOKS: Books = { rounds: {}, failures: {} };

/** What a node adds: that it has finished in this step, and whether it failed at what it was for. */
export interface BookEntry {
  node: string;
  step: number;
  failure?: string | null;
}

// Many executions of a node in one step, as a fan-out makes them, are one round.
function enter(books: Books, entry: BookEntry | null): Books {
  if (entry === null) return NEW_BOOKS;
  const { node, step, failure } = entry;
  const { count, step: last } = books.rounds[node] ?? { count: 0, step: -1 };
  const rounds = { ...books.rounds, [node]: { count: last === step ? count : count + 1, step } };
  return { rounds, failures: failure === undefined ? books.failures : { ...books.failures, [node]: failure } };
}

/** Makes the kit's own channel. */
export function booksChannel(): BinaryOperatorAggregate<Books, BookEntry | null> {
  return new BinaryOperatorAggregate<Books, BookEntry | null>(enter, () => NEW_BOOKS);
}

/**
 * What the start of a graph writes: a new input begins a new trail and new books, and where `fresh` gives fields, those that
 * have a default and are not in the input begin with it again.
 */
export function writesAtInput(fresh: StateSchemaFields = {}): (input: unknown) => [channel: string, value: unknown][] {
  const defaults = Object.entries(fresh).flatMap(([key, field]): [string, unknown][] => {
    const isReduced = ReducedValue.isInstance(field) || DeltaValue.isInstance(field);
    const value = getSchemaDefaultGetter((isReduced ? field.valueSchema : field) as never)?.();
    return value === undefined ? [] : [[key, isReduced ? { __overwrite__: value } : value]];
  });
  return (input) => {
    const given = (input ?? {}) as Record<string, unknown>;
    return [["trail", null], [BOOKS, null], ...defaults.filter(([key]) => given[key] === undefined)];
  };
}

/** Keys that an author cannot use, because the kit does. */
export const KIT_KEYS: readonly string[] = ["trail", BOOKS];
