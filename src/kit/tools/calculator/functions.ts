import { mistake } from "./mistake.ts";
import { numberOf, roundTo } from "./numbers.ts";
import { add, converted, multiply, plain, type Quantity, quantityText, squareRoot } from "./quantity.ts";

interface CalculatorFunction {
  least: number;
  most: number;
  compute(given: readonly [Quantity, ...Quantity[]]): Quantity;
}

const MOST_GIVEN = 200;

const FUNCTIONS: Readonly<Record<string, CalculatorFunction>> = {
  abs: { least: 1, most: 1, compute: ([of]) => ({ ...of, value: of.value.abs() }) },
  avg: {
    least: 1,
    most: MOST_GIVEN,
    compute: (given) => multiply("/", total(given), plain(numberOf(String(given.length)))),
  },
  ceil: { least: 1, most: 1, compute: ([of]) => ({ ...of, value: of.value.ceil() }) },
  floor: { least: 1, most: 1, compute: ([of]) => ({ ...of, value: of.value.floor() }) },
  max: { least: 1, most: MOST_GIVEN, compute: (given) => extreme(given, "max") },
  min: { least: 1, most: MOST_GIVEN, compute: (given) => extreme(given, "min") },
  round: { least: 1, most: 2, compute: ([of, places]) => rounded(of, places) },
  sqrt: { least: 1, most: 1, compute: ([of]) => squareRoot(of) },
  sum: { least: 1, most: MOST_GIVEN, compute: total },
};

/** The names of the functions there are. */
export const FUNCTION_NAMES: readonly string[] = Object.keys(FUNCTIONS);

/** Calls a function of the calculator. */
export function callFunction(name: string, given: readonly Quantity[]): Quantity {
  const known = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
  if (known === undefined) throw mistake(`there is no function "${name}"; there are ${FUNCTION_NAMES.join(", ")}`);
  if (given.length < known.least || given.length > known.most) {
    const wanted = known.least === known.most ? `${known.least}` : `${known.least} to ${known.most}`;
    throw mistake(`${name}() takes ${wanted} values, not ${given.length}`);
  }
  return known.compute(given as readonly [Quantity, ...Quantity[]]);
}

function total([first, ...rest]: readonly [Quantity, ...Quantity[]]): Quantity {
  return rest.reduce((sum, next) => add("+", sum, next), first);
}

function extreme([first, ...rest]: readonly [Quantity, ...Quantity[]], name: "max" | "min"): Quantity {
  return rest.reduce((best, next) => {
    const difference = converted(next, best.units, name).value.comparedTo(best.value);
    return (name === "max" ? difference > 0 : difference < 0) ? next : best;
  }, first);
}

function rounded(of: Quantity, places: Quantity | undefined): Quantity {
  if (places !== undefined && places.units.size > 0) {
    throw mistake(`round() takes a plain number of places, not ${quantityText(places)}`);
  }
  const result = roundTo(of.value, places?.value ?? numberOf("0"));
  // What was rounded on purpose is no longer what was lost on the way.
  return { ...of, value: result.value, exact: of.exact && result.exact };
}
