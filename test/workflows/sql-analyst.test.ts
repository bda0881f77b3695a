import { readFile } from "node:fs/promises";
import { MemorySaver } from "@langchain/langgraph";
import type pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { formatLoadError, type LoadedGraph } from "../../src/graphs/graph-set.ts";
import { loadGraphs } from "../../src/graphs/load.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { seedChinook } from "../../src/postgres/seed-chinook.ts";
import { approve, edit, type RunGraphOptions, reject, runGraph } from "../../src/testing.ts";
import { AnalystInput, EXAMPLES } from "../../workflows/sql-analyst/state.ts";
import { createShopDatabase, type TestDatabase } from "../support/postgres.ts";
import { virtualModules } from "../support/workflow-folder.ts";

/** The state of the graph, as far as the tests read it. */
interface Analysed {
  outcome: string;
  answer: {
    text: string;
    method: string;
    note: string;
    claims: { text: string; values: { name: string; value: string; source: Record<string, unknown> }[] }[];
    queries: { sql: string; from: string; row_count: number }[];
  };
  findings: { code: string; severity: string; text: string }[];
  misreadings: { code: string; text: string }[];
  draft: { method: string } | null;
  drafts: number;
}

let home: TestDatabase;
let pool: pg.Pool;
let ask: (question: string, options?: RunGraphOptions) => ReturnType<typeof asked>;

type Graph = Awaited<ReturnType<LoadedGraph["build"]>>;

async function asked(graph: Graph, question: string, options: RunGraphOptions = {}) {
  const databases = { chinook_read: pool };
  const { values, ...run } = await runGraph(graph, { question } as never, { databases, ...options });
  return { ...run, values: values as unknown as Analysed };
}

beforeAll(async () => {
  home = await createShopDatabase();
  pool = openPool({ ...(await seedChinook({ url: home.url })).reading, max: 4 });
  const set = await loadGraphs({ directory: "workflows", virtualModules });
  const loaded = set.graphs.get("sql-analyst");
  if (loaded === undefined) throw new Error(set.errors.map(formatLoadError).join("\n"));
  const graph = await loaded.build({});
  ask = (question, options) => asked(graph, question, options);
});
afterAll(async () => {
  await pool.end();
  await home.drop();
});

const example = async (name: string) =>
  (JSON.parse(await readFile(`examples/sql-analyst-${name}.json`, "utf8")) as { question: string }).question;

const plan = (more: object = {}) => ({
  json: { answerable: true, tables: ["chinook.invoice"], steps: "Sum invoices of 2024.", confidence: 0.9, ...more },
});
const SHARES = {
  purpose: "The revenue of 2024, of the two and of all",
  sql: `select sum(i.total) filter (where i.billing_country in ($1::text, $2::text)) as two, sum(i.total) as everything
    from chinook.invoice i where i.invoice_date >= $3::date and i.invoice_date < $4::date`,
  params: ["Germany", "France", "2024-01-01", "2025-01-01"],
};
const draft = (query: object = {}, confidence = 0.9) => ({
  json: { queries: [{ ...SHARES, ...query }], confidence },
});
const reading = (more: object = {}) => ({
  json: {
    values: [
      { name: "two", query: 0, row: 0, column: "two" },
      { name: "everything", query: 0, row: 0, column: "everything" },
    ],
    calculations: [{ name: "share", expression: "round(two / everything * 100, 2)" }],
    claims: ["In 2024, {two} of {everything} USD came from Germany and France: {share} %."],
    confidence: 0.95,
    ...more,
  },
});
const SHARE_QUESTION = "Which share of our revenue in 2024 came from Germany and from France together?";
const ANSWER = "In 2024, 55.47 of 477.53 USD came from Germany and France: 11.62 %. [1]";

test("the input's schema offers the examples that the files hold", async () => {
  const { properties } = z.toJSONSchema(AnalystInput) as { properties: Record<string, { examples: string[] }> };
  const names = EXAMPLES.map(({ name }) => name);
  expect(properties["question"]?.examples).toEqual(await Promise.all(names.map(example)));
});

