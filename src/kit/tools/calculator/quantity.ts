import type { Decimal } from "decimal.js";
import { mistake } from "./mistake.ts";
import { compute, type Exactly, numberOf, raise, root, written } from "./numbers.ts";
import { type Unit, unitNamed } from "./units.ts";

/** A number with its unit: each unit's name and power, none for a plain number. */
export interface Quantity extends Exactly {
  units: ReadonlyMap<string, number>;
}

const LARGEST_UNIT_POWER = 12;
const NO_UNITS: ReadonlyMap<string, number> = new Map();

/** A plain number. */
export function plain(value: Decimal): Quantity {
  return { value, exact: true, units: NO_UNITS };
}

/** So much of a unit, or of a power of one. */
export function measured(value: Decimal, unit: string, power = 1): Quantity {
  const of = { value, exact: true, units: checked(new Map([[unit, power]])) };
  if (power !== 1) refuseDegrees("^", of);
  return of;
}

/** The unit as it is written behind the number; null for a plain number. */
export function unitText(units: Quantity["units"]): string | null {
  const side = (sign: 1 | -1) =>
    [...units]
      .filter(([, power]) => power * sign > 0)
      .map(([name, power]) => (Math.abs(power) === 1 ? name : `${name}^${Math.abs(power)}`))
      .join("*");
  const [above, below] = [side(1), side(-1)];
  if (below === "") return above === "" ? null : above;
  return `${above === "" ? "1" : above}/${below.includes("*") ? `(${below})` : below}`;
}

/** For people and audit trails. */
export function quantityText({ value, units }: Quantity): string {
  const digits = Math.abs(value.e) > 40 ? value.toString() : written(value);
  const unit = unitText(units);
  return unit === null ? digits : `${digits} ${unit}`;
}

/** Adds or subtracts: both sides must measure the same. */
export function add(operator: "+" | "-", left: Quantity, right: Quantity): Quantity {
  refuseDegrees(operator, left, right);
  const same = converted(right, left.units, operator);
  return combine(left, same, compute(operator, left.value, same.value), left.units);
}

/** Multiplies, divides, or gives what a division leaves. */
export function multiply(operator: "*" | "/" | "mod", left: Quantity, right: Quantity): Quantity {
  refuseDegrees(operator, left, right);
  if (operator === "mod") {
    const same = converted(right, left.units, operator);
    return combine(left, same, compute("mod", left.value, same.value), left.units);
  }
  const units = new Map(left.units);
  let factor = right;
  for (const [name, power] of right.units) {
    // Kilometres times metres are square kilometres, not "km*m".
    const known = [...units.keys()].find((other) => dimensionOf(other) === dimensionOf(name)) ?? name;
    if (known !== name) factor = scaled(factor, name, known, power);
    units.set(known, (units.get(known) ?? 0) + (operator === "*" ? power : -power));
  }
  return combine(left, factor, compute(operator, left.value, factor.value), checked(units));
}

/** To a power, which is a plain number. */
export function toPower(base: Quantity, exponent: Quantity): Quantity {
  refuseDegrees("^", base);
  if (exponent.units.size > 0) throw mistake(`a power is a plain number, not ${quantityText(exponent)}`);
  if (base.units.size > 0 && !exponent.value.isInteger()) throw mistake("a unit has whole powers only");
  const units = new Map([...base.units].map(([name, power]) => [name, power * exponent.value.toNumber()]));
  return combine(base, exponent, raise(base.value, exponent.value), checked(units));
}

/** The square root; a unit must be a square. */
export function squareRoot(of: Quantity): Quantity {
  refuseDegrees("sqrt", of);
  if ([...of.units.values()].some((power) => power % 2 !== 0)) {
    throw mistake(`${quantityText(of)} is no square of a unit`);
  }
  return combine(of, of, root(of.value), new Map([...of.units].map(([name, power]) => [name, power / 2])));
}

