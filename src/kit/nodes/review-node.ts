import { Command, type LangGraphRunnableConfig } from "@langchain/langgraph";
import type { z } from "zod";
import { HoldpointError } from "../../protocol/errors.ts";
import type { DecisionType } from "../../protocol/interrupt.ts";
import type { TrailEntry } from "../../protocol/trail.ts";
import { type NamesOf, refuseUnknown } from "../known-options.ts";
import { choosing, currentNode, EXITS, writing } from "../node.ts";
import { type ReviewDecision, review } from "../review/review.ts";
import type { ReviewTerms } from "../review/review-terms.ts";
import { GROUP, type GroupParts, type NodeGroup } from "../workflow/node-group.ts";
import { checkNodeOptions, type NodeOptions } from "../workflow/node-options.ts";
import { booksOf } from "../workflow/workflow-books.ts";
import type { Decided, Proposal, Proposed } from "./proposal.ts";

type Args = Record<string, unknown>;

/** What is proposed, what a person may do about it, what is done then, and where each decision leads. */
export interface ReviewNodeOptions<
  State,
  Update,
  Schema extends z.ZodType,
  Allowed extends DecisionType,
  On extends Readonly<Record<Allowed, string>>,
  Otherwise extends string,
  Into extends string,
  Review extends string,
  Execute extends string,
> extends ReviewTerms {
  /** The key of the state that keeps the proposal and the decision; see `proposalOf()`. */
  into: Into;
  /** What would be done, in the words of an audit trail: "chinook.refund". */
  action: string;
  /** Which question of the graph this is; the node's name unless given. */
  key?: string;
  /** What to ask about; null where there is nothing to ask. */
  propose: (state: State) => Proposal<z.input<Schema>> | null | Promise<Proposal<z.input<Schema>> | null>;
  /** What the arguments must be. */
  schema: Schema;
  /** The same, narrowed by what is known of the case: what a reviewer can change, and how far. */
  bounds?: (state: State) => z.ZodType<z.output<Schema>, z.input<Schema>>;
  /** Answers offered; approve, edit and reject unless given. */
  allowed?: readonly Allowed[];
  /** JSON pointers an edit may change, such as "/amount"; all of them unless given. */
  editable_paths?: readonly string[];
  /** Does what was decided, with the arguments that were decided. */
  execute: (args: z.output<Schema>, state: State, config: LangGraphRunnableConfig) => Promise<Update> | Update;
  /**
   * What is done where another node of the graph goes straight to the executing one, because nobody has to be asked. Unless
   * it is given, nothing is executed that nobody has decided.
   */
  unasked?: (state: State) => z.output<Schema>;
  /** Where it goes on after each decision; after an approval or an edit, when it is done. */
  on: On;
  /** Where it goes when nothing is proposed. */
  otherwise?: Otherwise;
  /** The names of the asking and the executing node; the node's own with `_review` and `_execute` unless given. */
  names?: { review?: Review; execute?: Execute };
  /** How the executing node is executed. */
  execution?: NodeOptions;
}

/** Three nodes that are one to the author: one proposes, one asks, one executes. */
export interface ReviewNode<Exit extends string, Inner extends string> extends NodeGroup<Inner> {
  readonly [EXITS]: readonly Exit[];
}

type AnyOptions = ReviewNodeOptions<
  Args,
  Args,
  z.ZodType<Args>,
  DecisionType,
  Readonly<Record<DecisionType, string>>,
  string,
  string,
  string,
  string
>;

const OWN_KEYS = {
  into: true,
  action: true,
  key: true,
  propose: true,
  schema: true,
  bounds: true,
  allowed: true,
  editable_paths: true,
  execute: true,
  unasked: true,
  on: true,
  otherwise: true,
  names: true,
  execution: true,
  risk: true,
} satisfies Partial<Record<keyof AnyOptions, true>>;

const KEYS = {
  ...OWN_KEYS,
  priority: true,
  evidence: true,
  candidates: true,
  due: true,
  due_after_seconds: true,
  reminders: true,
  escalations: true,
  ends_after: true,
  on_timeout: true,
  require_comment: true,
  reject_options: true,
  notify: true,
  max_revisions: true,
} satisfies NamesOf<AnyOptions>;
const NAME_KEYS = { review: true, execute: true } satisfies NamesOf<NonNullable<AnyOptions["names"]>>;

/**
 * Proposes, asks and executes in three nodes. What is proposed is written down before anybody sees it, so that what is shown
 * never changes, and what is executed is what was decided, byte for byte.
 */
export function reviewNode(options: AnyOptions): ReviewNode<string, string> {
  refuseUnknown("reviewNode", options, KEYS);
  refuseUnknown("names of reviewNode", options.names ?? {}, NAME_KEYS);
  checkNodeOptions("execution of reviewNode", options.execution ?? {});
  const { allowed = ["approve", "edit", "reject"], on } = options;
  const unhandled = allowed.filter((type) => !Object.hasOwn(on, type));
  if (unhandled.length > 0) {
    const message = `the review of "${options.action}" offers ${unhandled.join(", ")}, and \`on\` does not say where that leads`;
    throw new HoldpointError("graph_invalid", message, { facts: { unhandled } });
  }
  const exits = new Set([...Object.values(on), ...(options.otherwise === undefined ? [] : [options.otherwise])]);
  const group: ReviewNode<string, string> = { [EXITS]: [...exits], [GROUP]: (name) => partsOf(name, options) };
  return writing(group, { into: options.into });
}

