import { checkExponent } from "./check-power.ts";
import type { Tree } from "./parse-select.ts";
import { refused } from "./refused.ts";
import { checkColumn, checkStar, type Scope } from "./scope.ts";
import { ALLOWED_FUNCTIONS, ALLOWED_OPERATORS, ALLOWED_TYPES } from "./vocabulary.ts";
import { kindOf, listOf, only, type Walk, wordsOf } from "./walk.ts";

/** Checks one node of an expression. */
type Check = (fields: Tree, scope: Scope, walk: Walk) => void;

/** Checks an expression: every kind of node that is allowed has a rule here, and there is no other way in. */
export function checkExpression(node: unknown, scope: Scope, walk: Walk): void {
  const [kind, fields] = kindOf(node);
  const check = Object.hasOwn(CHECKS, kind) ? CHECKS[kind] : undefined;
  if (check === undefined) throw refused(`${NAMES[kind] ?? kind} is not allowed`);
  check(fields, scope, walk);
}

const NAMES: Readonly<Record<string, string>> = {
  XmlExpr: "XML",
  XmlSerialize: "XML",
  CurrentOfExpr: "a cursor",
  SetToDefault: "default",
  JsonFuncExpr: "a JSON path",
  JsonTable: "json_table",
};

/** A node whose parts are expressions in these fields, and whose other fields say nothing that could do harm. */
function parts(what: string, expressions: readonly string[], ...others: readonly string[]): Check {
  return (fields, scope, walk) => {
    only(fields, what, ...expressions, ...others);
    for (const name of expressions) {
      const field = fields[name];
      if (Array.isArray(field)) for (const one of field) walk.expression(one, scope);
      else walk.expression(field, scope);
    }
  };
}

const OPERATOR_KINDS = new Set([
  "AEXPR_OP",
  "AEXPR_OP_ANY",
  "AEXPR_OP_ALL",
  "AEXPR_DISTINCT",
  "AEXPR_NOT_DISTINCT",
  "AEXPR_NULLIF",
  "AEXPR_IN",
  "AEXPR_LIKE",
  "AEXPR_ILIKE",
  "AEXPR_SIMILAR",
]);
const BETWEEN_KINDS = new Set(["AEXPR_BETWEEN", "AEXPR_NOT_BETWEEN", "AEXPR_BETWEEN_SYM", "AEXPR_NOT_BETWEEN_SYM"]);
const CLOCKS = new Set([
  "SVFOP_CURRENT_DATE",
  "SVFOP_CURRENT_TIMESTAMP",
  "SVFOP_CURRENT_TIMESTAMP_N",
  "SVFOP_LOCALTIMESTAMP",
  "SVFOP_LOCALTIMESTAMP_N",
]);

