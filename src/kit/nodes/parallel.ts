import { DeltaValue, isGraphBubbleUp, type LangGraphRunnableConfig, ReducedValue } from "@langchain/langgraph";
import { classifyError } from "../../policy/error-class.ts";
import { type ErrorCode, HoldpointError, isHoldpointError } from "../../protocol/errors.ts";
import { type Finding, findingSchema } from "../../protocol/finding.ts";
import { kitClock } from "../clock.ts";
import { joinSignals } from "../join-signals.ts";
import { type NamesOf, refuseUnknown } from "../known-options.ts";
import { writing } from "../node.ts";
import { portsIfAny, runSignal, withPorts } from "../ports.ts";
import { withinTime } from "../time-limit.ts";
import { GROUP, type GroupNode, type GroupParts, type NodeGroup } from "../workflow/node-group.ts";
import { booksOf, FAILURE } from "../workflow/workflow-books.ts";

type State = Record<string, unknown>;

/** One of several things that are done at the same time. */
export interface Branch<Run> {
  run: Run;
  /** How long it may take; 30 seconds unless given. */
  timeout_ms?: number;
}

/** What is done side by side. */
export interface ParallelOptions<Branches, Into extends string> {
  branches: Branches;
  /** The key of the state that findings are added to, one for each branch that failed. */
  into: Into;
}

interface AnyOptions {
  branches: Readonly<Record<string, Branch<GroupNode["run"]>>>;
  into: string;
}

const TIMEOUT_MS = 30_000;
const KEYS = { branches: true, into: true } satisfies NamesOf<AnyOptions>;
const BRANCH_KEYS = { run: true, timeout_ms: true } satisfies NamesOf<Branch<unknown>>;

/**
 * Nodes that run side by side, each with a time of its own, joined before what comes next. One that fails, or is late, is a
 * finding; what the others give stays.
 */
export function parallel(options: AnyOptions): NodeGroup {
  refuseUnknown("parallel", options, KEYS);
  const { branches, into } = options;
  for (const [name, branch] of Object.entries(branches))
    refuseUnknown(`the branch "${name}" of parallel`, branch, BRANCH_KEYS);
  const names = Object.keys(branches);
  if (names.length === 0) throw new HoldpointError("graph_invalid", "parallel() was given no branch");
  for (const name of names) {
    if (!findingSchema.shape.code.safeParse(codeOf(name)).success) {
      const message = `the branch "${name}" cannot be told as a finding; use small letters, digits and "_"`;
      throw new HoldpointError("graph_invalid", message);
    }
  }
  const group: NodeGroup = {
    [GROUP]: (name, fields): GroupParts => {
      const field = fields[into];
      const isAppended = ReducedValue.isInstance(field) || DeltaValue.isInstance(field);
      const own = (branch: string) => `${name}_${branch}`;
      const join = own("join");
      const nodes = Object.entries(branches).map(([branch, terms]) => ({
        name: own(branch),
        run: guardedBranch(terms),
      }));
      const findings = (state: State, config: LangGraphRunnableConfig) => {
        const failures = booksOf(config)?.failures ?? {};
        const found = names.flatMap((branch): Finding[] => {
          const text = failures[own(branch)];
          return text == null
            ? []
            : [{ code: codeOf(branch), severity: "medium", score: 0.5, text: `${branch}: ${text}` }];
        });
        return { [into]: isAppended ? found : [...othersIn(state[into], names), ...found] };
      };
      return {
        nodes: [{ name, run: () => ({}) }, ...nodes, { name: join, run: findings }],
        edges: [...nodes.map((node) => [name, node.name] as const), [nodes.map((node) => node.name), join]],
        leaves: join,
      };
    },
  };
  return writing(group, { into });
}

const codeOf = (branch: string) => `${branch}_failed`;

// What an earlier round has said of these branches is over.
function othersIn(value: unknown, branches: readonly string[]): Finding[] {
  const codes = new Set(branches.map(codeOf));
  return ((value ?? []) as Finding[]).filter(({ code }) => !codes.has(code));
}

function guardedBranch({ run, timeout_ms = TIMEOUT_MS }: Branch<GroupNode["run"]>): GroupNode["run"] {
  return async (state: State, config) => {
    const { signal: stopped, release } = joinSignals(config.signal, runSignal());
    try {
      const update = await withinTime(timeout_ms, stopped, (signal) =>
        withSignal(signal, () => run(state, { ...config, signal }) as Promise<State | undefined>),
      );
      return { ...update, [FAILURE]: null };
    } catch (error) {
      stopped?.throwIfAborted();
      if (isGraphBubbleUp(error) || (isHoldpointError(error) && NOT_ITS_OWN.has(error.code))) throw error;
      return { [FAILURE]: wordsOf(error) };
    } finally {
      release();
    }
  };
}

/** What it calls hears, too, when its time is over. */
async function withSignal<Value>(signal: AbortSignal, body: () => Promise<Value>): Promise<Value> {
  const ports = portsIfAny();
  return ports === undefined ? await body() : await withPorts({ ...ports, signal }, body);
}

// These are faults of the graph, or the end of the run, whichever branch comes upon them.
const NOT_ITS_OWN: ReadonlySet<ErrorCode> = new Set([
  "budget_exceeded",
  "effect_key_reused",
  "graph_invalid",
  "lease_lost",
  "loop_limit",
  "outside_run",
  "unknown_state_key",
]);

// Messages of others may hold anything, a key among it; of those only what kind of failure it was is told.
function wordsOf(error: unknown): string {
  if (isHoldpointError(error)) return error.message.toWellFormed();
  const { class: kind, code, status } = classifyError(error, kitClock().now());
  if (kind === "timeout") return "it did not end in time";
  const by = [status === undefined ? [] : `HTTP ${status}`, code ?? []].flat().join(", ");
  const name = error instanceof Error ? error.name : typeof error;
  return `it failed (${kind}: ${name}${by === "" ? "" : `, ${by}`})`;
}
