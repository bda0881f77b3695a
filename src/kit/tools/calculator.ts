import { z } from "zod";
import { defineTool, type Tool } from "../tool/tool.ts";
import { calculate } from "./calculator/evaluate.ts";
import { FUNCTION_NAMES } from "./calculator/functions.ts";
import { UNIT_NAMES } from "./calculator/units.ts";

const LONGEST_EXPRESSION = 2000;
const LONGEST_VARIABLE = 140;
const MOST_VARIABLES = 200;

const inputSchema = z.object({
  expression: z.string().min(1).max(LONGEST_EXPRESSION).describe("Such as (revenue_2012 / revenue_2011 - 1) * 100"),
  variables: z
    .record(z.string(), z.string().max(LONGEST_VARIABLE))
    .default({})
    .refine((given) => Object.keys(given).length <= MOST_VARIABLES, `at most ${MOST_VARIABLES} variables`)
    .describe('Values by name, as decimal strings, with a unit if they have one: { "price": "12.50 EUR" }'),
});

const outputSchema = z.object({
  value: z.string(),
  unit: z.string().nullable(),
  exact: z.boolean(),
  steps: z.array(z.object({ does: z.string(), gives: z.string() })),
});

/** The calculator as a tool. */
export type CalculatorTool = Tool<"calculator", typeof inputSchema, typeof outputSchema>;

/**
 * A tool that computes with exact decimals: 60 digits, units that are checked and converted, currencies that never are,
 * and every step on record. The expression is parsed, never run as code.
 */
export function calculator(): CalculatorTool {
  return defineTool({
    name: "calculator",
    description:
      "Computes with exact decimals: + - * / ^ mod, 5% for five hundredths, parentheses, " +
      `${FUNCTION_NAMES.join(", ")}, variables by name. Numbers may have units (${UNIT_NAMES.join(", ")}, ` +
      'currencies such as EUR): "90 km / 1.5 h to m/s". Different currencies are never converted.',
    input: inputSchema,
    output: outputSchema,
    effect: "read",
    attempts: 1,
    breaker: false,
    run: async ({ expression, variables }) => calculate(expression, variables),
  });
}
