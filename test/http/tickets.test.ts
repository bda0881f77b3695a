import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { createMemoryTickets, type TicketPort } from "../../src/kit/tickets.ts";
import { ticket, ticketUpdate } from "../../src/kit/tools/ticket.ts";
import type { Ticket } from "../../src/protocol/ticket.ts";
import { createTicketPort } from "../../src/runtime/tickets.ts";
import { createMemoryEffects, withTestPorts } from "../../src/testing.ts";
import { command, type InProcess } from "../cli/holdpoint.ts";
import { openServer, type TestServer } from "./server.ts";

let server: TestServer;
let thread_id: string;
const run_id = randomUUID();
beforeAll(async () => {
  server = await openServer({}, { works: false });
  thread_id = (await server.client.threads.create()).thread_id;
});
afterAll(() => server.close());

const run = () => ({ tenant_id: "default", graph_id: "g", thread_id, run_id });
const PORTS: Record<string, () => TicketPort> = {
  Postgres: () => createTicketPort(server.house.database, run()),
  memory: () => createMemoryTickets(),
};
const text = (about: string | null = null, title = "Disk full") => ({
  title,
  body: "it is full",
  severity: "high" as const,
  labels: ["db", "disk"],
  about,
});
const opened = async (about: string | null = null, title?: string): Promise<Ticket> =>
  (await (PORTS["Postgres"] as () => TicketPort)().open(randomUUID(), text(about, title))).ticket;
const ask = async (path: string, method = "GET", body?: unknown) => {
  const response = await server.ask(path, { method, ...(body === undefined ? {} : { body }) });
  // biome-ignore lint/suspicious/noExplicitAny: what a test reads of it, the test checks
  return { status: response.status, headers: response.headers, body: (await response.json()) as any };
};

describe.each(Object.keys(PORTS))("tickets kept in %s", (where) => {
  const port = () => (PORTS[where] as () => TicketPort)();

  test("are opened once for each call, and once for what they are about", async () => {
    const tickets = port();
    const [id, again] = [randomUUID(), randomUUID()];
    const about = `disk of ${id}`;
    const first = await tickets.open(id, text(about));
    expect(first).toMatchObject({ isNew: true, ticket: { ...text(about), ticket_id: id, status: "open" } });
    expect(await tickets.open(id, text(about))).toMatchObject({ isNew: true, ticket: { number: first.ticket.number } });
    const second = await tickets.open(again, text(about));
    expect(second).toMatchObject({ isNew: false, ticket: { ticket_id: id } });
    await tickets.change(randomUUID(), { which: { about }, comment: "done", status: "closed" });
    // What was said before is not said again, also when the ticket has been closed since.
    expect(await tickets.open(again, text(about))).toMatchObject({ isNew: false, ticket: { ticket_id: id } });
    const third = await tickets.open(randomUUID(), text(about));
    expect(third).toMatchObject({ isNew: true });
    expect(third.ticket.number).toBeGreaterThan(first.ticket.number);
  });

  test("are changed once for each call, by their number or by what they are about", async () => {
    const tickets = port();
    const { ticket: one } = await tickets.open(randomUUID(), text(randomUUID()));
    const which = { number: one.number };
    const id = randomUUID();
    expect(await tickets.change(id, { which, comment: "done", status: "closed" })).toMatchObject({ status: "closed" });
    const reopened = await tickets.change(randomUUID(), { which, comment: "not done", status: "open" });
    expect(reopened).toMatchObject({ status: "open", closed_at: null });
    expect(await tickets.change(id, { which, comment: "done", status: "closed" })).toMatchObject({ status: "open" });
    const by = { which: { about: one.about as string }, comment: "", status: "closed" as const };
    expect(await tickets.change(randomUUID(), by)).toMatchObject({ ticket_id: one.ticket_id, status: "closed" });
    expect(await tickets.change(randomUUID(), { which: { number: 2_000_000_000 }, comment: "" })).toBeUndefined();
    expect(await tickets.change(randomUUID(), { which: { about: "nothing" }, comment: "" })).toBeUndefined();
  });
});

