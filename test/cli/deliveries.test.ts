import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, keyFor, sdk } from "../support/client.ts";
import { openReceiver, type Receiver } from "../support/receiver.ts";
import { openRefundHouse, type RefundHouse } from "../support/refund-house.ts";
import { type Server, startServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { command, type InProcess } from "./holdpoint.ts";

let house: RefundHouse;
let server: Server;
let receiver: Receiver;
beforeAll(async () => {
  receiver = await openReceiver();
  house = await openRefundHouse();
  const env = { HOLDPOINT_WEBHOOK_ALLOW: "127.0.0.1" };
  server = await startServer({ databaseUrl: house.url, workflows: "test/fixtures/cli", shared: true, env });
});
afterAll(async () => {
  const exit = await server?.stop();
  await receiver?.close();
  await house?.close();
  expect(exit).toEqual({ code: 0, signal: null });
});

const cli = (args: string[], how: Partial<InProcess> = {}) =>
  command(["deliveries", ...args], { ...how, env: { HOLDPOINT_DATA_DIR: server.dataDir, ...how.env } });
const json = async (...args: string[]) => JSON.parse((await cli([...args, "--json"])).stdout);

/** A run that has ended, and what its webhook came to after its first attempt. */
async function told(path: string): Promise<{ run_id: string; delivery_id: string }> {
  const client = sdk(server.url);
  const { thread_id } = await client.threads.create();
  const webhook = receiver.url(path);
  const { run_id } = await client.runs.create(thread_id, "cli-two-actions", { input: {}, webhook });
  const delivery = await until("it is told", async () => {
    const [row] = (await json("list", "--run", run_id)) as { delivery_id: string; answer_status: number | null }[];
    return row?.answer_status == null ? undefined : row;
  });
  return { run_id, delivery_id: delivery.delivery_id };
}

describe("deliveries", () => {
  test("are a table on a screen, lines in a pipe and JSON where that is wanted", async () => {
    receiver.answer("/list", (response) => response.writeHead(503).end("\u001b[31mno"));
    const { run_id, delivery_id } = await told("/list");
    // It is not tried again while somebody looks.
    await house.pool.query(
      "update holdpoint.delivery set next_at = next_at + interval '1 hour' where delivery_id = $1",
      [delivery_id],
    );
    const screen = await cli(["--limit", "1"], { isScreen: true, columns: 140 });
    const [heading, row] = screen.stdout.split("\n");
    expect(heading).toMatch(/^ID +STATUS +ATTEMPTS +ANSWER +NEXT +AGE +RUN +EVENT +URL$/);
    expect(row).toMatch(
      new RegExp(`^${delivery_id.slice(0, 7)} +pending +1 +503 .*${run_id.slice(0, 7)} +run.ended +http`),
    );
    expect((await cli(["list", "--status", "pending"])).stdout.split("\n")[0]).toMatch(
      new RegExp(`^${delivery_id}\tpending\t1\t503\t.*\t${run_id}\trun.ended\t`),
    );
    expect(JSON.parse((await cli(["list", "--json", "status,attempts"])).stdout)).toEqual([
      { status: "pending", attempts: 1 },
    ]);
    expect(await cli(["list", "--status", "dead"], { isScreen: true })).toMatchObject({ stdout: "no deliveries\n" });
    const shown = await cli(["show", delivery_id.slice(0, 8)]);
    expect(shown.stdout).toMatch(new RegExp(`^delivery ${delivery_id} {2}pending\n`));
    expect(shown.stdout).toMatch(/\n {2}1\. .* 503 in [\d.]+ m?s: .*no\n$/);
    // What a receiver writes does not reach the terminal as it stands.
    expect(shown.stdout).not.toContain("\u001b");
  });

  test("are sent again, with the same id, also one that was delivered", async () => {
    const { delivery_id } = await told("/again");
    const replayed = await cli(["replay", delivery_id.slice(0, 10)]);
    expect(replayed).toMatchObject({ code: 0, stdout: expect.stringContaining("sent again: delivery") });
    await until("it is told again", () => receiver.at("/again").length === 2);
    expect(new Set(receiver.at("/again").map(({ headers }) => headers["webhook-id"]))).toEqual(new Set([delivery_id]));
    await until("it is noted", async () => (await json("show", delivery_id)).status === "delivered");
    expect((await json("show", delivery_id)).history).toMatchObject([{ attempt: 2 }, { attempt: 1 }]);
  });

  test("that are not there, not an id, or not allowed are one line and the exit code of their cause", async () => {
    const missing = crypto.randomUUID();
    for (const [args, code] of [
      [["show", missing], 1],
      [["replay", missing], 1],
      [["show", "0000"], 1],
      [["show", "x y"], 2],
      [["show", "ab"], 2],
      [["show"], 2],
      [["list", "--status", "lost"], 2],
      [["list", "--limit", "0"], 2],
      [["list", "--json", "nothing"], 2],
      [["list", "--run", "abc"], 5],
    ] as const) {
      const ended = await cli([...args]);
      expect([args, ended.code, ended.stdout]).toEqual([args, code, ""]);
      expect(ended.stderr).toMatch(/^(holdpoint: |error: )/);
    }
    const { delivery_id } = await told("/denied");
    const key = await keyFor(server.url, "reader", ["runs:read"]);
    const denied = await cli(["replay", delivery_id], { env: { HOLDPOINT_API_KEY: key } });
    expect(denied).toMatchObject({ code: 4, stdout: "" });
    expect((await ask(server.url, `/deliveries/${delivery_id}`)).body).toMatchObject({ attempts: 1 });
  });
});
