import { tablesText } from "./allowed-tables.ts";
import type { Tree } from "./parse-select.ts";
import { refused } from "./refused.ts";
import { checkColumn, checkNatural, inside, isCte, type Scope } from "./scope.ts";
import { kindOf, listOf, only, type Walk, wordsOf } from "./walk.ts";

const SELECT_FIELDS = [
  "distinctClause",
  "targetList",
  "fromClause",
  "whereClause",
  "groupClause",
  "groupDistinct",
  "havingClause",
  "windowClause",
  "valuesLists",
  "sortClause",
  "limitOffset",
  "limitCount",
  "limitOption",
  "withClause",
  "op",
  "all",
  "larg",
  "rarg",
];

/** Checks one SELECT, `values` and `table` included, with everything inside it. */
export function checkSelect(select: Tree, parent: Scope | null, walk: Walk): void {
  only(select, "a select", ...SELECT_FIELDS);
  const scope = inside(parent);
  if (select["withClause"] !== undefined) checkWith(select["withClause"] as Tree, scope, walk);
  for (const side of [select["larg"], select["rarg"]]) {
    if (side !== undefined) walk.select({ SelectStmt: side }, scope);
  }
  // All that a FROM names is known before any of it is checked: see checkColumn().
  const later: (() => void)[] = [];
  for (const item of listOf(select["fromClause"])) checkFrom(item, { scope, walk, later });
  for (const check of later) check();
  const outputs = checkTargets(select, scope, walk);
  // `distinct` alone is an empty node.
  for (const node of listOf(select["distinctClause"])) {
    if (Object.keys(node as Tree).length > 0) walk.expression(node, scope);
  }
  for (const row of listOf(select["valuesLists"])) walk.expression(row, scope);
  for (const field of ["whereClause", "havingClause", "limitOffset", "limitCount"])
    walk.expression(select[field], scope);
  for (const node of [...listOf(select["groupClause"]), ...listOf(select["windowClause"])])
    walk.expression(node, scope);
  for (const node of listOf(select["sortClause"])) {
    if (!isOutput(node, outputs)) walk.expression(node, scope);
  }
}

function checkWith(clause: Tree, scope: Scope, walk: Walk): void {
  only(clause, "with", "ctes", "recursive");
  const ctes = listOf(clause["ctes"]).map((node) => {
    const [kind, cte] = kindOf(node);
    if (kind !== "CommonTableExpr") throw refused(`with ${kind} is not allowed`);
    only(cte, "with", "ctename", "aliascolnames", "ctematerialized", "ctequery");
    const name = String(cte["ctename"]);
    if (name.startsWith("pg_")) throw refused(`"${name}" has the name of a table of the system`);
    return { name, query: cte["ctequery"] };
  });
  // With `recursive` each sees all of them; else each sees those before it, so that the first of `with t as (select from t)` is a table.
  if (clause["recursive"] === true) for (const { name } of ctes) scope.ctes.add(name);
  for (const { name, query } of ctes) {
    walk.select(query, scope);
    scope.ctes.add(name);
  }
}

/** Gives the names of the columns it has, as far as they are written out. */
function checkTargets(select: Tree, scope: Scope, walk: Walk): ReadonlySet<string> {
  const outputs = new Set<string>();
  for (const node of listOf(select["targetList"])) {
    const [kind, target] = kindOf(node);
    if (kind !== "ResTarget") throw refused(`${kind} in a select is not allowed`);
    only(target, "a column", "name", "val");
    walk.expression(target["val"], scope);
    if (typeof target["name"] === "string") outputs.add(target["name"]);
  }
  return outputs;
}

// A bare name in ORDER BY is a column of the result first, and only then one of a table.
function isOutput(node: unknown, outputs: ReadonlySet<string>): boolean {
  const [kind, sort] = kindOf(node);
  if (kind !== "SortBy") return false;
  only(sort, "order by", "node", "sortby_dir", "sortby_nulls");
  const [inner, column] = kindOf(sort["node"]);
  if (inner !== "ColumnRef") return false;
  only(column, "a column", "fields");
  const [field, ...more] = listOf(column["fields"]).map(kindOf);
  return more.length === 0 && field?.[0] === "String" && outputs.has(String(field[1]["sval"]));
}

