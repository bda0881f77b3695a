import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ALLOW_NONE } from "../../src/policy/private-address.ts";
import { openServer, type TestServer } from "./server.ts";

const FOLDER = fileURLToPath(new URL("../../workflows", import.meta.url));

let server: TestServer;
beforeAll(async () => {
  server = await openServer({}, { directory: FOLDER, works: false });
  const notifications = { to: ["https://hooks.example.com/x"], allow: ALLOW_NONE, isMailSet: false };
  server.house.parts.notifications = notifications;
  server.house.newWorker().start();
});
afterAll(() => server.close());

const payload = async (name: string) =>
  JSON.parse(await readFile(new URL(`../../examples/incident-${name}.json`, import.meta.url), "utf8"));
const ask = async (path: string, method = "GET", body?: unknown) =>
  // biome-ignore lint/suspicious/noExplicitAny: what a test reads of it, the test checks
  (await (await server.ask(path, { method, ...(body === undefined ? {} : { body }) })).json()) as any;
interface Told {
  outcome: string;
  severity: string;
  ticket: { number: number; is_new: boolean };
  orders: { action: string }[];
  notification: { sent: number; problem: string | null };
  postmortem: string;
}

describe("what Alertmanager posts, given to a run", () => {
  it("waits for a person before anything destructive, and ends with a ticket, a notification and a post-mortem", async () => {
    const { thread_id } = await server.client.threads.create();
    await server.client.runs.wait(thread_id, "incident-triage", { input: await payload("disk") });
    const [review] = (await ask(`/reviews?thread_id=${thread_id}`)) as { id: string; request_digest: string }[];
    expect(review).toMatchObject({
      status: "open",
      guarded: true,
      node: "approve_review",
      title: expect.stringContaining("destructive"),
    });
    const [open] = await ask(`/tickets?thread_id=${thread_id}`);
    expect(open).toMatchObject({ status: "open", severity: "critical" });
    expect(await ask(`/deliveries?thread_id=${thread_id}`)).toEqual([]);
    const answer = { decisions: [{ type: "approve" }], seen_digest: review?.request_digest };
    const { run_id } = await ask(`/reviews/${review?.id}/decision`, "POST", answer);
    const told = (await server.client.runs.join(thread_id, run_id)) as unknown as Told;
    expect(told).toMatchObject({
      outcome: "triaged",
      severity: "critical",
      ticket: { number: open.number, is_new: true },
      notification: { sent: 1, problem: null },
    });
    expect(told.orders.map(({ action }) => action)).toContain("free_disk_space");
    const { comments } = await ask(`/tickets/${open.ticket_id}`);
    expect(comments.at(-1).text).toBe(told.postmortem);
    expect(await ask(`/deliveries?thread_id=${thread_id}`)).toMatchObject([
      { event: "notification", channel: "webhook" },
    ]);
    const { rows } = await server.house.database.pool.query(
      "select kind, status from holdpoint.effect where thread_id = $1",
      [thread_id],
    );
    expect(new Set(rows.map(({ kind, status }) => `${kind} ${status}`))).toEqual(new Set(["idempotent receipt"]));
    expect(rows).toHaveLength(6);
  });

  it("closes the ticket of the group when nothing fires any more, also on another thread", async () => {
    const run = async (name: string) => {
      const { thread_id } = await server.client.threads.create();
      return (await server.client.runs.wait(thread_id, "incident-triage", {
        input: await payload(name),
      })) as unknown as Told;
    };
    const { ticket } = await run("latency");
    expect(await run("resolved")).toMatchObject({ outcome: "resolved", ticket: { number: ticket.number } });
    expect(await ask(`/tickets?number=${ticket.number}`)).toMatchObject([{ status: "closed" }]);
  });

  it("is refused with what is wrong where it is none, and no run is made", async () => {
    const { thread_id } = await server.client.threads.create();
    const input = { ...(await payload("disk")), version: "3" };
    const body = { assistant_id: "incident-triage", input };
    const response = await server.ask(`/threads/${thread_id}/runs`, { method: "POST", body });
    expect([response.status, await response.text()]).toEqual([422, expect.stringContaining("version")]);
  });
});