test("many that open a ticket about the same at once open one, and every number is given once", async () => {
  const tickets = (PORTS["Postgres"] as () => TicketPort)();
  const about = randomUUID();
  const all = await Promise.all(
    Array.from({ length: 20 }, (_, index) => tickets.open(randomUUID(), text(index % 2 === 0 ? about : null))),
  );
  const about_it = all.filter((_, index) => index % 2 === 0);
  expect(new Set(about_it.map((one) => one.ticket.ticket_id)).size).toBe(1);
  expect(about_it.filter(({ isNew }) => isNew)).toHaveLength(1);
  expect(new Set(all.map((one) => one.ticket.number)).size).toBe(11);
  const [ticket_id] = about_it.map((one) => one.ticket.ticket_id);
  expect((await ask(`/tickets/${ticket_id}`)).body.comments).toHaveLength(9);
});

describe("a tool for tickets", () => {
  test("opens one, comments on it and closes it, without what Postgres cannot hold", async () => {
    const tickets = createMemoryTickets();
    const effects = createMemoryEffects();
    await withTestPorts({ tickets, effects }, async () => {
      const args = { title: " a\0b ", body: "\0", labels: ["x"], about: "group" };
      const one = await ticket().call(args, { key: "one" });
      expect(one).toMatchObject({ number: 1, title: "a\ufffdb", severity: "medium", status: "open", is_new: true });
      expect(await ticket().call(args, { key: "two" })).toMatchObject({ number: 1, is_new: false });
      const closed = await ticketUpdate().call({ about: "group", comment: "over", status: "closed" }, { key: "three" });
      expect(closed).toMatchObject({ found: true, status: "closed" });
      expect(await ticketUpdate().call({ number: 7, comment: "" }, { key: "four" })).toEqual({ found: false });
    });
    expect(tickets.comments.map(({ text: said }) => said)).toEqual(["\ufffd", "over"]);
    expect(effects.recorded.map(({ kind }) => kind)).toEqual(Array.from({ length: 4 }, () => "idempotent"));
  });

  test.each([
    { title: "", body: "" },
    { title: "x".repeat(201), body: "" },
    { title: "x", body: "x".repeat(50_001) },
    { title: "x", body: "", severity: "awful" },
    { title: "x", body: "", labels: Array.from({ length: 51 }, () => "x") },
    { title: "x", body: "", about: "x".repeat(501) },
    { title: "x", body: "", color: "red" },
  ])("refuses what is none: %j", async (args) => {
    await expect(withTestPorts({}, () => ticket().call(args as never))).rejects.toMatchObject({
      code: "tool_failed",
      facts: { class: "validation" },
    });
  });

  test("is told which ticket, by one name", async () => {
    for (const args of [{ comment: "x" }, { number: 1, about: "x", comment: "x" }]) {
      await expect(withTestPorts({}, () => ticketUpdate().call(args))).rejects.toMatchObject({ code: "tool_failed" });
    }
  });
});

