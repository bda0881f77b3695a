import type { z } from "zod";
import type { Finding } from "../../protocol/finding.ts";
import type { DecisionType } from "../../protocol/interrupt.ts";
import type { ToolOutcome } from "../../protocol/tool-outcome.ts";
import { type ChoosingNode, EXITS, type NodeFunction, WRITES, writing } from "../node.ts";
import { type Analysed, type AnalysisOptions, analysis } from "../nodes/analysis.ts";
import { type FallbackOptions, type FallbackResult, fallback, type StepFailure } from "../nodes/fallback.ts";
import { type Branch, type ParallelOptions, parallel } from "../nodes/parallel.ts";
import type { Proposed } from "../nodes/proposal.ts";
import { type ReviewNode, type ReviewNodeOptions, reviewNode } from "../nodes/review-node.ts";
import { type RouteOptions, route } from "../nodes/route.ts";
import { type Answer, type SynthesiseOptions, synthesise } from "../nodes/synthesise.ts";
import { type ToolNodeOptions, toolNode } from "../nodes/tool-node.ts";
import { type ValidationOptions, type ValidationRoutes, validation } from "../nodes/validation.ts";
import type { NodeGroup } from "./node-group.ts";
import { checkNodeOptions, type NodeOptions, withOptions } from "./node-options.ts";
import type { KeysTaking, Known, NodeConfig, NodeResult } from "./workflow-types.ts";

/** How a node is executed, and where it may go when it gives commands. */
export interface NodeTerms<Exit extends string> extends NodeOptions {
  /** The nodes that its commands go to; a node with exits has no edge. */
  exits?: readonly Exit[];
}

/** A function that was checked against a workflow's state. */
export type FlowNode<State, Context, Result, Exit extends string> = ((
  state: State,
  config: NodeConfig<Context>,
) => Promise<Result> | Result) &
  ([Exit] extends [never] ? unknown : { readonly [EXITS]: readonly Exit[] });

/** The nodes of the kit, for one workflow's state. */
export interface BoundNodes<State, Update, Context> {
  /** A node that chooses itself, with terms of execution. */
  node<Exit extends string>(
    run: ChoosingNode<State, object, Exit>,
    terms: NodeOptions,
  ): ChoosingNode<State, object, Exit>;
  /** A node of one's own. What it gives is checked against the state: its keys, and what they hold. */
  node<Given extends NodeResult<Update> | Promise<NodeResult<Update>>, const Exit extends string = never>(
    run: (state: State, config: NodeConfig<Context>) => Given & Known<Awaited<Given>, Update>,
    terms?: NodeTerms<Exit>,
  ): FlowNode<State, Context, Awaited<Given>, Exit>;

  /** Reads something of the state by a model, or by fixed rules that say so. */
  analysis<Value>(
    options: AnalysisOptions<State, Value> & { into: KeysTaking<Update, Analysed<Value>> },
  ): NodeFunction<State, object>;

  /** Checks something and keeps what it has found; with thresholds it chooses what comes next by that. */
  validation<const Exit extends string, Schema extends z.ZodType = z.ZodType, Value = unknown>(
    options: ValidationOptions<State, Schema, Value> & FindingKeys<Update> & ValidationRoutes<Exit>,
  ): ChoosingNode<State, object, Exit>;
  validation<Schema extends z.ZodType = z.ZodType, Value = unknown>(
    options: ValidationOptions<State, Schema, Value> & FindingKeys<Update>,
  ): NodeFunction<State, object>;

  /** Calls tools and keeps what became of each call: calls of the graph's own, a chain, or what rules or a model choose. */
  toolNode(options: ToolNodeOptions<State> & { into: KeysTaking<Update, ToolOutcome[]> }): NodeFunction<State, object>;

  /** Tries one way after the other, and says which one it was; see `fallbackResult()`. */
  fallback<Value>(
    options: FallbackOptions<State, Value> & { into: KeysTaking<Update, StoredResult<Value>> },
  ): NodeFunction<State, object>;

  /** Answers a question from what tools have given, each claim linked to the calls it comes from; see `answerSchema`. */
  synthesise(options: SynthesiseOptions<State> & { into: KeysTaking<Update, Answer> }): NodeFunction<State, object>;

  /** Chooses what comes next, and puts on record why: by rules, by a score, or by a model. */
  route<const Route extends string>(options: RouteOptions<State, Route, Update>): ChoosingNode<State, object, Route>;

  /**
   * Proposes, asks a person and executes what was decided, in three nodes: its own name, and with `_review` and `_execute`
   * behind it unless `names` says otherwise. Every answer that is offered leads somewhere.
   */
  reviewNode<
    Schema extends z.ZodType<Record<string, unknown>>,
    const On extends Readonly<Record<Allowed, string>>,
    const Allowed extends DecisionType = "approve" | "edit" | "reject",
    const Otherwise extends string = never,
    const Review extends string = "*_review",
    const Execute extends string = "*_execute",
  >(
    options: ReviewNodeOptions<
      State,
      Update,
      Schema,
      Allowed,
      On,
      Otherwise,
      KeysTaking<Update, Proposed<z.output<Schema>> | null>,
      Review,
      Execute
    >,
  ): ReviewNode<On[Allowed] | Otherwise, Review | Execute>;

  /** Runs nodes side by side and waits for all; one that fails or is late is a finding. Its edges are drawn as of one node. */
  parallel<const Branches extends Record<string, Branch<BranchRun<State, Update, Context>>>>(
    options: ParallelOptions<
      Branches & { [Key in keyof Branches]: Known<Awaited<ReturnType<Branches[Key]["run"]>>, Update> },
      KeysTaking<Update, Finding[]>
    >,
  ): NodeGroup<`*_${keyof Branches & string}` | "*_join">;
}

type StoredResult<Value> = Omit<FallbackResult<Value>, "failures"> & { failures: StepFailure[] };

interface FindingKeys<Update> {
  into: KeysTaking<Update, Finding[]>;
  score_into?: KeysTaking<Update, number>;
}

type BranchRun<State, Update, Context> = (
  state: State,
  config: NodeConfig<Context>,
) => Promise<Update | undefined> | Update | undefined;

/** Makes them. */
export function boundNodes(): BoundNodes<unknown, unknown, unknown> {
  return {
    node(run: object, terms: NodeTerms<string> = {}) {
      checkNodeOptions("flow.node", terms, { exits: true });
      const { exits, ...options } = terms;
      // A function of its own: the one that is given may be a node elsewhere, too.
      const own = (...given: unknown[]) => (run as (...given: unknown[]) => unknown)(...given);
      const known = exits ?? (run as { [EXITS]?: readonly string[] })[EXITS];
      if (known !== undefined) Object.defineProperty(own, EXITS, { value: known });
      const writes = (run as { [WRITES]?: Readonly<Record<string, string>> })[WRITES];
      return withOptions(writes === undefined ? own : writing(own, writes), options) as never;
    },
    analysis: analysis as never,
    validation: validation as never,
    toolNode: toolNode as never,
    fallback: fallback as never,
    synthesise: synthesise as never,
    route: route as never,
    reviewNode: reviewNode as never,
    parallel: parallel as never,
  };
}
