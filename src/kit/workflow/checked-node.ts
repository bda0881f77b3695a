import {
  Command,
  DeltaValue,
  END,
  type LangGraphRunnableConfig,
  ReducedValue,
  type Send,
  type StateSchemaFields,
  UntrackedValue,
} from "@langchain/langgraph";
import { HoldpointError } from "../../protocol/errors.ts";
import type { Fault } from "../../protocol/fault.ts";
import { checkRounds, entryOf } from "./workflow-books.ts";
import { BOOKS } from "./workflow-state.ts";

// biome-ignore lint/suspicious/noExplicitAny: the state is the author's.
type Run = (state: any, config: LangGraphRunnableConfig) => unknown;
type Update = Record<string, unknown>;

/** What a node is checked against. */
export interface CheckedBy {
  fields: StateSchemaFields;
  loopLimit: number;
  /** The nodes that there are when it runs: more may have been added by hand. */
  nodes(): Iterable<string>;
  /** Where it says that it leads, if it chooses itself. */
  exits?: readonly string[] | undefined;
}

/**
 * A node as it is executed: not more often than the loop limit allows, and what it gives is written whole or not at all.
 * LangGraph would drop a key that the state has not, without a word; a review that such a key decides about is then skipped.
 */
export function checkedNode(name: string, run: Run, by: CheckedBy): Run {
  return async (state, config) => {
    checkRounds(name, by.loopLimit, config);
    const result = await run(state, config);
    const checked = await checkedResult(name, result, by);
    return withEntry(checked, { [BOOKS]: entryOf(name, config, result) });
  };
}

async function checkedResult(name: string, result: unknown, by: CheckedBy): Promise<unknown> {
  if (result === undefined || result === null) return {};
  if (result instanceof Command) return await checkedCommand(name, result, by);
  if (Array.isArray(result)) return await Promise.all(result.map((member) => checkedResult(name, member, by)));
  if (typeof result === "object") return await checkedUpdate(name, result as Update, by.fields);
  throw invalid(name, `gives a ${typeof result}; give changes of the state, as an object`, {});
}

type AnyCommand = Command<unknown, Update>;

async function checkedCommand(name: string, command: AnyCommand, by: CheckedBy): Promise<AnyCommand> {
  // What the graph around it takes is not known here.
  if (command.graph === Command.PARENT) return command;
  const update = command.update === undefined ? undefined : await checkedUpdate(name, pairs(command.update), by.fields);
  const goto = [command.goto ?? []].flat().map((target) => checkedTarget(name, target, by));
  const { resume } = command;
  return new Command({
    ...(update === undefined ? {} : { update }),
    ...(resume === undefined ? {} : { resume }),
    goto,
  }) as AnyCommand;
}

const pairs = (update: unknown): Update =>
  Array.isArray(update) ? Object.fromEntries(update as [string, unknown][]) : (update as Update);

function checkedTarget(name: string, target: string | Send, { nodes, exits }: CheckedBy): string | Send {
  const wanted = typeof target === "string" ? target : target.node;
  const isEnd = wanted === END || wanted === "end";
  const known = new Set(nodes());
  if (!isEnd && !known.has(wanted)) {
    const names = [...known].join(", ");
    throw new HoldpointError(
      "graph_invalid",
      `node "${name}" goes to "${wanted}", which is no node; there are ${names}`,
    );
  }
  if (exits !== undefined && !exits.includes(isEnd ? END : wanted)) {
    throw new HoldpointError(
      "graph_invalid",
      `node "${name}" goes to "${wanted}", which is none of its exits: ${exits.join(", ")}`,
    );
  }
  return isEnd ? END : target;
}

async function checkedUpdate(name: string, update: Update, fields: StateSchemaFields): Promise<Update> {
  const strange = Object.keys(update).find((key) => !Object.hasOwn(fields, key));
  if (strange !== undefined) {
    const keys = Object.keys(fields);
    throw new HoldpointError(
      "unknown_state_key",
      `node "${name}" gives the key "${strange}", which its graph's state does not have; ` +
        `declare it in workflow({ state }), or use one of ${keys.join(", ")}`,
      { facts: { node: name, key: strange, keys } },
    );
  }
  // Absent and undefined are the same: a key that is not given is not changed.
  const given = Object.entries(update).filter(([, value]) => value !== undefined);
  const faults = await Promise.all(given.map(([key, value]) => faultsOf(key, value, fields[key])));
  const all = faults.flat();
  if (all.length > 0) {
    const told = all.map(({ pointer, message }) => `${pointer}: ${message}`).join("; ");
    throw invalid(name, `gives what its graph's state does not take: ${told}`, { node: name, faults: all });
  }
  return Object.fromEntries(given);
}

interface Schema {
  readonly "~standard": { validate(value: unknown): Validated | Promise<Validated> };
}
interface Validated {
  readonly issues?: readonly { message: string; path?: readonly unknown[] | undefined }[] | undefined;
}

// Checks only: LangGraph parses what it writes itself, and some schemas cannot be gone through twice.
async function faultsOf(key: string, value: unknown, field: unknown): Promise<Fault[]> {
  const [schema, checked] = schemaFor(value, field);
  const { issues = [] } = (await schema?.["~standard"].validate(checked)) ?? {};
  return issues.map(({ path = [], message }) => ({
    pointer: [key, ...path.map(stepOf)].map((step) => `/${String(step)}`).join(""),
    message,
  }));
}

// The standard allows a step of a path to be an object that holds it.
const stepOf = (step: unknown) => (typeof step === "object" && step !== null && "key" in step ? step.key : step);

function schemaFor(value: unknown, field: unknown): [Schema | undefined, unknown] {
  if (ReducedValue.isInstance(field) || DeltaValue.isInstance(field)) {
    const overwrites = typeof value === "object" && value !== null && "__overwrite__" in value;
    return overwrites
      ? [field.valueSchema as Schema, (value as { __overwrite__: unknown }).__overwrite__]
      : [field.inputSchema as Schema, value];
  }
  if (UntrackedValue.isInstance(field)) return [field.schema as Schema | undefined, value];
  return [field as Schema, value];
}

function withEntry(checked: unknown, entry: Update): unknown {
  if (checked instanceof Command) {
    const command = checked as AnyCommand;
    if (command.graph === Command.PARENT) return [command, entry];
    const { goto, resume, update } = command;
    return new Command({
      update: { ...(update as Update | undefined), ...entry },
      goto: goto as string[],
      ...(resume === undefined ? {} : { resume }),
    });
  }
  return Array.isArray(checked) ? [...checked, entry] : { ...(checked as Update), ...entry };
}

function invalid(name: string, what: string, facts: Record<string, unknown>): HoldpointError {
  return new HoldpointError("invalid", `node "${name}" ${what}`, { facts });
}
