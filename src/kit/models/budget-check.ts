import { getConfig } from "@langchain/langgraph";
import { z } from "zod";
import { HoldpointError } from "../../protocol/errors.ts";
import type { Budget, Overspent } from "../guards.ts";
import { portsIfAny } from "../ports.ts";
import { type Ask, withQuestions } from "../review/task-question.ts";
import { currentNodeAttempt, currentScratchpad } from "../review/task-turns.ts";

interface Calls {
  attempt: number;
  count: number;
}

const callsOfTask = new WeakMap<object, Calls>();

/** Which call of a model of its task this is, the same each time the task is executed; undefined outside of one. */
export function ordinalInTask(): number | undefined {
  const scratchpad = currentScratchpad();
  if (scratchpad === undefined) return undefined;
  const attempt = currentNodeAttempt();
  const known = callsOfTask.get(scratchpad);
  const calls = known?.attempt === attempt ? known : { attempt, count: 0 };
  calls.count += 1;
  callsOfTask.set(scratchpad, calls);
  return calls.count;
}

/** Asks a person whether more may be spent where a budget is used up. Throws `budget_exceeded` when it may not. */
export async function checkBudget(own: Budget | undefined): Promise<void> {
  const ports = portsIfAny();
  if (ports === undefined) return;
  const { meter } = ports.guards;
  const budget = own ?? ports.run.budget;
  const ordinal = ordinalInTask();
  if (ordinal === undefined) {
    const over = await meter.overspent(budget);
    if (over !== undefined) throw exceeded(over, "and there is no run that could ask for more");
    return;
  }
  // Entered each time: what was asked here before has its place in the order of the task's questions.
  await withQuestions(`budget:${ordinal}`, async (ask) => {
    // Bound: each round has a person's answer, who can end it.
    for (;;) {
      const over = await meter.overspent(budget);
      if (over === undefined) return;
      // What runs of a graph or a tenant may spend in a day is for whoever runs the server to say.
      if (over.scope !== "run") throw exceeded(over, "for today; whoever runs this server can raise it");
      // A budget only grows: what it was tells one answer from the next, also when the task is executed again.
      await meter.grant(`${taskPath()}:budget:${spelt(over.budget)}`, await allowed(ask, over, ports.run.graph_id));
    }
  });
}

/** Tells the tasks of a run apart; the same when one is executed again. */
function taskPath(): string {
  return String(getConfig()?.metadata?.["langgraph_checkpoint_ns"] ?? "");
}

// Not what was spent to the token: that still grows where nodes run side by side, and an answer is for these very words.
function asker(): string {
  const node: unknown = getConfig()?.metadata?.["langgraph_node"];
  return typeof node === "string" ? `Node "${node}"` : "A node";
}

const moreSchema = z
  .object({ tokens: z.int().positive().optional(), cost: z.number().positive().optional() })
  .refine(({ tokens, cost }) => tokens !== undefined || cost !== undefined, "say how much more, in tokens or in cost");

async function allowed(ask: Ask, over: Overspent, graph_id: string): Promise<Budget> {
  const { tokens, cost } = over.budget;
  const args = { ...(tokens === undefined ? {} : { tokens }), ...(cost === undefined ? {} : { cost }) };
  const [decision] = await ask({
    key: "budget",
    title: "This run has used up its budget. May it spend more?",
    description: `${asker()} of graph "${graph_id}" wants to ask a model, and all that this run may spend is spent: ${spelt(over.budget)}. Approving allows as much again; the amount can be changed. If rejected, the node fails.`,
    actions: [
      {
        name: "spend_more",
        args,
        schema: moreSchema,
        allowed: ["approve", "edit", "reject"],
        preview: `The run may spend ${spelt(args)} more, and goes on.`,
      },
    ],
  });
  if (decision.type === "approve" || decision.type === "edit") return given(decision.args);
  throw exceeded(over, "and a person has refused it more");
}

function given({ tokens, cost }: z.output<typeof moreSchema>): Budget {
  return { ...(tokens === undefined ? {} : { tokens }), ...(cost === undefined ? {} : { cost }) };
}

function exceeded({ scope, budget, tokens, cost }: Overspent, why: string): HoldpointError {
  return new HoldpointError("budget_exceeded", `the budget of this ${scope} (${spelt(budget)}) is used up, ${why}`, {
    facts: { scope, budget, tokens, cost },
  });
}

function spelt({ tokens, cost }: Budget): string {
  const parts = [tokens === undefined ? [] : `${tokens} tokens`, cost === undefined ? [] : `a cost of ${cost}`].flat();
  return parts.join(" and ") || "nothing";
}
