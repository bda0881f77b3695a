import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { listProcesses } from "../../src/postgres/processes.ts";
import { resetKnobs } from "../fixtures/workflows/lib/knobs.ts";
import { openServer, type TestServer } from "./server.ts";

let open: TestServer;
beforeAll(async () => {
  open = await openServer({}, { works: false });
});
beforeEach(resetKnobs);
afterAll(() => open.close());

interface Process {
  run_id: string;
  last_run_id: string;
  thread_id: string;
  status: string;
  review_id: string | null;
  parts: { run_id: string; kind: string; attempts: unknown[]; given: unknown; output: unknown; input_bytes: number }[];
  questions: { status: string; decided_by: string | null; resume_run_id: string | null }[];
  executions: { node: string; run_id: string; status: string }[];
}
interface Page {
  runs: Process[];
  next: string | null;
  looked: number;
}

const read = async <Body>(path: string): Promise<Body> => {
  const response = await open.ask(path);
  expect(response.status, await response.clone().text()).toBe(200);
  return (await response.json()) as Body;
};
const ids = async (query: string) => (await read<Page>(`/insights/runs?${query}`)).runs.map(({ run_id }) => run_id);

/** Starts a payment and lets it ask. */
async function ask(amount: number): Promise<Process> {
  const run = await open.house.start("http-pay", { input: { amount } });
  await open.house.settle();
  return await read<Process>(`/runs/${run.run_id}`);
}

/** Has the question of a process approved, and the answer carried out. */
async function approve({ review_id }: Process): Promise<void> {
  const decided = await open.ask(`/reviews/${review_id}/decision`, {
    method: "POST",
    body: { decisions: [{ type: "approve" }] },
    headers: { "if-match": '"1"' },
  });
  expect(decided.status, await decided.clone().text()).toBe(200);
  await open.house.settle();
}

async function fail(graph_id = "http-fail"): Promise<string> {
  const { run_id } = await open.house.start(graph_id, { input: { text: "x" } });
  await open.house.settle();
  return run_id;
}

describe("GET /runs/:run_id", () => {
  test("shows a run together with the run that carried its answer, whichever of the two is asked for", async () => {
    const asked = await ask(5);
    expect(asked).toMatchObject({
      status: "waiting",
      runs: 1,
      attempts: 1,
      reviews: 1,
      review_title: "Pay 5",
      review_node: "review",
      node: "review",
      node_status: "interrupted",
      graph: { is_loaded: true, is_guarded: true },
    });
    await approve(asked);
    const whole = await read<Process>(`/runs/${asked.run_id}`);
    expect(whole).toMatchObject({ status: "success", runs: 2, attempts: 2, reviews: 1, review_id: null });
    expect(whole.parts.map(({ kind }) => kind)).toEqual(["run", "resume"]);
    expect(whole.parts[0]).toMatchObject({ given: { input: { amount: 5 } }, attempts: [{ attempt: 1 }] });
    expect(whole.parts[1]).toMatchObject({ run_id: whole.last_run_id, output: { amount: 5, result: "paid 5" } });
    expect(whole.questions).toMatchObject([
      { status: "closed", decided_by: expect.any(String), resume_run_id: whole.last_run_id },
    ]);
    expect(whole.executions.map(({ node, status }) => `${node} ${status}`)).toEqual([
      "propose success",
      "review interrupted",
      "review success",
      "execute success",
    ]);
    expect(await read<Process>(`/runs/${whole.last_run_id}`)).toMatchObject({ run_id: asked.run_id });
  });

  test("leaves out what is long, and says how long it is", async () => {
    const { run_id } = await open.house.start("http-words", { input: { text: "é".repeat(40_000) } });
    await open.house.settle();
    const { parts } = await read<Process>(`/runs/${run_id}`);
    expect(parts[0]).toMatchObject({ given: null, output: null });
    expect(parts[0]?.input_bytes).toBeGreaterThan(80_000);
  });

  test("says that a question timed out, was taken back or went stale, and does not call that a success", async () => {
    for (const [status, shown] of [
      ["failed", "error"],
      ["stale", "stale"],
      ["superseded", "superseded"],
    ]) {
      const { run_id, review_id } = await ask(6);
      const text =
        "update holdpoint.review set status = $1, status_reason = 'nobody \"came\"', closed_at = now() where id = $2";
      await open.house.database.pool.query(text, [status, review_id]);
      const error =
        shown === "error" ? { error: "review_timed_out", message: expect.stringContaining('"came"') } : null;
      expect(await read<Process>(`/runs/${run_id}`)).toMatchObject({ status: shown, error });
    }
    expect(await ids("status=error&error_class=review_timed_out")).toHaveLength(1);
  });
});

