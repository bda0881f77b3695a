import type { AskedModel } from "./asked-model.ts";
import { type CheckedStep, checkStep, compiled, type ScriptStep } from "./model-step.ts";

/** What happens when a script has no step for what is asked: the last one again, an answer that is made up, or a refusal. */
export type AfterScript = "repeat" | "make_up" | "refuse";

/** The steps of a model, and how far it is. */
export interface ModelScript {
  /** The step for this; undefined when there is none. */
  next(asked: AskedModel): CheckedStep | undefined;
  /** How often it was asked for more than it has. */
  readonly overrun: number;
  /** Steps that were never used and were to come in order. */
  readonly left: number;
}

interface Waiting {
  step: ScriptStep;
  pointer: string;
  left: number;
}

/** Steps that say when they apply come first; the others come in their order. */
export function createScript(steps: readonly ScriptStep[], after: AfterScript): ModelScript {
  const waiting: Waiting[] = steps.map((step, index) => {
    const pointer = `/${index}`;
    const { when, times } = typeof step === "function" ? {} : checkStep(step, pointer);
    return { step, pointer, left: times ?? (when === undefined ? 1 : Number.POSITIVE_INFINITY) };
  });
  const whens = waiting.filter(({ step }) => isConditional(step));
  const queue = waiting.filter(({ step }) => !isConditional(step));
  let overrun = 0;
  return {
    get overrun() {
      return overrun;
    },
    get left() {
      return queue.filter(({ left }) => left > 0).length;
    },
    next(asked) {
      const found =
        whens.find(({ step, left }) => left > 0 && applies(step, asked)) ?? queue.find(({ left }) => left > 0);
      if (found !== undefined) {
        found.left -= 1;
        return settle(found, asked);
      }
      overrun += 1;
      const last = queue.at(-1);
      return after === "repeat" && last !== undefined ? settle(last, asked) : undefined;
    },
  };
}

function settle({ step, pointer }: Waiting, asked: AskedModel): CheckedStep {
  return checkStep(typeof step === "function" ? step(asked) : step, pointer);
}

const isConditional = (step: ScriptStep) => typeof step !== "function" && step.when !== undefined;

function applies(step: ScriptStep, asked: AskedModel): boolean {
  if (typeof step === "function" || step.when === undefined) return false;
  const { when } = step;
  const { text, model } = typeof when === "string" || when instanceof RegExp ? { text: when, model: undefined } : when;
  if (model !== undefined && model !== asked.model) return false;
  return text === undefined || holds(asked.question, text);
}

function holds(question: string, wanted: string | RegExp): boolean {
  if (wanted instanceof RegExp) return new RegExp(wanted.source, wanted.flags.replaceAll(/[gy]/g, "")).test(question);
  const pattern = compiled(wanted);
  if (pattern instanceof RegExp) return pattern.test(question);
  return question.toLowerCase().includes(wanted.toLowerCase());
}