describe("without a model", () => {
  test.each([
    ["top-customers", /^Helena Holý \(Czech Republic\) has spent 49.62 USD\. \[1\]\n/, 5],
    ["revenue-by-year", /2022: 481.45 USD, 7.1 % against the year before. \[1\]\n2023: 469.58 USD, -2.5 %/, 5],
    ["best-genres", /^Rock: 835 tracks sold\. \[1\]\nLatin: 386 tracks sold\. \[1\]\n/, 10],
  ])("the example %s is answered by fixed rules that say so", async (name, text, rows) => {
    const { values, questions } = await ask(await example(name));
    expect(values.outcome).toBe("answered");
    expect(values.answer).toMatchObject({ method: "rules", queries: [{ from: "live", row_count: rows }] });
    expect(values.answer.text).toMatch(text);
    expect(values.answer.note).toMatch(/No model is configured/);
    expect(questions).toEqual([]);
  });

  test.each([
    ["What do our countries bring in sales?", /^USA: 523.06 USD. \[1\]\nCanada: 303.96 USD/],
    ["Which artists sell best?", /^Iron Maiden: 138.60 USD/],
    ["What is the average invoice?", /^An invoice comes to 5.65 USD on average: 412 invoices over 2328.60 USD/],
  ])("%s is answered, too", async (question, text) => {
    expect((await ask(question)).values.answer.text).toMatch(text);
  });

  test.each([
    [SHARE_QUESTION],
    ["Who were our top customers in 2022?"],
    ["Which genres sell best in Brazil?"],
    ["What will the weather be in Berlin tomorrow?"],
    ["'; drop table chinook.invoice; --"],
  ])("%s is declined, and nothing is made up or run", async (question) => {
    const { values, trail } = await ask(question);
    expect(values).toMatchObject({ outcome: "declined", answer: { claims: [], queries: [], method: "rules" } });
    expect(values.answer.text).toMatch(/^No model is configured \(OPENAI_API_KEY\), and fixed rules answer only/);
    expect(trail.filter(({ kind }) => kind === "tool")).toEqual([]);
  });
});

