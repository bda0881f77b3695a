import type { Tree } from "./parse-select.ts";
import { refused } from "./refused.ts";
import { kindOf, wordsOf } from "./walk.ts";

const LARGEST_EXPONENT = 100;

/**
 * Checks what a power is raised to: a small number that is written out, or a double, with which Postgres computes the
 * whole power in doubles. An exact power can have a hundred thousand digits, and no time-out stops their computation.
 */
export function checkExponent(node: unknown): void {
  const value = node === undefined ? Number.NaN : exponentOf(node);
  if (value === "double" || Math.abs(value) <= LARGEST_EXPONENT) return;
  throw refused(
    `a power needs an exponent of at most ${LARGEST_EXPONENT} that is written out, or a double: x ^ (y)::float8`,
  );
}

function exponentOf(node: unknown): number | "double" {
  const [kind, fields] = kindOf(node);
  if (kind === "TypeCast") {
    const type = fields["typeName"] as Tree;
    return wordsOf(type["names"]).at(-1) === "float8" ? "double" : exponentOf(fields["arg"]);
  }
  if (kind !== "A_Const") return Number.NaN;
  const { ival, fval } = fields as { ival?: { ival?: number }; fval?: { fval?: string } };
  // The parser leaves a zero out.
  if (ival !== undefined) return ival.ival ?? 0;
  return fval === undefined ? Number.NaN : Number(fval.fval);
}