describe("tickets", () => {
  it("are listed newest first, filtered and in pages", async () => {
    const about = randomUUID();
    const [one, two] = [await opened(about), await opened()];
    const listed = async (query: string) => (await ask(`/tickets?${query}`)).body.map((row: Ticket) => row.number);
    expect((await listed("limit=2")).toSorted()).toEqual([one.number, two.number].toSorted());
    expect(await listed(`about=${about}`)).toEqual([one.number]);
    expect(await listed(`number=${two.number}&status=open&severity=high&thread_id=${thread_id}`)).toEqual([two.number]);
    expect(await listed(`number=${two.number}&status=closed`)).toEqual([]);
    const { headers } = await ask("/tickets?limit=1&offset=1");
    expect(Number(headers.get("x-pagination-total"))).toBeGreaterThan(1);
    expect(headers.get("x-pagination-next")).toBe("2");
  });

  it("show what was said about them, and are closed and opened again by hand, on record", async () => {
    const { ticket_id } = await opened();
    const path = `/tickets/${ticket_id}`;
    expect((await ask(path, "PATCH", { comment: "looking" })).body).toMatchObject({ status: "open" });
    expect((await ask(path, "PATCH", { status: "closed", comment: "done" })).body).toMatchObject({ status: "closed" });
    expect((await ask(path, "PATCH", { status: "closed" })).status).toBe(200);
    const { body } = await ask(path.toUpperCase().replace("TICKETS", "tickets"), "PATCH", { status: "open" });
    expect(body).toMatchObject({
      status: "open",
      closed_at: null,
      comments: [
        { text: "looking", status: null, principal_id: "local-owner" },
        { text: "done", status: "closed" },
        { text: "", status: "open", run_id: null },
      ],
    });
    const { rows } = await server.house.database.pool.query(
      "select kind, principal_id from holdpoint.audit where body::jsonb ->> 'ticket_id' = $1 order by audit_seq",
      [ticket_id],
    );
    expect(rows).toEqual([
      { kind: "ticket.closed", principal_id: "local-owner" },
      { kind: "ticket.reopened", principal_id: "local-owner" },
    ]);
  });

  it("are not found by what is none, and are asked for in the right way only", async () => {
    const missing = randomUUID();
    const { ticket_id } = await opened();
    for (const [path, method, body, status] of [
      [`/tickets/${missing}`, "GET", undefined, 404],
      [`/tickets/${missing}`, "PATCH", { status: "closed" }, 404],
      ["/tickets/12", "GET", undefined, 422],
      ["/tickets?status=done", "GET", undefined, 422],
      ["/tickets?number=0", "GET", undefined, 422],
      ["/tickets?number=99999999999", "GET", undefined, 422],
      ["/tickets?about=%00", "GET", undefined, 422],
      ["/tickets?limit=0", "GET", undefined, 422],
      [`/tickets/${ticket_id}`, "PATCH", { status: "gone" }, 422],
      [`/tickets/${ticket_id}`, "PATCH", { title: "other" }, 422],
      [`/tickets/${ticket_id}`, "PATCH", { comment: "\0" }, 422],
      [`/tickets/${ticket_id}`, "PATCH", { comment: "x".repeat(10_001) }, 422],
      [`/tickets/${ticket_id}`, "DELETE", undefined, 405],
    ] as const) {
      expect([path, (await ask(path, method, body)).status]).toEqual([path, status]);
    }
    const reader = await server.key("reader", ["runs:read"]);
    const headers = { "x-api-key": reader };
    expect((await server.ask(`/tickets/${ticket_id}`, { headers })).status).toBe(200);
    const closing = { method: "PATCH", body: { status: "closed" }, headers };
    expect((await server.ask(`/tickets/${ticket_id}`, closing)).status).toBe(403);
  });
});

describe("the command tickets", () => {
  const cli = (args: string[], how: Partial<InProcess> = {}) =>
    command(["tickets", ...args], { ...how, env: { HOLDPOINT_SERVER_URL: server.listening.url } });

  it("lists, shows and closes them, and no text of theirs reaches the terminal as it is", async () => {
    const { number, ticket_id } = await opened(null, "\u001b[31mred\u202e");
    const screen = (await cli(["--limit", "1"], { isScreen: true, columns: 120 })).stdout;
    expect(screen).toMatch(/^NUMBER +STATUS +SEVERITY +AGE +TITLE +LABELS +THREAD/);
    expect(screen).toContain("db, disk");
    expect((await cli([])).stdout.split("\n")[0]).toMatch(new RegExp(`^${number}\topen\thigh\t`));
    expect(JSON.parse((await cli(["list", "--json", "number,status", "-n", "1"])).stdout)).toEqual([
      { number, status: "open" },
    ]);
    const closed = await cli(["close", `#${number}`, "--comment", "was a\u001btest"]);
    expect(closed).toMatchObject({ code: 0, stdout: expect.stringContaining(`closed: ticket ${number}, `) });
    const shown = await cli(["show", String(number)]);
    expect(shown.stdout).toContain("local-owner: closed");
    for (const { stdout } of [{ stdout: screen }, closed, shown]) expect(stdout).not.toMatch(/[\u001b\u202e]/);
    expect(JSON.parse((await cli(["show", String(number), "--json"])).stdout)).toMatchObject({ ticket_id });
    expect((await cli(["close", String(number), "--reopen", "--json"])).stdout).toContain('"status": "open"');
  });

  it.each([
    ["none", ["show", "999999"], 1],
    ["no number", ["show", "abc"], 2],
    ["no number either", ["close", "0"], 2],
    ["no status", ["list", "--status", "done"], 2],
  ])("refuses %s", async (_what, args, code) => expect(await cli(args)).toMatchObject({ code }));
});
