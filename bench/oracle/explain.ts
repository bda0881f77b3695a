import type { Difference } from "./compare.ts";
import { REST } from "./explanations/rest.ts";
import { QUESTIONS, RUNS, STREAMS } from "./explanations/runs.ts";
import { ASSISTANTS, METADATA, THREADS } from "./explanations/threads.ts";
import { HEADERS, REFUSALS } from "./explanations/wire.ts";

/** Why a difference is as it is. The first that fits a difference explains it. */
export interface Explanation {
  /** What is different, in a few words. */
  what: string;
  why: string;
  /** Scenario, step and path: where it is seen. */
  where: RegExp;
  /** What each of the two answers there, as JSON; anything unless given. */
  dev?: RegExp;
  ours?: RegExp;
}

// Every difference that is meant.
const EXPLANATIONS: readonly Explanation[] = [
  ...HEADERS,
  ...THREADS,
  ...REFUSALS,
  ...ASSISTANTS,
  ...METADATA,
  ...RUNS,
  ...QUESTIONS,
  ...STREAMS,
  ...REST,
];

/** An explanation and the differences that it explains. */
export interface Explained extends Explanation {
  differences: Difference[];
}

/** Gives each difference the first explanation that fits it. */
export function explain(found: readonly Difference[]): {
  explained: Explained[];
  unexplained: Difference[];
  unused: Explanation[];
} {
  const explained = EXPLANATIONS.map((explanation): Explained => ({ ...explanation, differences: [] }));
  const unexplained = found.filter((difference) => {
    const explanation = explained.find((one) => fits(one, difference));
    explanation?.differences.push(difference);
    return explanation === undefined;
  });
  return {
    explained: explained.filter(({ differences }) => differences.length > 0),
    unexplained,
    unused: EXPLANATIONS.filter((_one, place) => explained[place]?.differences.length === 0),
  };
}

function fits({ where, dev, ours }: Explanation, difference: Difference): boolean {
  if (!where.test(difference.place)) return false;
  const isLike = (pattern: RegExp | undefined, value: unknown) => pattern?.test(JSON.stringify(value)) ?? true;
  return isLike(dev, difference.dev) && isLike(ours, difference.ours);
}