/** The same quantity in other units of the same dimensions. */
export function converted(of: Quantity, units: Quantity["units"], what: string): Quantity {
  if (unitText(of.units) === unitText(units)) return of;
  if (dimensionText(of.units) !== dimensionText(units)) {
    const [mine, other] = [unitText(of.units) ?? "a plain number", unitText(units) ?? "a plain number"];
    const [is, not] = [dimensionText(of.units), dimensionText(units)];
    throw mistake(
      is.includes("currency") && not.includes("currency")
        ? `"${what}" brings ${mine} and ${other} together; currencies are not converted: multiply by a rate you know`
        : `"${what}" brings ${mine} (${is}) and ${other} (${not}) together`,
    );
  }
  const [from, to] = [...of.units.keys(), ...units.keys()];
  if (from !== undefined && to !== undefined && isDegree(from, to)) return degrees(of, from, to);
  let result: Quantity = of;
  const left = new Map(units);
  for (const [name, power] of of.units) {
    const target = [...left.keys()].find((other) => dimensionOf(other) === dimensionOf(name));
    if (target !== undefined && target !== name) result = scaled(result, name, target, power);
  }
  return { ...result, units };
}

function scaled(of: Quantity, from: string, to: string, power: number): Quantity {
  let result: Exactly = of;
  const [up, down] = power > 0 ? [unit(from), unit(to)] : [unit(to), unit(from)];
  const numerator = compute("*", numberOf(up.factor), numberOf(down.divisor ?? "1"));
  const denominator = compute("*", numberOf(down.factor), numberOf(up.divisor ?? "1"));
  for (let times = 0; times < Math.abs(power); times += 1) {
    // Multiplied first: the quotient of the two may have no end as a decimal where the result has one.
    const more = compute("*", result.value, numerator.value);
    const whole = compute("/", more.value, denominator.value);
    result = { value: whole.value, exact: result.exact && more.exact && whole.exact };
  }
  return { ...of, ...result };
}

function degrees(of: Quantity, from: string, to: string): Quantity {
  const [source, target] = [unit(from), unit(to)];
  let exact = of.exact;
  const step = (operator: "+" | "-" | "*" | "/", left: Decimal, right: string) => {
    const result = compute(operator, left, numberOf(right));
    exact &&= result.exact;
    return result.value;
  };
  // All in ninths of a kelvin, in which every zero is a decimal.
  const zero = ([digits, per]: readonly [string, string] = ["0", "1"]) =>
    step("/", step("*", numberOf(digits), "9"), per).toFixed();
  const size = step("/", step("*", step("*", of.value, "9"), source.factor), source.divisor ?? "1");
  const above = step("-", step("+", size, zero(source.zero)), zero(target.zero));
  const ninths = step("*", numberOf(target.factor), "9").toFixed();
  const value = step("/", step("*", above, target.divisor ?? "1"), ninths);
  return { value, exact, units: new Map([[to, 1]]) };
}

function combine(left: Exactly, right: Exactly, result: Exactly, units: Quantity["units"]): Quantity {
  return { value: result.value, exact: left.exact && right.exact && result.exact, units };
}

function checked(units: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const kept = new Map([...units].filter(([, power]) => power !== 0));
  if ([...kept.values()].some((power) => Math.abs(power) > LARGEST_UNIT_POWER)) {
    throw mistake(`a unit has a power beyond ${LARGEST_UNIT_POWER}`);
  }
  return kept;
}

function refuseDegrees(operator: string, ...quantities: Quantity[]): void {
  const degree = quantities.flatMap(({ units }) => [...units.keys()]).find((name) => unit(name).zero !== undefined);
  if (degree === undefined) return;
  throw mistake(`"${operator}" of ${degree} says nothing, because its zero is no nothing; convert it "to K" first`);
}

function isDegree(from: string, to: string): boolean {
  return unit(from).zero !== undefined || unit(to).zero !== undefined;
}

function dimensionText(units: Quantity["units"]): string {
  const powers = new Map<string, number>();
  for (const [name, power] of units) powers.set(dimensionOf(name), (powers.get(dimensionOf(name)) ?? 0) + power);
  const parts = [...powers]
    .filter(([, power]) => power !== 0)
    .map(([name, power]) => (power === 1 ? name : `${name}^${power}`));
  return parts.length === 0 ? "no dimension" : parts.sort().join(" * ");
}

function dimensionOf(name: string): string {
  return unit(name).dimension;
}

function unit(name: string): Unit {
  const found = unitNamed(name);
  if (found === undefined) throw mistake(`there is no unit "${name}"`);
  return found;
}