function partsOf(name: string, options: AnyOptions): GroupParts {
  const names = {
    propose: name,
    review: options.names?.review ?? `${name}_review`,
    execute: options.names?.execute ?? `${name}_execute`,
  };
  const { on, otherwise } = options;
  const exits = (...some: (string | undefined)[]) => [...new Set(some.filter((exit) => exit !== undefined))];
  return {
    nodes: [
      { name, run: choosing(exits(names.review, otherwise), proposing(options, names)) },
      { name: names.review, run: choosing(exits(names.execute, on.reject, on.respond), asking(options, names)) },
      {
        name: names.execute,
        run: choosing(exits(on.approve, on.edit), executing(options, names)),
        ...(options.execution === undefined ? {} : { options: options.execution }),
      },
    ],
    edges: [],
  };
}

interface Names {
  propose: string;
  review: string;
  execute: string;
}

function proposing({ propose, otherwise, into }: AnyOptions, names: Names) {
  return async (state: Args): Promise<Command> => {
    const proposal = await propose(state);
    if (proposal !== null) {
      return new Command({ goto: names.review, update: { [into]: { ...proposal, decision: null, executed: false } } });
    }
    if (otherwise !== undefined) return new Command({ goto: otherwise, update: { [into]: null } });
    throw invalid(names.propose, "has proposed nothing; say with `otherwise` where to go then");
  };
}

function asking(options: AnyOptions, names: Names) {
  const { into, action, schema, bounds, allowed, editable_paths, on } = options;
  return async (state: Args): Promise<Command> => {
    const proposed = state[into] as Proposed<Args> | null | undefined;
    if (proposed == null || proposed.decision !== null) throw invalid(names.review, "was reached without a proposal");
    const { title, description, preview, args, terms } = proposed;
    const [decision] = await review({
      ...termsOf(options),
      ...terms,
      key: options.key ?? names.propose,
      title,
      ...(description === undefined ? {} : { description }),
      actions: [
        {
          name: action,
          args,
          schema: bounds?.(state) ?? schema,
          ...(allowed === undefined ? {} : { allowed }),
          ...(editable_paths === undefined ? {} : { editable_paths }),
          ...(options.risk === undefined ? {} : { risk: options.risk }),
          ...(preview === undefined ? {} : { preview }),
        },
      ],
    });
    const decided = decidedOf(decision);
    const to = "args" in decided ? names.execute : on[decided.type];
    const update = { [into]: { ...proposed, decision: decided }, trail: [entryOf(to, decided.type)] };
    return new Command({ goto: to, update });
  };
}

function executing(options: AnyOptions, names: Names) {
  const { into, execute, unasked, on } = options;
  return async (state: Args, config: LangGraphRunnableConfig): Promise<Command> => {
    const proposed = standingDecision(state[into], names, config);
    const decision = proposed?.decision;
    if (proposed !== undefined && decision != null && "args" in decision) {
      const update = await execute(decision.args, state, config);
      return new Command({ goto: on[decision.type], update: { [into]: { ...proposed, executed: true }, ...update } });
    }
    if (unasked === undefined)
      throw invalid(names.execute, "was reached without anybody's decision; nothing was executed");
    const update = await execute(unasked(state), state, config);
    return new Command({ goto: on.approve ?? on.edit, update });
  };
}

// A decision counts once, and for the input that it was asked for: a thread may be used again.
function standingDecision(value: unknown, { review: asked }: Names, config: LangGraphRunnableConfig) {
  const proposed = value as Proposed<Args> | null | undefined;
  if (proposed == null || proposed.executed) return undefined;
  const books = booksOf(config);
  return books === undefined || (books.rounds[asked]?.count ?? 0) > 0 ? proposed : undefined;
}

function decidedOf(decision: ReviewDecision<Args>): Decided<Args> {
  switch (decision.type) {
    case "approve":
    case "edit":
      return { type: decision.type, args: decision.args };
    case "reject":
      return { type: "reject", message: decision.message ?? null };
    case "respond":
      return { type: "respond", message: decision.message ?? null, value: decision.value ?? null };
  }
}

const WORDS: Record<DecisionType, string> = {
  approve: "it was approved",
  edit: "it was approved with changes",
  reject: "it was rejected",
  respond: "it was answered with words",
};

function entryOf(to: string, type: DecisionType): TrailEntry {
  return { kind: "route", node: currentNode(), to, by: "decision", reason: WORDS[type], score: null };
}

/** What is said of who decides and until when. */
function termsOf(options: AnyOptions): ReviewTerms {
  return Object.fromEntries(Object.entries(options).filter(([key]) => !Object.hasOwn(OWN_KEYS, key))) as ReviewTerms;
}

function invalid(name: string, what: string): HoldpointError {
  return new HoldpointError("invalid", `node "${name}" ${what}`, { facts: { node: name } });
}
