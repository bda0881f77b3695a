import { isGraphBubbleUp } from "@langchain/langgraph";
import { withoutValues } from "../../policy/mask.ts";
import { HoldpointError, isHoldpointError } from "../../protocol/errors.ts";
import type { Json } from "../../protocol/json.ts";
import { kitClock } from "../clock.ts";
import type { EffectCall, EffectRequest } from "../ports.ts";
import { type Ask, withQuestions } from "../review/task-question.ts";
import { currentScratchpad } from "../review/task-turns.ts";
import { askAboutDoubt } from "./effect-doubt.ts";
import type { EffectLedger, LedgerEntry, LedgerStep } from "./effect-ledger.ts";
import { isNotDone } from "./not-done.ts";

// A recall, a late receipt and a stopped run are noticed as soon as this.
const LOOK_EVERY_MS = 1_000;
const FIRST_LOOK_MS = 50;
// The clocks of both sides may differ by so much, and an answer may be under way.
const DOUBT_MARGIN_MS = 2_000;
const LONGEST_ERROR = 2_000;

type Execute = (call: EffectCall) => Promise<Json>;

/** One effect of the running task, and what it is done with. */
interface Performance {
  ledger: EffectLedger;
  request: EffectRequest;
  execute: Execute;
  ask: Ask;
}

/**
 * Does an effect by the rules of its kind: the intent is recorded before the call and the result after it. One that may
 * happen once and of which nobody knows if it did is shown to a person, who says what became of it.
 */
export async function performEffect(ledger: EffectLedger, request: EffectRequest, execute: Execute): Promise<Json> {
  if (request.kind !== "once") return await drive({ ledger, request, execute, ask: cannotAsk });
  return await withQuestions(`effect:${request.key}`, (ask) => drive({ ledger, request, execute, ask }));
}

async function drive(performance: Performance): Promise<Json> {
  const { ledger, request } = performance;
  let step = await ledger.intend(request);
  // Bound: a round ends it, waits for the end of a hold, or follows an answer that was given for this very attempt.
  for (;;) {
    if (step.execute) {
      const done = await attempt(performance, step.entry);
      if (done !== undefined) return done.result;
      step = { entry: await ledger.read(step.entry.effect_id), execute: false };
    }
    const { entry } = step;
    if (entry.status === "receipt") return entry.result;
    if (entry.status === "failed") throw givenUp(request, entry);
    if (entry.status === "recalled") throw recalled(request, entry);
    if (entry.status === "not_done") step = await ledger.intend(request);
    else step = entry.status === "held" ? await hold(performance, entry) : await settle(performance, entry);
  }
}

/** Calls. Undefined where it failed and may have happened, and may happen only once. */
async function attempt({ ledger, request, execute }: Performance, entry: LedgerEntry) {
  const { effect_id, attempt } = entry;
  const stopped = ledger.signal();
  const over = AbortSignal.timeout(request.timeoutMs);
  const signal = stopped === undefined ? over : AbortSignal.any([stopped, over]);
  const fail = (error: unknown, isNotDone: boolean) =>
    // The node's error is the one to report; losing the note about it must not hide it.
    ledger.fail(effect_id, attempt, inWords(request, error), isNotDone).catch(() => {});
  if (signal.aborted) {
    // The last moment before the world is touched: a run that was stopped does not begin.
    await fail(signal.reason, true);
    throw signal.reason;
  }
  let result: Json;
  try {
    result = await execute({ effect_id, signal });
  } catch (error) {
    if (isGraphBubbleUp(error)) throw error;
    const isUndone = isNotDone(error);
    await fail(error, isUndone);
    const isLost = isHoldpointError(error) && error.code === "lease_lost";
    if (isUndone || isLost || request.kind !== "once" || stopped?.aborted === true) throw error;
    return undefined;
  }
  await ledger.receive(effect_id, attempt, result ?? null);
  return { result };
}

/** Waits until it may start or is recalled, however often the run is executed meanwhile. */
async function hold({ ledger, request }: Performance, held: LedgerEntry): Promise<LedgerStep> {
  const entry = await waitWhile(ledger, held, "held", 0);
  return entry.status === "held" ? await ledger.release(entry.effect_id, request) : { entry, execute: false };
}

/** Asks what has become of an attempt, once nothing can come of it any more, and does what the answer says. */
async function settle({ ledger, request, ask }: Performance, doubted: LedgerEntry): Promise<LedgerStep> {
  if (currentScratchpad() === undefined) throw inDoubt(request, doubted);
  const entry = await waitWhile(ledger, doubted, "intent", DOUBT_MARGIN_MS);
  if (entry.status !== "intent") return { entry, execute: false };
  const { effect_id, attempt } = entry;
  const { answer, value_digest } = await askAboutDoubt(ask, request, entry);
  const settled = { attempt, value_digest };
  if (answer.kind === "try_again") return await ledger.startAgain(effect_id, request, settled);
  if (answer.kind === "happened") await ledger.receive(effect_id, attempt, answer.result, settled);
  else await ledger.giveUp(effect_id, settled, answer.reason);
  return { entry: await ledger.read(effect_id), execute: false };
}

/** Looks at it until its time is over, or it stands otherwise. */
async function waitWhile(
  ledger: EffectLedger,
  entry: LedgerEntry,
  status: LedgerEntry["status"],
  marginMs: number,
): Promise<LedgerEntry> {
  const clock = kitClock();
  const signal = ledger.signal();
  let now = entry;
  let lookMs = FIRST_LOOK_MS;
  // Bound: the time that was given when it was written down.
  while (now.status === status && now.left_ms + marginMs > 0) {
    await clock.sleep(Math.min(now.left_ms + marginMs, lookMs), signal);
    lookMs = Math.min(2 * lookMs, LOOK_EVERY_MS);
    now = await ledger.read(entry.effect_id);
  }
  return now;
}

function inWords({ args, redact = [] }: EffectRequest, error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return withoutValues(text.toWellFormed().replaceAll("\0", "\ufffd"), args, redact).slice(0, LONGEST_ERROR);
}

const cannotAsk: Ask = () => Promise.reject(new Error("only what may happen once is asked about"));

function givenUp({ name }: EffectRequest, { effect_id, attempt, settled_because }: LedgerEntry): HoldpointError {
  return new HoldpointError("effect_given_up", `effect "${name}" was given up: ${settled_because}`, {
    facts: { effect_id, name, attempt, reason: settled_because },
  });
}

function recalled({ name }: EffectRequest, { effect_id, settled_because }: LedgerEntry): HoldpointError {
  return new HoldpointError("effect_recalled", `effect "${name}" was recalled before it started: ${settled_because}`, {
    facts: { effect_id, name, reason: settled_because },
  });
}

function inDoubt({ name }: EffectRequest, { effect_id, started_at }: LedgerEntry): HoldpointError {
  const message = `effect "${name}" was started at ${started_at} and left no receipt: it may or may not have happened, it is not started a second time, and nobody can be asked outside of a graph`;
  return new HoldpointError("effect_in_doubt", message, { facts: { effect_id, name, started_at } });
}
