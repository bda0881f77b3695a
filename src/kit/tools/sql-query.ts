import { z } from "zod";
import { classifyError } from "../../policy/error-class.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import { kitClock } from "../clock.ts";
import { database } from "../database.ts";
import { defineTool, type Tool } from "../tool/tool.ts";
import { type AllowedTable, allowedTables, type TableTerms, tablesText } from "./sql/allowed-tables.ts";
import { checkQuery } from "./sql/check-query.ts";
import { parseSelect } from "./sql/parse-select.ts";
import { readOnly, type Send } from "./sql/read-only.ts";
import { tooMuch } from "./sql/refused.ts";
import { estimate, type QueryLimits, readRows } from "./sql/run-query.ts";
import { columnsOf } from "./sql/session.sql.ts";

/** What a query tool may read, and how much. */
export interface SqlQueryOptions {
  /** Which database, as `database(name)` knows it. Give it a login that only reads. */
  database: string;
  /** The tables with their schema, and "*" or the columns of each: `{ "chinook.invoice": "*" }`. */
  tables: TableTerms;
  /** The tool's name; "sql_query" unless given. */
  name?: string;
  /** Functions beside the built-in ones that only compute, such as "chinook.net_price". */
  functions?: readonly string[];
  /** Rows at most; 200 unless given. */
  max_rows?: number;
  /** Bytes of all values at most; 1 MB unless given. Rows above it are cut off; far above it nothing is answered. */
  max_bytes?: number;
  /** 10 seconds unless given. */
  timeout_ms?: number;
  /** What the planner may expect it to cost, above which it is not run but answered as heavy; any unless given. 0 only asks the planner. */
  max_cost?: number;
}

const MOST_PARAMETERS = 50;
const LONGEST_PARAMETER = 10_000;
// Half of what a string of Node may hold.
const MOST_BYTES = 256_000_000;
// The time of a statement is over, or it takes more memory or disk than it may.
const TOO_MUCH: ReadonlySet<string> = new Set(["57014", "53200", "53400", "54000"]);

const inputSchema = z.object({
  sql: z.string().min(1).describe("One select of PostgreSQL; tables with their schema; values as $1, $2, …"),
  params: z
    .array(z.union([z.string().max(LONGEST_PARAMETER), z.number(), z.boolean(), z.null()]))
    .max(MOST_PARAMETERS)
    .default([])
    .describe("The values of $1, $2, …"),
});

const estimateSchema = z.object({ cost: z.number(), rows: z.number() });

const outputSchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("rows"),
    columns: z.array(z.object({ name: z.string(), type: z.string() })),
    /** `numeric` and `bigint` as strings, dates as ISO text. */
    rows: z.array(z.array(z.json())),
    row_count: z.number(),
    truncated: z.boolean(),
    estimate: estimateSchema,
  }),
  /** It was not run: the planner expects it to cost more than the tool may. */
  z.object({ kind: z.literal("heavy"), estimate: estimateSchema, max_cost: z.number() }),
  /** It was not to be run. */
  z.object({ kind: z.literal("estimate"), estimate: estimateSchema }),
]);

/** A query tool. */
export type SqlQueryTool = Tool<string, typeof inputSchema, typeof outputSchema>;

/** What a query gave, or why it was not run. */
export type SqlQueryResult = z.output<typeof outputSchema>;

interface Rules {
  tables: ReadonlyMap<string, AllowedTable>;
  functions: ReadonlySet<string>;
  limits: QueryLimits;
  maxCost: number;
}

/**
 * A tool that answers SQL questions and changes nothing: a statement is read by Postgres' own parser and must be one SELECT
 * of allowed tables, columns and functions; it runs in a read-only transaction that is rolled back, with bounded time,
 * rows and bytes.
 */
export function sqlQuery(options: SqlQueryOptions): SqlQueryTool {
  const rules = rulesOf(options);
  return defineTool({
    name: options.name ?? "sql_query",
    description: `Reads the database "${options.database}" with one select. Tables: ${tablesText(rules.tables)}.`,
    input: inputSchema,
    output: outputSchema,
    effect: "read",
    // The bounds of the database come first, and say more.
    timeout_ms: rules.limits.timeoutMs * 2 + 5_000,
    run: async ({ sql, params }, { signal }) => {
      const select = await parseSelect(sql);
      try {
        return await readOnly(
          database(options.database),
          { timeoutMs: rules.limits.timeoutMs, mostBytes: mostBytesOf(rules.limits), signal },
          async (send) => {
            checkQuery(select, { ...rules, known: await knownColumns(send, rules) }, params.length);
            return await answer(send, rules, { sql, params });
          },
        );
      } catch (error) {
        throw explained(error);
      }
    },
  });
}

async function answer(
  send: Send,
  rules: Rules,
  { sql, params }: z.output<typeof inputSchema>,
): Promise<SqlQueryResult> {
  const values = params.map((value) => (typeof value === "string" || value === null ? value : String(value)));
  const expected = await estimate(send, sql, values);
  if (rules.maxCost === 0) return { kind: "estimate", estimate: expected };
  if (expected.cost > rules.maxCost) return { kind: "heavy", estimate: expected, max_cost: rules.maxCost };
  return { kind: "rows", ...(await readRows(send, sql, values, rules.limits)), estimate: expected };
}

async function knownColumns(send: Send, { tables }: Rules): Promise<Map<string, Set<string>>> {
  const { rows } = await send(columnsOf([...tables.keys()]));
  const known = new Map<string, Set<string>>();
  for (const [table, column] of rows as [string, string][]) {
    known.set(table, (known.get(table) ?? new Set()).add(column));
  }
  return known;
}

// Its message only: the hint beside it may name what nobody asked for.
function explained(error: unknown): unknown {
  const { class: kind, code = "" } = classifyError(error, kitClock().now(), "tool");
  const isTooMuch = TOO_MUCH.has(code);
  if (!isTooMuch && (!/^[0-9A-Z]{5}$/.test(code) || kind === "provider")) return error;
  const { message } = error as Error;
  if (isTooMuch) return tooMuch(message, { sql_state: code });
  return new HoldpointError("tool_failed", `the database refused the query: ${message}`, {
    facts: { class: kind, sql_state: code },
  });
}

// A few rows too many are cut off where they are read; this is for what should not even arrive.
function mostBytesOf({ bytes }: QueryLimits): number {
  return Math.min(bytes * 4 + 1_000_000, MOST_BYTES);
}

function rulesOf(options: SqlQueryOptions): Rules {
  const { max_rows: rows = 200, max_bytes: bytes = 1_000_000, timeout_ms: timeoutMs = 10_000, max_cost } = options;
  for (const [name, value] of Object.entries({ max_rows: rows, max_bytes: bytes, timeout_ms: timeoutMs })) {
    if (!(value > 0 && Number.isFinite(value))) throw invalid(`has ${name} ${value}; give a number above 0`);
  }
  if (max_cost !== undefined && !(max_cost >= 0)) throw invalid(`has max_cost ${max_cost}; give 0 or more`);
  return {
    tables: allowedTables(options.tables),
    functions: new Set(options.functions),
    limits: { rows, bytes, timeoutMs },
    maxCost: max_cost ?? Number.POSITIVE_INFINITY,
  };
}

function invalid(what: string): HoldpointError {
  return new HoldpointError("invalid", `sqlQuery() ${what}`);
}
