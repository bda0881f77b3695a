import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openRefundHouse, type RefundHouse } from "../support/refund-house.ts";
import { type Server, startServer } from "../support/server.ts";
import { until } from "../support/until.ts";

let house: RefundHouse;
let server: Server;
beforeAll(async () => {
  house = await openRefundHouse();
  const env = { LOG_LEVEL: "debug" };
  server = await startServer({ databaseUrl: house.url, workflows: "test/fixtures/logs", shared: true, env });
});
afterAll(async () => {
  await server?.stop();
  await house?.close();
});

interface Line {
  msg: string;
  level: number;
  request_id?: string;
  run_id?: string;
  thread_id?: string;
  graph_id?: string;
  worker_id?: string;
  [more: string]: unknown;
}

/** Every line of the log, of which none may be anything but JSON; the rest is what a person is told at the start. */
function lines(): Line[] {
  const said = server.log().split("\n");
  return said.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Line);
}
const about = (key: keyof Line, id: string) => lines().filter((line) => line[key] === id);

async function post(path: string, body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${server.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  return { request_id: response.headers.get("x-request-id"), body: (await response.json()) as Record<string, string> };
}

async function start(assistant_id: string, input: unknown = {}, headers: Record<string, string> = {}) {
  const { thread_id } = (await post("/threads", {})).body;
  const { body, request_id } = await post(`/threads/${thread_id}/runs`, { assistant_id, input }, headers);
  return { run_id: body["run_id"] as string, thread_id: thread_id as string, request_id };
}

const SECRET = "sk-live-0123456789abcdef";

describe("the log of a server", () => {
  test("leads from a request to its run, its node and its failure", async () => {
    const given = "gateway:42.a-b_c";
    const { run_id, thread_id, request_id } = await start("logs-failing", {}, { "x-request-id": given });
    expect(request_id).toBe(given);
    await until("the run has ended", () => about("run_id", run_id).some(({ msg }) => msg === "run ended"));
    const [accepted] = about("request_id", given).filter(({ msg }) => msg === "run accepted");
    expect(accepted).toMatchObject({ run_id, thread_id, graph_id: "logs-failing", route: "/threads/:thread_id/runs" });
    const own = about("run_id", run_id).filter(({ request_id: request }) => request === undefined);
    expect(own.map(({ msg }) => msg)).toEqual(["run claimed", "node failed", "run failed", "run ended"]);
    const worker_id = own[0]?.worker_id;
    expect(worker_id).toMatch(/^[0-9a-f-]{36}$/);
    for (const line of own) expect(line).toMatchObject({ thread_id, graph_id: "logs-failing", worker_id, attempt: 1 });
    expect(own[1]).toMatchObject({ node: "fail", error_class: "RangeError", tries: 1 });
    expect(own[2]?.["err"]).toMatchObject({ type: "RangeError", cause: { type: "TypeError" } });
  });

  test("says no line twice the same key, and each request by its route alone", () => {
    for (const line of server
      .log()
      .split("\n")
      .filter((one) => one.startsWith("{"))) {
      const keys = [...line.matchAll(/[{,]"(run_id|thread_id|graph_id|worker_id|request_id|attempt)":/g)].map(
        ([, key]) => key,
      );
      expect(new Set(keys).size, line).toBe(keys.length);
    }
    const answered = lines().filter(({ msg }) => msg === "request answered");
    expect(answered.length).toBeGreaterThan(2);
    for (const line of answered) expect(line).toMatchObject({ request_id: expect.stringMatching(/./), status: 200 });
  });

  test("knows nothing of what a run was given, or of what hangs on an error", async () => {
    const { run_id } = await start("logs-failing", { log: ["the state that nobody may read"] });
    await until("the run has ended", () => about("run_id", run_id).some(({ msg }) => msg === "run ended"));
    for (const hidden of ["nobody may read", SECRET, "tiger", "x-hidden", house.url]) {
      expect(server.log()).not.toContain(hidden);
    }
    const failure = about("run_id", run_id).find(({ msg }) => msg === "run failed");
    expect(JSON.stringify(failure)).toContain("postgresql://scott:[redacted]@db");
  });

  test("names the run of a promise that nobody waits for", async () => {
    const { run_id, thread_id } = await start("logs-careless");
    const stray = await until("it is told", () =>
      lines().find(({ msg, run_id: of }) => of === run_id && /nobody waits for/.test(msg)),
    );
    expect(stray).toMatchObject({ thread_id, graph_id: "logs-careless", err: { message: "forgotten" } });
  });

  test("names the run whose lease was lost", async () => {
    const { run_id, thread_id } = await start("logs-blocking");
    await until("it is at work", () => about("run_id", run_id).some(({ msg }) => msg === "run claimed"));
    await house.pool.query(
      "update holdpoint.thread set lease_until = holdpoint.now() - interval '1 second' where thread_id = $1",
      [thread_id],
    );
    const lost = await until("it is told", () =>
      about("run_id", run_id).find(({ msg, reason }) => msg === "run stopped" && reason === "lease_lost"),
    );
    expect(lost).toMatchObject({ thread_id, graph_id: "logs-blocking", worker_id: expect.stringMatching(/./) });
    const reaped = await until("its reaping is told", () =>
      about("run_id", run_id).find(({ msg }) => msg === "lease ran out"),
    );
    expect(reaped).toMatchObject({ thread_id });
    await fetch(`${server.url}/threads/${thread_id}/runs/${run_id}/cancel?wait=1`, { method: "POST" });
  });

  test.each([
    ["too long", "x".repeat(129)],
    ["broken", 'a"b'],
    ["empty", ""],
  ])("takes no request id that is %s", async (_what, id) => {
    const response = await fetch(`${server.url}/ok`, { headers: { "x-request-id": id } });
    expect(response.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("gives an id also to what is not there", async () => {
    const response = await fetch(`${server.url}/nothing`, { headers: { "x-request-id": "mine" } });
    expect([response.status, response.headers.get("x-request-id")]).toEqual([404, "mine"]);
  });
});
