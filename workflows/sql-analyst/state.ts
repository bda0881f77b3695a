import { analysed, proposalOf } from "holdpoint";
import { z } from "zod";

const name = z.string().regex(/^[a-z][a-z0-9_]{0,39}$/);

/** What is to be found out, and how. */
export const planSchema = z.object({
  answerable: z.boolean().describe("False when the shop's tables cannot answer it"),
  tables: z.array(z.string().max(64)).max(11).describe('The tables needed, such as "chinook.invoice"'),
  steps: z.string().max(2_000).describe("What to read, and what to compute of it, in a few sentences"),
  confidence: z.number().min(0).max(1).describe("How sure you are of what is asked for, from 0 to 1"),
});

/** One query: what it is for, its statement, and the values of $1, $2, … as text. */
export const querySchema = z.object({
  purpose: z.string().min(1).max(300).describe("What it finds out, in one sentence"),
  sql: z.string().min(1).max(20_000).describe("One PostgreSQL select; values of the question as $1, $2, … with a cast"),
  params: z.array(z.string().max(1_000)).max(20).describe("The values of $1, $2, … as text"),
});

/** One query. */
export type Query = z.infer<typeof querySchema>;

/** The queries that answer a question: what a model writes, and what a person may change. */
export const queriesSchema = z.object({ queries: z.array(querySchema).min(1).max(3) });

/** The same with how sure their author is. */
export const draftSchema = queriesSchema.extend({
  confidence: z.number().min(0).max(1).describe("How sure you are that these answer the question, from 0 to 1"),
});

/** What the results say. It holds no number: each is named, and comes from a cell or is computed of cells. */
export const readingSchema = z.object({
  values: z
    .array(z.object({ name, query: z.int().min(0), row: z.int().min(0), column: z.string() }))
    .max(120)
    .describe("Cells of the results, each with a name of your own; queries and rows count from 0"),
  calculations: z
    .array(z.object({ name, expression: z.string().min(1).max(500) }))
    .max(20)
    .describe('Computed of values by their names: { "name": "growth", "expression": "round((b / a - 1) * 100, 1)" }'),
  claims: z
    .array(z.string().min(1).max(500))
    .min(1)
    .max(20)
    .describe('Sentences, with a name in braces where a value stands: "Sales grew by {growth} %."'),
  confidence: z.number().min(0).max(1).describe("How sure you are that this answers the question, from 0 to 1"),
});

/** What the results say. */
export type Reading = z.infer<typeof readingSchema>;

const findingSchema = z.object({ code: z.string(), severity: z.string(), score: z.number(), text: z.string() });

/** What became of a call, as far as the graph reads it. */
const outcomeSchema = z.looseObject({
  call_id: z.string(),
  tool: z.string(),
  ok: z.boolean(),
  result: z.json(),
  error: z.object({ class: z.string(), message: z.string() }).nullable(),
  from: z.enum(["live", "stored"]),
});

/** Where a value of the answer comes from. */
const sourceSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("cell"), query: z.number(), row: z.number(), column: z.string() }),
  z.object({ kind: z.literal("calculation"), expression: z.string(), of: z.array(z.string()) }),
]);

/** The answer, with where each of its values comes from. */
export const answerSchema = z.object({
  text: z.string(),
  claims: z.array(
    z.object({
      text: z.string(),
      values: z.array(z.object({ name: z.string(), value: z.string(), source: sourceSchema })),
      /** Which queries it comes from, counted from 0. */
      queries: z.array(z.number()),
    }),
  ),
  queries: z.array(
    z.object({
      purpose: z.string(),
      sql: z.string(),
      params: z.array(z.string()),
      row_count: z.number(),
      truncated: z.boolean(),
      call_id: z.string(),
      from: z.enum(["live", "stored"]),
    }),
  ),
  /** Who read the question and wrote the queries: the configured model, or fixed rules. */
  method: z.enum(["model", "rules"]),
  note: z.string(),
});

/** The answer. */
export type Answer = z.infer<typeof answerSchema>;

/** To be tried: what fixed rules know, what needs a model, and what nobody can answer. */
export const EXAMPLES = [
  { name: "top-customers", input: { question: "Who are our top 5 customers?" } },
  { name: "revenue-by-year", input: { question: "What was our revenue by year, and how did it grow?" } },
  { name: "best-genres", input: { question: "Which genres sell best?" } },
  {
    name: "share-of-a-country",
    input: { question: "Which share of our revenue in 2024 came from Germany and from France together?" },
  },
  { name: "not-in-the-data", input: { question: "What will the weather be in Berlin tomorrow?" } },
];

/** What a run is given. */
export const AnalystInput = z.object({
  question: z
    .string()
    .refine((text) => !text.includes("\0"), "must not contain NUL characters")
    .trim()
    .min(3)
    .max(2_000)
    .meta({
      description: "What you want to know about the shop",
      examples: EXAMPLES.map(({ input }) => input.question),
    }),
});

/** Everything the graph comes to know. `begin` sets all of it anew. */
export const analystState = {
  plan: analysed(planSchema).nullable().default(null),
  draft: analysed(draftSchema).nullable().default(null),
  estimates: z.array(outcomeSchema).default([]),
  findings: z.array(findingSchema).default([]),
  /** How often the queries were written, and the results read. */
  drafts: z.number().default(0),
  readings: z.number().default(0),
  approval: proposalOf(queriesSchema),
  /** What a person has allowed, as shown or as edited. */
  approved: z.array(querySchema).nullable().default(null),
  results: z.array(outcomeSchema).default([]),
  reading: analysed(readingSchema).nullable().default(null),
  misreadings: z.array(findingSchema).default([]),
  calculations: z.array(outcomeSchema).default([]),
  outcome: z.enum(["answered", "declined", "rejected"]).nullable().default(null),
  answer: answerSchema.nullable().default(null),
};
