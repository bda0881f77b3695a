import { type Finding, SEVERITIES, type Severity } from "../protocol/finding.ts";

/** How findings become one number: the worst of them, all together (1 at most), what they are on average, or by a rule of the author's. */
export type Combination = "max" | "sum" | "mean" | ((scores: readonly number[]) => number);

const SCORES: Readonly<Record<Severity, number>> = { info: 0, low: 0.25, medium: 0.5, high: 0.75, critical: 1 };

/** The score of a finding whose finder says only how severe it is. */
export function scoreOf(severity: Severity): number {
  return SCORES[severity];
}

/** Whether one matters at least as much as the other. */
export function isAtLeast(severity: Severity, least: Severity): boolean {
  return SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(least);
}

/** The score of everything that was found; 0 where that is nothing. NaN where the author's rule gives no number from 0 to 1. */
export function totalScore(findings: readonly Pick<Finding, "score">[], combination: Combination = "max"): number {
  const scores = findings.map(({ score }) => score);
  if (typeof combination === "function") {
    const total = combination(scores);
    return total >= 0 && total <= 1 ? total : Number.NaN;
  }
  if (scores.length === 0) return 0;
  const sum = scores.reduce((left, right) => left + right, 0);
  if (combination === "sum") return Math.min(1, sum);
  return combination === "mean" ? sum / scores.length : Math.max(...scores);
}

/** Where findings lead: at least one of that severity, or a total of so much; both where both are said. */
export interface Threshold<Exit extends string = string> {
  severity?: Severity;
  score?: number;
  to: Exit;
}

/** The first threshold that is reached, and why; undefined where none is. */
export function reachedThreshold<Exit extends string>(
  findings: readonly Finding[],
  total: number,
  thresholds: readonly Threshold<Exit>[],
): { to: Exit; reason: string } | undefined {
  for (const { severity, score, to } of thresholds) {
    const worst = severity === undefined ? undefined : findings.find((one) => isAtLeast(one.severity, severity));
    if (severity !== undefined && worst === undefined) continue;
    if (score !== undefined && !(total >= score)) continue;
    const reasons = [
      ...(worst === undefined ? [] : [`${worst.code} is ${worst.severity}`]),
      ...(score === undefined ? [] : [`the score ${total} is at least ${score}`]),
    ];
    return { to, reason: reasons.join(" and ") };
  }
  return undefined;
}
