import { z } from "zod";
import { masked } from "../../policy/mask.ts";
import type { Json } from "../../protocol/json.ts";
import type { EffectRequest } from "../ports.ts";
import { questionOf, type ReviewDecision, type ReviewOptions } from "../review/review.ts";
import type { Ask } from "../review/task-question.ts";
import type { LedgerEntry } from "./effect-ledger.ts";

/** What a person says of an effect of which nobody knows if it happened. */
export type DoubtAnswer =
  | { kind: "happened"; result: Json }
  | { kind: "try_again" }
  | { kind: "give_up"; reason: string };

// Any JSON; said without a name for itself, because a person reads it as a JSON Schema.
const anyJson = z.union([
  z.null(),
  z.boolean(),
  z.number(),
  z.string(),
  z.array(z.unknown()),
  z.record(z.string(), z.unknown()),
]);
const shownSchema = z.object({
  effect_id: z.string(),
  attempt: z.number().int(),
  started_at: z.string(),
  started_by_run: z.string(),
  error: z.string().nullable(),
  arguments: anyJson,
});

/**
 * Asks a person what has become of an attempt. Neither answer is a mere yes: what happened needs its result, another
 * attempt needs its own words, so nobody starts one by approving in passing, and no time-out can.
 */
export async function askAboutDoubt(
  ask: Ask,
  request: EffectRequest,
  entry: LedgerEntry,
): Promise<{ answer: DoubtAnswer; value_digest: string }> {
  const question = doubt(request, entry);
  const [decision] = await ask(question);
  return { answer: answerOf(decision), value_digest: questionOf(question).value.value_digest };
}

function doubt(request: EffectRequest, entry: LedgerEntry) {
  const { name } = request;
  const happened = z.strictObject({ happened: resultOf(request) });
  const tryAgain = z.strictObject({ try_again: z.literal(true) });
  const action = {
    name,
    args: shownOf(request, entry),
    schema: shownSchema,
    allowed: ["respond", "reject"],
    response: z.union([happened, tryAgain]),
    risk: "high",
    preview: `with {"try_again": true}, "${name}" is done a second time; with {"happened": <its result>}, nothing is done and its run goes on. If rejected, it is given up for good.`,
  } as const;
  return {
    key: "effect_in_doubt",
    title: `Did "${name}" happen?`,
    description: words(request, entry),
    risk: "high",
    actions: [action],
  } as const satisfies ReviewOptions<readonly [typeof shownSchema]>;
}

function resultOf({ resultSchema = anyJson }: EffectRequest): z.ZodType {
  return resultSchema.description === undefined ? resultSchema.describe("its result") : resultSchema;
}

function answerOf(decision: ReviewDecision<unknown>): DoubtAnswer {
  if (decision.type === "respond") {
    const value = decision.value as { happened: Json } | { try_again: true };
    return "happened" in value ? { kind: "happened", result: value.happened } : { kind: "try_again" };
  }
  const said = decision.type === "reject" ? decision.message : undefined;
  return { kind: "give_up", reason: said ?? "a person has given it up" };
}

// Everything shown is as it is stored: the same on each execution, or the answer would be for another question.
function shownOf(request: EffectRequest, { effect_id, attempt, started_at, run_id, error }: LedgerEntry) {
  const shown = masked(request.args, request.redact ?? []);
  return { effect_id, attempt, started_at, started_by_run: run_id, error, arguments: shown };
}

function words({ name }: EffectRequest, { attempt, started_at, run_id, error }: LedgerEntry): string {
  const wrong =
    error === null
      ? "it left neither a result nor an error, because the process that called it was stopped"
      : "it ended with the error that is shown with it, which does not tell whether it happened";
  return [
    `"${name}" was started ${momentIn(started_at)}, and nobody knows what became of it: ${wrong}. It may happen only once, so it is not started again by itself.`,
    "",
    "Look where it would have happened, for its arguments or its effect_id, both shown with it. Then:",
    "",
    '- it happened: answer `{"happened": …}` with its result as JSON, `null` where it gives none;',
    '- it did not happen and should: answer `{"try_again": true}`;',
    "- it did not happen and should not any more: reject. Its run is told that it was given up.",
    "",
    `This was attempt ${attempt}, by run ${run_id}.`,
  ].join("\n");
}

/** To the second, and the same wherever it is written. */
function momentIn(at: string): string {
  const ms = Date.parse(at);
  return Number.isNaN(ms) ? at : `on ${new Date(ms).toISOString().slice(0, 19).replace("T", " at ")} UTC`;
}
