import { Decimal } from "decimal.js";
import { mistake } from "./mistake.ts";

const DIGITS = 60;
const LARGEST_EXPONENT = 300;
const LARGEST_POWER = 1000;

/** Numbers as they are kept: this many digits, and no more than 300 places to either side of the point. */
const Kept = Decimal.clone({ precision: DIGITS, maxE: 9e15, minE: -9e15, rounding: Decimal.ROUND_HALF_EVEN });
// Wide enough for the exact sum, difference and product of any two numbers kept; what it rounds differs in the digits kept.
const Wide = Decimal.clone({ precision: 2 * LARGEST_EXPONENT + 2 * DIGITS, maxE: 9e15, minE: -9e15 });

/** A number, and whether digits were lost on the way to it. */
export interface Exactly {
  value: Decimal;
  exact: boolean;
}

/** A number as written. */
export function numberOf(text: string): Decimal {
  const exponent = Number(/[eE]([+-]?\d+)$/.exec(text)?.[1] ?? 0);
  if (Math.abs(exponent) > LARGEST_EXPONENT) throw tooLarge();
  return bounded(new Kept(text));
}

/** One operation of two numbers. */
export function compute(operator: "+" | "-" | "*" | "/" | "mod", left: Decimal, right: Decimal): Exactly {
  const [a, b] = [new Wide(left), new Wide(right)];
  if ((operator === "/" || operator === "mod") && b.isZero()) throw mistake("it divides by zero");
  switch (operator) {
    case "+":
      return kept(a.plus(b));
    case "-":
      return kept(a.minus(b));
    case "*":
      return kept(a.times(b));
    case "/":
      return kept(a.div(b));
    case "mod":
      // As a person means it: what is left has the divisor's sign, so that -1 mod 7 is 6.
      return kept(a.minus(a.div(b).floor().times(b)));
  }
}

/** `base` to the power of `exponent`. */
export function raise(base: Decimal, exponent: Decimal): Exactly {
  if (exponent.abs().gt(LARGEST_POWER)) throw mistake(`the power is beyond ${LARGEST_POWER}`);
  if (base.isZero() && !exponent.isPositive()) throw mistake("zero has no such power");
  if (base.isZero() && exponent.isZero()) throw mistake("zero to the power of zero is not defined");
  // Known before it is computed, so that nothing huge is.
  if (Math.abs(base.e) * Math.abs(exponent.toNumber()) > LARGEST_EXPONENT * 2) throw tooLarge();
  if (exponent.isInteger()) return kept(new Wide(base).pow(new Wide(exponent)));
  if (base.isNegative()) throw mistake("a number below zero has no such power");
  return { value: bounded(new Kept(base).pow(exponent)), exact: false };
}

/** The square root. */
export function root(of: Decimal): Exactly {
  if (of.isNegative() && !of.isZero()) throw mistake("a number below zero has no square root");
  return kept(new Wide(of).sqrt());
}

/** To so many places behind the point; half goes away from zero, as on an invoice. */
export function roundTo(of: Decimal, places: Decimal): Exactly {
  if (!places.isInteger() || places.abs().gt(50)) throw mistake("round() takes from -50 to 50 places");
  const count = places.toNumber();
  if (count >= 0) return { value: of.toDecimalPlaces(count, Decimal.ROUND_HALF_UP), exact: true };
  const scale = new Wide(10).pow(-count);
  return kept(new Wide(of).div(scale).toDecimalPlaces(0, Decimal.ROUND_HALF_UP).times(scale));
}

/** All digits, without an exponent. */
export function written(value: Decimal): string {
  return value.isZero() ? "0" : value.toFixed();
}

function kept(wide: Decimal): Exactly {
  const value = bounded(new Kept(wide).toSignificantDigits(DIGITS));
  return { value, exact: wide.eq(value) && wide.precision() <= DIGITS };
}

function bounded(value: Decimal): Decimal {
  if (!value.isFinite() || (!value.isZero() && Math.abs(value.e) > LARGEST_EXPONENT)) throw tooLarge();
  return value;
}

function tooLarge(): Error {
  return mistake(`a number in it has more than ${LARGEST_EXPONENT} places`);
}