const CHECKS: Readonly<Record<string, Check>> = {
  A_ArrayExpr: parts("an array", ["elements"], "list_start", "list_end"),
  A_Const: (fields) => only(fields, "a constant", "ival", "fval", "boolval", "sval", "bsval", "isnull"),
  A_Expr: (fields, scope, walk) => {
    only(fields, "an operator", "kind", "name", "lexpr", "rexpr", "rexpr_list_start", "rexpr_list_end");
    if (!BETWEEN_KINDS.has(String(fields["kind"]))) {
      if (!OPERATOR_KINDS.has(String(fields["kind"]))) throw refused(`${String(fields["kind"])} is not allowed`);
      checkOperator(fields["name"]);
      if (wordsOf(fields["name"]).at(-1) === "^") checkExponent(fields["rexpr"]);
    }
    for (const side of [fields["lexpr"], fields["rexpr"]]) walk.expression(side, scope);
  },
  A_Indices: parts("a subscript", ["lidx", "uidx"], "is_slice"),
  A_Indirection: (fields, scope, walk) => {
    only(fields, "a subscript", "arg", "indirection");
    walk.expression(fields["arg"], scope);
    for (const one of listOf(fields["indirection"])) {
      if (kindOf(one)[0] !== "A_Indices")
        throw refused('a field of a row, "(…).name", is not allowed; name the column');
      walk.expression(one, scope);
    }
  },
  BoolExpr: parts("a condition", ["args"], "boolop"),
  BooleanTest: parts("a test", ["arg"], "booltesttype"),
  CaseExpr: parts("case", ["arg", "args", "defresult"]),
  CaseWhen: parts("when", ["expr", "result"]),
  CoalesceExpr: parts("coalesce", ["args"]),
  CollateClause: (fields, scope, walk) => {
    only(fields, "collate", "arg", "collname");
    const name = wordsOf(fields["collname"]);
    if (name.at(-2) !== undefined && name.at(-2) !== "pg_catalog")
      throw refused(`collate "${name.join(".")}" is not allowed`);
    walk.expression(fields["arg"], scope);
  },
  ColumnRef: (fields, scope, walk) => {
    only(fields, "a column", "fields");
    const path = listOf(fields["fields"]);
    if (kindOf(path.at(-1))[0] === "A_Star") checkStar(scope, wordsOf(path.slice(0, -1)));
    else checkColumn(scope, wordsOf(path), walk.known);
  },
  FuncCall: (fields, scope, walk) => {
    checkFunction(fields, walk);
    parts("a function", ["args", "agg_order", "agg_filter"], ...FUNCTION_FIELDS)(fields, scope, walk);
    if (fields["over"] !== undefined) walk.expression({ WindowDef: fields["over"] }, scope);
  },
  GroupingFunc: parts("grouping", ["args"]),
  GroupingSet: parts("a grouping set", ["content"], "kind"),
  List: parts("a list", ["items"]),
  MinMaxExpr: parts("greatest or least", ["args"], "op"),
  NamedArgExpr: parts("a named argument", ["arg"], "name", "argnumber"),
  NullTest: parts("a test", ["arg"], "nulltesttype"),
  ParamRef: (fields, _scope, walk) => {
    only(fields, "a parameter", "number");
    walk.parameters.add(Number(fields["number"] ?? 0));
  },
  RowExpr: parts("a row", ["args"], "row_format"),
  SortBy: (fields, scope, walk) => {
    only(fields, "order by", "node", "sortby_dir", "sortby_nulls");
    walk.expression(fields["node"], scope);
  },
  SQLValueFunction: (fields) => {
    only(fields, "a value of the session", "op", "typmod");
    if (!CLOCKS.has(String(fields["op"]))) throw refused("who is logged in, and where, is not for a query to know");
  },
  SubLink: (fields, scope, walk) => {
    only(fields, "a subquery", "subLinkType", "testexpr", "operName", "subselect");
    if (fields["operName"] !== undefined) checkOperator(fields["operName"]);
    walk.expression(fields["testexpr"], scope);
    walk.select(fields["subselect"], scope);
  },
  TypeCast: (fields, scope, walk) => {
    only(fields, "a cast", "arg", "typeName");
    checkType(fields["typeName"] as Tree, scope, walk);
    walk.expression(fields["arg"], scope);
  },
  WindowDef: parts(
    "a window",
    ["partitionClause", "orderClause", "startOffset", "endOffset"],
    "name",
    "refname",
    "frameOptions",
  ),
};

const FUNCTION_FIELDS = [
  "funcname",
  "over",
  "agg_within_group",
  "agg_star",
  "agg_distinct",
  "func_variadic",
  "funcformat",
];

const POWERS = new Set(["power", "pow"]);

function checkFunction(fields: Tree, { functions }: Walk): void {
  const path = wordsOf(fields["funcname"]);
  const name = path.at(-1) ?? "";
  const isBuiltIn = path.length === 1 || (path.length === 2 && path[0] === "pg_catalog");
  if (isBuiltIn && ALLOWED_FUNCTIONS.has(name)) {
    if (POWERS.has(name)) checkExponent(listOf(fields["args"])[1]);
    return;
  }
  if (functions.has(path.join("."))) return;
  throw refused(`the function ${path.join(".")}() is not one of those that only compute`);
}

function checkOperator(field: unknown): void {
  const path = wordsOf(field);
  const isBuiltIn = path.length === 1 || (path.length === 2 && path[0] === "pg_catalog");
  if (!isBuiltIn || !ALLOWED_OPERATORS.has(path.at(-1) ?? "")) {
    throw refused(`the operator ${path.join(".")} is not allowed`);
  }
}

function checkType(type: Tree, scope: Scope, walk: Walk): void {
  only(type, "a type", "names", "typmods", "typemod", "arrayBounds");
  const path = wordsOf(type["names"]);
  const isBuiltIn = path.length === 1 || (path.length === 2 && path[0] === "pg_catalog");
  if (!isBuiltIn || !ALLOWED_TYPES.has(path.at(-1) ?? "")) throw refused(`a cast to ${path.join(".")} is not allowed`);
  for (const modifier of listOf(type["typmods"])) {
    if (kindOf(modifier)[0] !== "A_Const") throw refused(`a cast to ${path.join(".")} of that size is not allowed`);
    walk.expression(modifier, scope);
  }
}
