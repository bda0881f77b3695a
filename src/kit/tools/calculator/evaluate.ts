import { callFunction } from "./functions.ts";
import { mistake } from "./mistake.ts";
import { compute, numberOf, written } from "./numbers.ts";
import { type Expression, parseExpression } from "./parse.ts";
import {
  add,
  converted,
  measured,
  multiply,
  plain,
  type Quantity,
  quantityText,
  toPower,
  unitText,
} from "./quantity.ts";
import { UNIT_NAMES, unitNamed } from "./units.ts";

/** One operation on the way to the result, in numbers. */
export interface Step {
  does: string;
  gives: string;
}

/** What an expression comes to. */
export interface Calculated {
  /** A decimal with all its digits. */
  value: string;
  unit: string | null;
  /** False when digits were lost: a third has no end as a decimal. */
  exact: boolean;
  steps: Step[];
}

const VARIABLE = /^\s*(-?)\s*(\d{1,60}(?:\.\d{1,60})?)(?:\s+([A-Za-z]+))?\s*$/;
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;
const RESERVED = new Set(["in", "to", "mod"]);
const ONE = numberOf("1");
const HUNDRED = numberOf("100");

/** Computes an expression. Variables are decimals, with a unit if they have one: `{ price: "12.50 EUR" }`. */
export function calculate(text: string, variables: Readonly<Record<string, string>> = {}): Calculated {
  const known = new Map(Object.entries(variables).map(([name, value]) => [name, variableOf(name, value)]));
  const steps: Step[] = [];
  const tree = parseExpression(text, (name) => unitNamed(name) !== undefined);
  const { value, units, exact } = evaluate(tree, { known, steps });
  return { value: written(value), unit: unitText(units), exact, steps };
}

interface Surroundings {
  known: ReadonlyMap<string, Quantity>;
  steps: Step[];
}

function evaluate(tree: Expression, here: Surroundings): Quantity {
  switch (tree.kind) {
    case "number":
      return tree.unit === null
        ? plain(numberOf(tree.text))
        : measured(numberOf(tree.text), tree.unit.name, tree.unit.power);
    case "name":
      return named(tree.name, here.known);
    case "negate": {
      const of = evaluate(tree.of, here);
      return { ...of, value: of.value.negated() };
    }
    case "percent": {
      const of = evaluate(tree.of, here);
      const result = compute("/", of.value, HUNDRED);
      return { ...of, value: result.value, exact: of.exact && result.exact };
    }
    case "binary":
      return binary(tree, here);
    case "call": {
      const given = tree.given.map((one) => evaluate(one, here));
      return noted(here, `${tree.name}(${given.map(quantityText).join(", ")})`, callFunction(tree.name, given));
    }
    case "convert":
      return convert(tree, here);
  }
}

function binary(tree: Extract<Expression, { kind: "binary" }>, here: Surroundings): Quantity {
  const { operator } = tree;
  const left = evaluate(tree.left, here);
  const right = evaluate(tree.right, here);
  const does = `${operand(left)} ${operator} ${operand(right)}`;
  if (operator === "+" || operator === "-") return noted(here, does, add(operator, left, right));
  return noted(here, does, operator === "^" ? toPower(left, right) : multiply(operator, left, right));
}

function convert(tree: Extract<Expression, { kind: "convert" }>, here: Surroundings): Quantity {
  const of = evaluate(tree.of, here);
  // A unit is meant here, also where a variable has the same name.
  const target = evaluate(tree.to, { known: new Map(), steps: [] });
  if (target.units.size === 0 || !target.value.eq(ONE)) {
    throw mistake(`"to" is followed by a unit, such as "to km/h", not by ${quantityText(target)}`);
  }
  return noted(here, `${quantityText(of)} to ${unitText(target.units)}`, converted(of, target.units, "to"));
}

function noted(here: Surroundings, does: string, result: Quantity): Quantity {
  here.steps.push({ does, gives: quantityText(result) });
  return result;
}

function operand(quantity: Quantity): string {
  const text = quantityText(quantity);
  return quantity.value.isNegative() || quantity.units.size > 1 ? `(${text})` : text;
}

function named(name: string, known: ReadonlyMap<string, Quantity>): Quantity {
  const variable = known.get(name);
  if (variable !== undefined) return variable;
  if (unitNamed(name) !== undefined) return measured(ONE, name);
  const names = known.size === 0 ? "no variables were given" : `the variables are ${[...known.keys()].join(", ")}`;
  throw mistake(
    `"${name}" is neither a variable nor a unit; ${names}, the units ${UNIT_NAMES.join(", ")} and currencies`,
  );
}

function variableOf(name: string, text: string): Quantity {
  if (!VARIABLE_NAME.test(name) || RESERVED.has(name)) throw mistake(`"${name}" cannot be the name of a variable`);
  const [, sign, digits, unit] = VARIABLE.exec(text) ?? [];
  if (digits === undefined || (unit !== undefined && unitNamed(unit) === undefined)) {
    throw mistake(`the variable ${name} is "${text}"; give a decimal, with a unit if it has one, such as "12.50 EUR"`);
  }
  const value = numberOf(`${sign}${digits}`);
  return unit === undefined ? plain(value) : measured(value, unit);
}