describe("GET /insights/runs", () => {
  test("finds processes by status, graph, error, who started them and how long they have waited", async () => {
    const paid = await ask(7);
    await approve(paid);
    const failed = await fail();
    const queued = await open.house.start("http-words", { input: { text: "x" } }, { principal_id: "test:ben" });
    expect(await ids("status=pending")).toEqual([queued.run_id]);
    expect(await ids("started_by=test%3Aben")).toEqual([queued.run_id]);
    await open.house.settle();
    await open.house.pass(7_200);
    const asked = await ask(8);
    expect((await ids("")).slice(0, 4)).toEqual([asked.run_id, queued.run_id, failed, paid.run_id]);
    expect(await ids("status=waiting")).toEqual([asked.run_id]);
    expect(await ids("waiting_over=1h")).toEqual([]);
    await open.house.pass(7_200);
    expect(await ids("waiting_over=1h")).toEqual([asked.run_id]);
    expect(await ids("waiting_over=1h&status=waiting,success&graph_id=http-pay")).toEqual([asked.run_id]);
    expect(await ids("error_class=TypeError")).toEqual([failed]);
    expect(await ids("error_class=Type")).toEqual([]);
    expect((await ids("status=success&status=error&graph_id=http-pay"))[0]).toBe(paid.run_id);
    expect(await ids("since=1m")).toEqual([]);
    expect(await ids("status=running")).toEqual([]);
    const [row] = (await read<Page>("/insights/runs?status=error&graph_id=http-fail")).runs;
    expect(row).toMatchObject({ error: { error: "TypeError", message: "Boo!" }, node: "fail", node_status: "error" });
    expect(row).not.toHaveProperty("parts");
  });

  test("gives page after page until the end, also while filters fit next to nothing", async () => {
    const wanted = await ids("limit=200");
    const walked: string[] = [];
    let next: string | null = null;
    do {
      const page: Page = await read(`/insights/runs?limit=2${next === null ? "" : `&after=${next}`}`);
      walked.push(...page.runs.map(({ run_id }) => run_id));
      next = page.next;
    } while (next !== null);
    expect(walked).toEqual(wanted);
    expect(await ids(`after=${crypto.randomUUID()}`)).toEqual([]);
    const failed = await ids("status=error&limit=200");
    const found: string[] = [];
    const wish = { statuses: ["error" as const], limit: 10 };
    for (let after: string | null = null; ; ) {
      const page = await listProcesses(open.house.database, "default", { ...wish, after }, 2);
      found.push(...page.processes.map(({ run_id }) => run_id));
      after = page.next;
      if (after === null) break;
    }
    expect(found).toEqual(failed);
    expect(await read<Page>("/insights/runs?status=timeout")).toMatchObject({ runs: [], next: null });
  });

  test.each([
    "status=done",
    "waiting_over=long",
    "since=yesterday",
    "limit=0",
    "limit=201",
    "after=1",
    `graph_id=${"x".repeat(501)}`,
    "error_class=%00",
  ])("refuses %s", async (query) => {
    expect((await open.ask(`/insights/runs?${query}`)).status).toBe(422);
  });

  test("takes what is hostile for the words they are", async () => {
    for (const words of ["'; drop table holdpoint.run; --", '","message":"', "%", "\u202e", "{}"]) {
      expect(await ids(`error_class=${encodeURIComponent(words)}&graph_id=${encodeURIComponent(words)}`)).toEqual([]);
    }
  });
});

