import type { Json } from "../../../protocol/json.ts";
import { kitClock } from "../../clock.ts";
import type { Send } from "./read-only.ts";
import { refused } from "./refused.ts";
import { declareCursor, explain, fetchRows } from "./session.sql.ts";
import { jsonValue, typeName } from "./values.ts";

/** What a query may cost. */
export interface QueryLimits {
  rows: number;
  bytes: number;
  timeoutMs: number;
}

/** What the planner expects. Its cost has no unit: one is about what reading a page takes. */
export interface Estimate {
  cost: number;
  rows: number;
}

/** What a query gave. */
export interface Rows {
  columns: { name: string; type: string }[];
  rows: Json[][];
  row_count: number;
  /** True when there are more rows than were asked for, or than fit. */
  truncated: boolean;
}

const FIRST_BATCH = 10;
const BATCH = 100;

/** Asks the planner what a query will take. */
export async function estimate(send: Send, sql: string, values: unknown[]): Promise<Estimate> {
  const { rows } = await send(explain(sql, values));
  const [{ Plan: plan }] = JSON.parse(rows[0]?.[0] ?? "[{}]") as [{ Plan?: Record<string, unknown> }];
  return { cost: Number(plan?.["Total Cost"] ?? 0), rows: Number(plan?.["Plan Rows"] ?? 0) };
}

/** Reads rows through a cursor, until there are no more, or enough. */
export async function readRows(send: Send, sql: string, values: unknown[], limits: QueryLimits): Promise<Rows> {
  const clock = kitClock();
  const deadline = clock.now() + limits.timeoutMs;
  await send(declareCursor(sql, values));
  const read: Rows = { columns: [], rows: [], row_count: 0, truncated: false };
  let bytes = 0;
  let longest = 1;
  // Ends with the rows, at the latest with the limit.
  for (;;) {
    // Of long rows only as many are fetched as still fit, and one to see that there are more.
    const fitting = read.rows.length === 0 ? FIRST_BATCH : Math.ceil((limits.bytes - bytes) / longest) + 1;
    const wanted = Math.min(BATCH, limits.rows + 1 - read.rows.length, fitting);
    const { fields, rows } = await send(fetchRows(wanted));
    if (read.columns.length === 0)
      read.columns = fields.map(({ name, dataTypeID }) => ({ name, type: typeName(dataTypeID) }));
    for (const row of rows) {
      const length = row.reduce((sum, value) => sum + Buffer.byteLength(value ?? ""), 0);
      longest = Math.max(longest, length);
      bytes += length;
      read.truncated ||= bytes > limits.bytes || read.rows.length >= limits.rows;
      if (read.truncated) break;
      read.rows.push(row.map((value, index) => jsonValue(value, fields[index]?.dataTypeID ?? 0)));
    }
    read.row_count = read.rows.length;
    if (read.truncated || rows.length < wanted) return read;
    if (clock.now() > deadline)
      throw refused(`it gave only ${read.row_count} rows in ${limits.timeoutMs} ms; ask for less`);
  }
}