describe("with a model", () => {
  test("every number of the answer is a cell of a query or computed of cells, and names it", async () => {
    const { values, questions, trail } = await ask(SHARE_QUESTION, { model: [plan(), draft(), reading()] });
    expect(values.answer).toMatchObject({ text: ANSWER, method: "model", queries: [{ from: "live", row_count: 1 }] });
    expect(values.answer.claims[0]?.values).toEqual([
      { name: "two", value: "55.47", source: { kind: "cell", query: 0, row: 0, column: "two" } },
      { name: "everything", value: "477.53", source: { kind: "cell", query: 0, row: 0, column: "everything" } },
      {
        name: "share",
        value: "11.62",
        source: { kind: "calculation", expression: "round(two / everything * 100, 2)", of: ["two", "everything"] },
      },
    ]);
    expect(questions).toEqual([]);
    const tools = trail.flatMap((entry) => (entry.kind === "tool" ? [entry.tool] : []));
    expect(tools).toEqual(["sql_estimate", "sql_query", "calculator"]);
  });

  test("a query that is not allowed is written anew with what the tool said, and never run", async () => {
    const hostile = draft({ sql: "delete from chinook.invoice", params: [] });
    const nosy = draft({ sql: "select c.email from chinook.customer c", params: [] });
    const model = [plan(), hostile, nosy, { ...draft(), when: /not "email"/ }, reading()];
    const { values, trail } = await ask(SHARE_QUESTION, { model });
    expect(values).toMatchObject({ drafts: 2, answer: { text: ANSWER } });
    expect(trail.filter((entry) => entry.kind === "tool" && entry.tool === "sql_query")).toHaveLength(1);
  });

  test("a model that goes on writing what is not allowed is stopped, and the answer says why there is none", async () => {
    const hostile = draft({ sql: "select pg_read_file('/etc/passwd')", params: [] });
    const { values } = await ask(SHARE_QUESTION, { model: [plan(), hostile, hostile, hostile] });
    expect(values.outcome).toBe("declined");
    expect(values.answer.text).toMatch(/^No query answers this: .*pg_read_file\(\) is not one of those/);
  });

  test("a number that the model writes itself is sent back, and at last the rows are shown as they are", async () => {
    const made = reading({ claims: ["In 2024 it was 14 %, {share} % to be exact."] });
    const better = await ask(SHARE_QUESTION, { model: [plan(), draft(), made, { ...reading(), when: /number 14/ }] });
    expect(better.values.answer.text).toBe(ANSWER);
    const strange = reading({ values: [], claims: ["{two} and {nothing}"] });
    const worse = await ask(SHARE_QUESTION, { model: [plan(), draft(), made, strange] });
    expect(worse.values.answer.text).toBe("55.47, 477.53 [1]");
    expect(worse.values.answer.note).toMatch(/shown as they are/);
  });

  test("a calculation that cannot be done is sent back, and where it stays so the rows are shown as they are", async () => {
    const wrong = reading({ calculations: [{ name: "share", expression: "two / (everything - everything)" }] });
    const better = await ask(SHARE_QUESTION, { model: [plan(), draft(), wrong, { ...reading(), when: /by zero/ }] });
    expect(better.values.answer.text).toBe(ANSWER);
    const worse = await ask(SHARE_QUESTION, { model: [plan(), draft(), wrong, wrong] });
    expect(worse.values.answer.text).toBe("55.47, 477.53 [1]");
  });

  test("what the tables cannot tell is declined in the model's words", async () => {
    const no = plan({ answerable: false, steps: "There is nothing about the weather." });
    const { values } = await ask("What will the weather be?", { model: [no] });
    expect(values).toMatchObject({ outcome: "declined", answer: { method: "model" } });
    expect(values.answer.text).toMatch(/^The shop's data cannot tell. There is nothing about the weather/);
  });

  test("a model that fails is no reason to make something up: a person is asked about what the rules would do", async () => {
    const down = Array.from({ length: 40 }, () => ({ status: 500 }));
    const { values, questions } = await ask("Which genres sell best?", { model: down, reviewers: [approve] });
    expect(questions[0]?.description).toMatch(/nobody is sure/);
    expect(values.answer).toMatchObject({ method: "rules", text: expect.stringMatching(/^Rock: 835/) });
    expect(values.answer.note).toMatch(/could not be used/);
  });
});

test("a second question on a thread has nothing of the first: no allowance, no query, no reading", async () => {
  const checkpointer = new MemorySaver();
  const unsure = [plan({ confidence: 0.4 }), draft(), reading()];
  const first = await ask(SHARE_QUESTION, { model: unsure, reviewers: [approve], checkpointer });
  expect(first.values.answer.text).toBe(ANSWER);
  const second = await ask("Which genres sell best?", { checkpointer });
  expect(second.questions).toEqual([]);
  expect(second.values).toMatchObject({ approval: null, approved: null, drafts: 0, answer: { method: "rules" } });
  const third = await ask(SHARE_QUESTION, { checkpointer });
  expect(third.values).toMatchObject({ outcome: "declined", results: [], answer: { claims: [], queries: [] } });
});

test.each([
  ["nothing", ""],
  ["two characters", "ab"],
  ["too much", "a".repeat(2_001)],
  ["a NUL", "who\0?"],
  ["a number", 5],
  ["nobody", null],
])("a question that is %s is refused", async (_name, question) => {
  await expect(ask(question as string)).rejects.toThrow();
});

describe("a person", () => {
  const heavy = {
    sql: "select count(*) as pairs from chinook.playlist_track a cross join chinook.invoice b",
    params: [],
  };
  const pairs = reading({
    values: [{ name: "pairs", query: 0, row: 0, column: "pairs" }],
    calculations: [],
    claims: ["There are {pairs} pairs."],
  });

  test("is asked about a heavy query, with what it costs, and it is run as allowed", async () => {
    const model = [plan({ tables: ["chinook.playlist_track"] }), draft(heavy), pairs];
    const { values, questions, trail } = await ask("How many pairs of lines?", { model, reviewers: [approve] });
    expect(questions).toHaveLength(1);
    expect(questions[0]).toMatchObject({ key: "ask", title: 'Run this query for "How many pairs of lines?"?' });
    expect(questions[0]?.description).toMatch(/query 1 is heavy: the planner expects a cost of \d+/);
    expect(questions[0]?.description).toMatch(/expected cost \d+.*, about 1 rows/);
    expect(questions[0]?.actions[0]?.args).toMatchObject({ queries: [heavy] });
    expect(values.answer.text).toBe("There are 3590580 pairs. [1]");
    expect(trail.flatMap((entry) => (entry.kind === "tool" ? [entry.tool] : []))).toEqual([
      "sql_estimate",
      "sql_query_approved",
    ]);
  });

  test("is asked when nobody is sure, may edit the SQL, and what was edited passes the same wall", async () => {
    const unsure = [
      plan({ confidence: 0.4 }),
      draft({ sql: "select i.total as two from chinook.invoice i", params: [] }),
    ];
    const hostile = { queries: [{ ...SHARES, sql: "delete from chinook.refund", params: [] }] };
    const { values, questions } = await ask(SHARE_QUESTION, {
      model: [...unsure, reading()],
      reviewers: [edit(hostile), edit({ queries: [SHARES] })],
    });
    expect(questions.map(({ description }) => description)).toEqual([
      expect.stringMatching(/nobody is sure/),
      expect.stringMatching(/it was run and failed: .*only a select/),
    ]);
    expect(values.answer).toMatchObject({ text: ANSWER, queries: [{ sql: SHARES.sql }] });
  });

  test("who refuses ends it: nothing is run, and the answer says who decided so", async () => {
    const model = [plan({ tables: ["chinook.playlist_track"] }), draft(heavy)];
    const { values, trail } = await ask("How many pairs?", { model, reviewers: [reject("Too much for noon.")] });
    expect(values).toMatchObject({ outcome: "rejected", answer: { claims: [], queries: [] } });
    expect(values.answer.text).toBe("A person decided not to run the queries. Too much for noon.");
    expect(trail.flatMap((entry) => (entry.kind === "tool" ? [entry.tool] : []))).toEqual(["sql_estimate"]);
  });
});
