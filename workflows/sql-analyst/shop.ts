import { calculator, sqlQuery, type TableTerms } from "holdpoint";

/** What may be read of the shop. Where people live and how to reach them is not part of it. */
export const TABLES = {
  "chinook.album": ["album_id", "title", "artist_id"],
  "chinook.artist": ["artist_id", "name"],
  "chinook.customer": [
    "customer_id",
    "first_name",
    "last_name",
    "company",
    "city",
    "state",
    "country",
    "support_rep_id",
  ],
  "chinook.employee": ["employee_id", "first_name", "last_name", "title", "reports_to", "hire_date"],
  "chinook.genre": ["genre_id", "name"],
  "chinook.invoice": [
    "invoice_id",
    "customer_id",
    "invoice_date",
    "billing_city",
    "billing_state",
    "billing_country",
    "total",
  ],
  "chinook.invoice_line": ["invoice_line_id", "invoice_id", "track_id", "unit_price", "quantity"],
  "chinook.media_type": ["media_type_id", "name"],
  "chinook.playlist": ["playlist_id", "name"],
  "chinook.playlist_track": ["playlist_id", "track_id"],
  "chinook.track": [
    "track_id",
    "name",
    "album_id",
    "media_type_id",
    "genre_id",
    "composer",
    "milliseconds",
    "bytes",
    "unit_price",
  ],
} satisfies TableTerms;

/** The same for a model. */
export const SCHEMA_TEXT = `${Object.entries(TABLES)
  .map(([table, columns]) => `${table} (${columns.join(", ")})`)
  .join("\n")}
chinook.customer.support_rep_id is an employee_id; reports_to is one, too. Totals and prices are US dollars.`;

// What the planner expects above this is for a person to allow: everything the shop is usually asked stays far below.
const HEAVY_COST = 20_000;

const shop = { database: "chinook_read", tables: TABLES, max_rows: 200, timeout_ms: 10_000 };

/** Says what a query would take, and whether it is allowed, without running it. */
export const estimateQuery = sqlQuery({ ...shop, name: "sql_estimate", max_cost: 0 });

/** Runs a query that takes little. */
export const runQuery = sqlQuery({ ...shop, name: "sql_query", max_cost: HEAVY_COST });

/** Runs a query that a person has allowed, however much the planner expects. */
export const runApprovedQuery = sqlQuery({ ...shop, name: "sql_query_approved", timeout_ms: 30_000 });

/** Computes what the answer states beside what was read. */
export const compute = calculator();

/** Whether a query is for a person to allow. */
export function isHeavy(cost: number): boolean {
  return cost > HEAVY_COST;
}
