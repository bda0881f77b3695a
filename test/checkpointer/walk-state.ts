import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { Annotation, DeltaChannel, MessagesAnnotation, messagesDeltaReducer } from "@langchain/langgraph";
import { AnyValue, EphemeralValue, Topic, UntrackedValueChannel } from "@langchain/langgraph/channels";
import type { Dice } from "../support/dice.ts";

/** One change of a keyed object. */
export interface ShelfEdit {
  edit: "set" | "delete" | "to_front" | "to_back" | "nest" | "empty";
  key: string;
  text: string;
}

/** What the nodes do in one turn. It is part of the state, so that a replay does the same. */
export interface Plan {
  turn: number;
  targets: string[];
  /** Parallel tasks, each writing to all channels. */
  parts: number;
  /** Parallel tasks that ask, and how often each of them does. */
  askers: number;
  questions: number;
  shelf: ShelfEdit[];
  /** How the list that is not only appended to changes. */
  window: "append" | "shift" | "cut" | "replace" | "prepend" | "clear" | "object" | "keep";
  big: number;
}

/** For a node that runs before anything was planned, after an edit of an empty thread. */
export function idlePlan(): Plan {
  return { turn: 0, targets: [], parts: 0, askers: 0, questions: 0, shelf: [], window: "keep", big: 10 };
}

/** Everything of the state, by channel type. */
export const Board = Annotation.Root({
  ...MessagesAnnotation.spec,
  plan: Annotation<Plan>({ reducer: (_, plan) => plan, default: idlePlan }),
  log: Annotation<string[]>({ reducer: (before, added) => [...before, ...added], default: () => [] }),
  document: Annotation<{ title: string; text: string; parts: string[] }>(),
  window: Annotation<unknown>(),
  shelf: Annotation<Record<string, unknown>, ShelfEdit[]>({ reducer: editShelf, default: firstShelf }),
  cabinet: Annotation<Record<string, unknown>>(),
  mixed: Annotation<unknown>(),
  topic: () => new Topic<string>({ accumulate: true }),
  news: () => new Topic<string>(),
  once: () => new Topic<string>({ unique: true, accumulate: true }),
  flash: () => new EphemeralValue<string>(false),
  any: () => new AnyValue<string>(),
  passing: () => new UntrackedValueChannel<string>({ guard: false }),
  notes: () => new DeltaChannel<string[]>(appendAll, { snapshotFrequency: 7, initialValueFactory: () => [] }),
  index: () =>
    new DeltaChannel<Record<string, string>>(mergeAll, { snapshotFrequency: 3, initialValueFactory: () => ({}) }),
  chat: () => new DeltaChannel(messagesDeltaReducer, { snapshotFrequency: 5, initialValueFactory: () => [] }),
});

export type BoardState = typeof Board.State;
export type BoardUpdate = typeof Board.Update;

function appendAll(state: string[], writes: unknown[]): string[] {
  return [...state, ...writes.flat().map(String)];
}

function mergeAll(state: Record<string, string>, writes: unknown[]): Record<string, string> {
  return Object.assign({ ...state }, ...(writes as object[]));
}

/** Text of about `characters` that differs from seed to seed at its beginning only. */
export function longText(seed: string, characters = 600): string {
  return seed.padEnd(characters, " lorem ipsum dolor sit amet");
}

/** Keys that a JavaScript object, JSON or our own tags could treat in a way of their own. */
const SHELF_KEYS = [
  "alpha",
  "beta",
  "gamma",
  "delta",
  "10",
  "7",
  "007",
  "-1",
  "",
  "$hp",
  "constructor",

  "__proto__",
  "é\n",
];

function firstShelf(): Record<string, unknown> {
  return Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`first-${index}`, longText(`${index}`, 150)]));
}

/** Applies edits to a copy; entries instead of assignments, so that `__proto__` is a key like any other. */
export function editShelf(shelf: Record<string, unknown>, edits: ShelfEdit[]): Record<string, unknown> {
  let entries = Object.entries(shelf);
  for (const { edit, key, text } of edits) {
    const found = entries.find(([known]) => known === key);
    const others = entries.filter(([known]) => known !== key);
    switch (edit) {
      case "set":
        entries =
          found === undefined ? [...entries, [key, text]] : entries.map((one) => (one === found ? [key, text] : one));
        break;
      case "nest":
        entries = [...others, [key, nested(found?.[1], text)]];
        break;
      case "delete":
        entries = others;
        break;
      case "to_front":
        entries = found === undefined ? entries : [found, ...others];
        break;
      case "to_back":
        entries = found === undefined ? entries : [...others, found];
        break;
      case "empty":
        entries = [];
    }
  }
  return Object.fromEntries(entries);
}

function nested(value: unknown, text: string): unknown {
  const inner = typeof value === "object" && value !== null && "inner" in value ? value.inner : {};
  return { inner: { ...(inner as object), [text.slice(0, 8)]: [text, { deep: text.length }] } };
}

/** Edits of a keyed object. */
export function rollEdits(dice: Dice, turn: number): ShelfEdit[] {
  const edits = ["set", "set", "set", "set", "nest", "delete", "delete", "to_front", "to_back"] as const;
  const keys = [...SHELF_KEYS, ...Object.keys(firstShelf())];
  return Array.from({ length: 1 + dice.roll(6) }, (_, index) => ({
    edit: dice.roll(40) === 0 ? "empty" : dice.pick(edits),
    key: dice.pick(keys),
    text: longText(`edit ${turn}.${index}`, dice.pick([5, 120, 400])),
  }));
}

/** The list after the change a plan names. */
export function windowAfter(window: unknown, plan: Plan): unknown {
  const list = Array.isArray(window) ? window : [];
  const item = (index: number) => ({ turn: plan.turn, index, text: longText(`item ${plan.turn}.${index}`, 90) });
  switch (plan.window) {
    case "append":
      return [...list, ...Array.from({ length: 14 }, (_, index) => item(index))];
    case "shift":
      return [...list.slice(1), item(0)];
    case "cut":
      return list.slice(0, Math.floor(list.length / 2));
    case "replace":
      return list.map((one, index) => (index === Math.floor(list.length / 2) ? item(index) : one));
    case "prepend":
      return [item(0), ...list];
    case "clear":
      return [];
    case "object":
      return { list, text: longText(`object ${plan.turn}`, 1200) };
    case "keep":
      return window ?? null;
  }
}

/** A value of a class that plain JSON does not know. */
export function mixedValue(turn: number): unknown {
  const text = longText(`mixed ${turn}`, turn % 2 === 0 ? 20 : 1500);
  const values = [
    new Map<unknown, unknown>([
      ["a", text],
      [turn, new Set([1, text])],
    ]),
    new Set([text, { turn }]),
    new Uint8Array([turn % 256, 0, 255]),
    { message: new HumanMessage({ id: `mixed-${turn}`, content: text }), nothing: null },
    [[], [[turn]], text, null, false, 0],
    text,
    null,
  ];
  return values[turn % values.length];
}

/** A message with an id that is the same in every run of the walk. */
export const reply = (id: string, text: string): AIMessage => new AIMessage({ id, content: longText(text, 300) });
