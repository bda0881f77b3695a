import type { Query, Reading } from "./state.ts";

/** A cell as the rules read it. */
export type Cell = string | number | boolean | null;

/** A question that fixed rules know: how it is recognised, which query answers it, and what its result says. */
export interface KnownQuestion {
  name: string;
  asks: RegExp;
  tables: readonly string[];
  query: (most: string) => Query;
  /** What is said of `rows`: one sentence for each, unless there is more to compute. */
  read: (rows: readonly (readonly Cell[])[]) => Omit<Reading, "confidence">;
}

const NO_LIMIT = "50";

/** The questions that are answered without a model. */
export const KNOWN_QUESTIONS: readonly KnownQuestion[] = [
  {
    name: "top_customers",
    asks: /\b(?:top|best|biggest|largest)\b.*\bcustomers?\b|\bcustomers?\b.*\bspen[dt]\b.*\bmost\b/i,
    tables: ["chinook.customer", "chinook.invoice"],
    query: (most) => ({
      purpose: "The customers who have spent the most",
      sql: `select c.first_name || ' ' || c.last_name as customer, c.country, sum(i.total) as spent
from chinook.customer c join chinook.invoice i on i.customer_id = c.customer_id
group by c.customer_id, c.first_name, c.last_name, c.country
order by spent desc, customer limit $1::int`,
      params: [most],
    }),
    read: (rows) => eachRow(rows, ["customer", "country", "spent"], "{customer} ({country}) has spent {spent} USD."),
  },
  {
    name: "revenue_by_country",
    asks: /\b(?:revenue|sales|turnover)\b.*\bcountr(?:y|ies)\b|\bcountr(?:y|ies)\b.*\b(?:revenue|sales|sell|buy)/i,
    tables: ["chinook.invoice"],
    query: (most) => ({
      purpose: "The revenue of each country",
      sql: `select i.billing_country as country, sum(i.total) as revenue from chinook.invoice i
group by i.billing_country order by revenue desc, country limit $1::int`,
      params: [most],
    }),
    read: (rows) => eachRow(rows, ["country", "revenue"], "{country}: {revenue} USD."),
  },
  {
    name: "revenue_by_year",
    asks: /\b(?:revenue|sales|turnover)\b.*\b(?:years?|annual|yearly|grow|growth)\b/i,
    tables: ["chinook.invoice"],
    query: () => ({
      purpose: "The revenue of each year",
      sql: `select extract(year from i.invoice_date)::int as year, sum(i.total) as revenue from chinook.invoice i
group by 1 order by 1`,
      params: [],
    }),
    read: (rows) => growthOf(rows),
  },
  {
    name: "best_genres",
    asks: /\bgenres?\b.*\b(?:sell|sold|sales|popular|best)|\b(?:best|top|popular)\b.*\bgenres?\b/i,
    tables: ["chinook.genre", "chinook.invoice_line", "chinook.track"],
    query: (most) => ({
      purpose: "The genres of which the most tracks were sold",
      sql: `select g.name as genre, sum(l.quantity) as sold from chinook.invoice_line l
join chinook.track t on t.track_id = l.track_id join chinook.genre g on g.genre_id = t.genre_id
group by g.genre_id, g.name order by sold desc, genre limit $1::int`,
      params: [most],
    }),
    read: (rows) => eachRow(rows, ["genre", "sold"], "{genre}: {sold} tracks sold."),
  },
  {
    name: "best_artists",
    asks: /\bartists?\b.*\b(?:sell|sold|sales|revenue|popular|best)|\b(?:best|top|popular)\b.*\bartists?\b/i,
    tables: ["chinook.album", "chinook.artist", "chinook.invoice_line", "chinook.track"],
    query: (most) => ({
      purpose: "The artists whose tracks brought in the most",
      sql: `select ar.name as artist, sum(l.unit_price * l.quantity) as revenue from chinook.invoice_line l
join chinook.track t on t.track_id = l.track_id join chinook.album al on al.album_id = t.album_id
join chinook.artist ar on ar.artist_id = al.artist_id
group by ar.artist_id, ar.name order by revenue desc, artist limit $1::int`,
      params: [most],
    }),
    read: (rows) => eachRow(rows, ["artist", "revenue"], "{artist}: {revenue} USD."),
  },
  {
    name: "average_invoice",
    asks: /\b(?:average|mean)\b.*\b(?:invoice|order|purchase)/i,
    tables: ["chinook.invoice"],
    query: () => ({
      purpose: "How many invoices there are, and what they come to",
      sql: "select count(*) as invoices, sum(i.total) as revenue from chinook.invoice i",
      params: [],
    }),
    read: () => ({
      values: [
        { name: "invoices", query: 0, row: 0, column: "invoices" },
        { name: "revenue", query: 0, row: 0, column: "revenue" },
      ],
      calculations: [{ name: "average", expression: "round(revenue / invoices, 2)" }],
      claims: ["An invoice comes to {average} USD on average: {invoices} invoices over {revenue} USD in all."],
    }),
  },
];

/** The known question that this is, and the query that answers it. */
export function recognise(question: string): { known: KnownQuestion; query: Query } | undefined {
  const known = KNOWN_QUESTIONS.find(({ asks }) => asks.test(question));
  if (known === undefined) return undefined;
  // A year, a name or a comparison narrows the question in a way that no fixed query knows.
  const rest = question.replace(/\b(?:top|best|first)\s+\d{1,2}\b/i, "");
  if (/\d|\bin\s+(?!total\b|all\b)[A-Z]|\b(?:from|of|for)\s+[A-Z]|\bwithout\b|\bexcept\b|\bexcluding\b/.test(rest))
    return undefined;
  const most =
    /\b(?:top|best|first)\s+(\d{1,2})\b/i.exec(question)?.[1] ?? (/\bcountr/i.test(question) ? NO_LIMIT : "10");
  return { known, query: known.query(most) };
}

function eachRow(rows: readonly unknown[], columns: readonly string[], sentence: string): Omit<Reading, "confidence"> {
  const few = rows.slice(0, 20);
  return {
    values: few.flatMap((_, row) => columns.map((column) => ({ name: `${column}_${row}`, query: 0, row, column }))),
    calculations: [],
    claims: few.map((_, row) => sentence.replaceAll(/\{(\w+)\}/g, `{$1_${row}}`)),
  };
}

function growthOf(rows: readonly (readonly Cell[])[]): Omit<Reading, "confidence"> {
  const simple = eachRow(rows, ["year", "revenue"], "{year}: {revenue} USD.");
  const years = simple.claims.map((_, row) => row).slice(1);
  return {
    ...simple,
    calculations: years.map((row) => ({
      name: `growth_${row}`,
      expression: `round((revenue_${row} / revenue_${row - 1} - 1) * 100, 1)`,
    })),
    claims: simple.claims.map((claim, row) =>
      row === 0 ? claim : `{year_${row}}: {revenue_${row}} USD, {growth_${row}} % against the year before.`,
    ),
  };
}