interface From {
  scope: Scope;
  walk: Walk;
  /** Checks to make when all of the FROM is known. */
  later: (() => void)[];
}

function checkFrom(node: unknown, from: From): void {
  const [kind, item] = kindOf(node);
  const { scope, walk, later } = from;
  walk.enter(() => {
    switch (kind) {
      case "RangeVar":
        return checkTable(item, from);
      case "RangeSubselect":
        only(item, "a subquery", "lateral", "subquery", "alias");
        addSource(item, from);
        return void later.push(() => walk.select(item["subquery"], scope));
      case "RangeFunction":
        only(item, "a function in from", "lateral", "ordinality", "is_rowsfrom", "functions", "alias");
        addSource(item, from, new Set(wordsOf((item["alias"] as Tree | undefined)?.["colnames"])));
        return void later.push(() => checkFunctions(item, from));
      case "JoinExpr":
        return checkJoin(item, from);
      default:
        throw refused(`${kind === "RangeTableSample" ? "tablesample" : kind} in from is not allowed`);
    }
  });
}

function checkTable(item: Tree, { scope, walk }: From): void {
  only(item, "a table", "schemaname", "relname", "inh", "relpersistence", "alias");
  const { schemaname, relname } = item as { schemaname?: string; relname?: string };
  const alias = item["alias"] as Tree | undefined;
  const name = String(alias?.["aliasname"] ?? relname);
  if (schemaname === undefined && isCte(scope, String(relname))) return void scope.sources.push({ name, table: null });
  const table = schemaname === undefined ? undefined : walk.tables.get(`${schemaname}.${relname}`);
  if (table === undefined) throw unknownTable(schemaname, String(relname), walk);
  if (table.columns !== null && alias?.["colnames"] !== undefined) {
    throw refused(`the columns of ${table.name} keep their names: leave the list behind "${name}" out`);
  }
  scope.sources.push({ name, table });
}

// The same words whether there is such a table or not.
function unknownTable(schema: string | undefined, name: string, { tables }: Walk): Error {
  const qualified = schema === undefined ? [...tables.values()].find(({ table }) => table === name) : undefined;
  if (qualified !== undefined) return refused(`write "${name}" with its schema: ${qualified.name}`);
  const asked = schema === undefined ? name : `${schema}.${name}`;
  return refused(`it may not read "${asked}"; it may read ${tablesText(tables)}`, {
    table: asked,
    tables: [...tables.keys()],
  });
}

function addSource(item: Tree, { scope }: From, columns?: ReadonlySet<string>): void {
  const alias = item["alias"] as Tree | undefined;
  if (alias === undefined) return;
  scope.sources.push({ name: String(alias["aliasname"]), table: null, ...(columns === undefined ? {} : { columns }) });
}

function checkFunctions(item: Tree, { scope, walk }: From): void {
  for (const entry of listOf(item["functions"])) {
    const [kind, { items }] = kindOf(entry);
    if (kind !== "List") throw refused(`${kind} in from is not allowed`);
    // The second is a list of column types, which is empty where there is none.
    const [call, types] = listOf(items);
    if (types !== undefined && Object.keys(types as Tree).length > 0)
      throw refused("a list of column types is not allowed");
    if (kindOf(call)[0] !== "FuncCall") throw refused(`${kindOf(call)[0]} in from is not allowed`);
    walk.expression(call, scope);
  }
}

function checkJoin(item: Tree, from: From): void {
  only(item, "a join", "jointype", "isNatural", "larg", "rarg", "usingClause", "quals", "alias");
  if (item["alias"] !== undefined) throw refused("a join with a name of its own is not allowed; name its tables");
  checkFrom(item["larg"], from);
  checkFrom(item["rarg"], from);
  const { scope, walk, later } = from;
  later.push(() => {
    if (item["isNatural"] === true) checkNatural(scope);
    for (const name of wordsOf(item["usingClause"])) checkColumn(scope, [name], walk.known);
    walk.expression(item["quals"], scope);
  });
}