describe("GET /runs/:run_id/events and /effects", () => {
  test("gives what a run has stored in order, without a gap, and where to go on", async () => {
    const { run_id } = await open.house.start("http-words", {
      input: { text: "x" },
      stream_mode: ["values", "updates"],
    });
    await open.house.settle();
    const all = await read<{ events: { seq: number; event: string }[]; next: null }>(`/runs/${run_id}/events`);
    expect(all).toMatchObject({ next: null, status: "success" });
    expect(all.events.map(({ event }) => event)).toContain("updates");
    expect(all.events.map(({ seq }) => seq)).toEqual(all.events.map((_, index) => index + 1));
    const rest = await read<{ events: unknown[] }>(`/runs/${run_id}/events?after=2`);
    expect(rest.events).toEqual(all.events.slice(2));
    expect((await open.ask(`/runs/${run_id}/events?after=-1`)).status).toBe(422);
    expect((await open.ask(`/runs/${run_id}/events?after=99999999999`)).status).toBe(422);
  });

  test("gives a page of many events with the id to go on behind", async () => {
    const { run_id } = await open.house.start("http-words", {
      input: { text: "x".repeat(100_000) },
      stream_mode: ["values", "updates", "tasks"],
    });
    await open.house.settle();
    const seqs: number[] = [];
    let next: number | null = 0;
    let pages = 0;
    while (next !== null) {
      const page: { events: { seq: number }[]; next: number | null } = await read(
        `/runs/${run_id}/events?after=${next}`,
      );
      seqs.push(...page.events.map(({ seq }) => seq));
      next = page.next;
      pages += 1;
    }
    expect(pages).toBeGreaterThan(1);
    expect(seqs).toEqual(seqs.map((_, index) => index + 1));
  });

  test("shows what was begun outside and its receipt", async () => {
    const { run_id } = await open.house.start("many-effects", { input: {} });
    await open.house.settle();
    const effects = await read<{ status: string; run_id: string; result_bytes: number }[]>(`/runs/${run_id}/effects`);
    expect(effects.length).toBeGreaterThan(1);
    for (const effect of effects) expect(effect).toMatchObject({ status: "receipt", run_id, attempt: 1 });
  });
});

describe("who may see processes", () => {
  test("nobody without the right to read runs, and nobody what is another tenant's or deleted", async () => {
    const { run_id, thread_id } = await ask(9);
    const starter = { headers: { "x-api-key": await open.key("starter", ["runs:create"]) } };
    const paths = [`/runs/${run_id}`, `/runs/${run_id}/events`, `/runs/${run_id}/effects`];
    for (const path of [...paths, "/insights/runs"]) expect((await open.ask(path, starter)).status, path).toBe(403);
    const { pool } = open.house.database;
    await pool.query("update holdpoint.run set tenant_id = 'other' where run_id = $1", [run_id]);
    for (const path of paths) expect((await open.ask(path)).status, path).toBe(404);
    expect(await ids("")).not.toContain(run_id);
    await pool.query("update holdpoint.run set tenant_id = 'default' where run_id = $1", [run_id]);
    await pool.query("update holdpoint.thread set deleted_at = now() where thread_id = $1", [thread_id]);
    for (const path of paths) expect((await open.ask(path)).status, path).toBe(404);
    expect(await ids("limit=200")).not.toContain(run_id);
  });

  test.each(["1", "..%2f", "%27", crypto.randomUUID()])(
    "an id that is none, or nobody's, is not found: %s",
    async (id) => {
      for (const path of ["", "/events", "/effects"]) {
        const { status } = await open.ask(`/runs/${id}${path}`);
        expect([404, 422], path).toContain(status);
      }
    },
  );
});
