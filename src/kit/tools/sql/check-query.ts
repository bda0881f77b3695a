import type { AllowedTable } from "./allowed-tables.ts";
import { checkExpression } from "./check-expression.ts";
import { checkSelect } from "./check-select.ts";
import type { Tree } from "./parse-select.ts";
import { refused } from "./refused.ts";
import type { KnownColumns } from "./scope.ts";
import { kindOf, type Walk } from "./walk.ts";

/** What a query may do. */
export interface QueryRules {
  tables: ReadonlyMap<string, AllowedTable>;
  functions: ReadonlySet<string>;
  known?: KnownColumns;
}

const MOST_NODES = 4000;
const DEEPEST = 150;

/** Checks that a SELECT reads nothing but what the rules allow, and has as many parameters as it is given. */
export function checkQuery(select: Tree, rules: QueryRules, parameterCount: number): void {
  let nodes = 0;
  let depth = 0;
  const walk: Walk = {
    tables: rules.tables,
    functions: rules.functions,
    known: rules.known ?? new Map(),
    parameters: new Set(),
    enter(body) {
      nodes += 1;
      depth += 1;
      if (nodes > MOST_NODES || depth > DEEPEST) throw refused("it has too many parts, or too many inside each other");
      body();
      depth -= 1;
    },
    select(tree, parent) {
      const [kind, fields] = kindOf(tree);
      if (kind !== "SelectStmt") throw refused("only a select reads without changing anything, also inside another");
      walk.enter(() => checkSelect(fields, parent, walk));
    },
    expression(tree, scope) {
      if (tree !== undefined) walk.enter(() => checkExpression(tree, scope, walk));
    },
  };
  walk.select({ SelectStmt: select }, null);
  const highest = Math.max(0, ...walk.parameters);
  if (highest !== parameterCount || walk.parameters.size !== parameterCount || walk.parameters.has(0)) {
    throw refused(
      `it uses the parameters ${[...walk.parameters].map((at) => `$${at}`).join(", ") || "none"}, and has ${parameterCount} values for them`,
    );
  }
}
