import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openRefundHouse, type RefundHouse } from "../support/refund-house.ts";
import { type Server, startServer } from "../support/server.ts";
import { command, type Ended } from "./holdpoint.ts";

let house: RefundHouse;
let server: Server;
beforeAll(async () => {
  house = await openRefundHouse();
  server = await startServer({ databaseUrl: house.url, workflows: "test/fixtures/cli", shared: true });
});
afterAll(async () => {
  await server?.stop();
  await house?.close();
});

const env = () => ({ HOLDPOINT_DATA_DIR: server.dataDir });
const cli = (...args: string[]): Promise<Ended> => command(args, { env: env() });
const as = (key: string, ...args: string[]): Promise<Ended> =>
  command(args, { env: { ...env(), HOLDPOINT_API_KEY: key } });

describe("keys", () => {
  test("are made, used, listed without their secret, and revoked", async () => {
    const made = await cli("keys", "create", "--name", "Night Shift");
    expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^hp_[\w-]{43}\n$/) });
    expect(made.stderr).toContain("for night-shift: runs:create, runs:read, runs:cancel, review:read");
    const secret = made.stdout.trim();
    expect(JSON.parse((await as(secret, "whoami", "--json")).stdout)).toMatchObject({
      principal_id: "night-shift",
      kind: "service",
    });
    const asked = JSON.parse((await cli("run", "cli-two-actions", "--json")).stdout);
    const review = asked.reviews[0].id as string;
    expect(await as(secret, "review", "approve", review, "--yes")).toMatchObject({
      code: 4,
      stderr: expect.stringContaining("review:decide"),
    });
    expect(await as(secret, "keys", "list")).toMatchObject({ code: 4 });
    const till = await cli("keys", "create", "--name", "till", "-p", "runs:create", "tool:refunds:pay");
    expect(till.stderr).toContain("for till: runs:create, tool:refunds:pay");
    expect((await cli("keys", "list")).stdout).toContain("runs:create,tool:refunds:pay");
    const wrong = await cli("keys", "create", "--name", "till", "-p", "tool:Refunds");
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining("tool:<name>") });
    const listed = await cli("keys", "--json", "name,api_key_id");
    expect(listed.stdout).not.toContain(secret);
    const { api_key_id } = JSON.parse(listed.stdout).find(({ name }: { name: string }) => name === "Night Shift");
    expect(await cli("keys", "revoke", api_key_id.slice(0, 8))).toMatchObject({ code: 5 });
    expect(await cli("keys", "revoke", api_key_id.slice(0, 8), "--yes")).toMatchObject({ code: 0 });
    expect(await as(secret, "whoami")).toMatchObject({ code: 4, stderr: expect.stringContaining("HOLDPOINT_API_KEY") });
  });

  test("of an agent can never decide", async () => {
    const refused = await cli("keys", "create", "--name", "bot", "--kind", "agent", "-p", "review:decide");
    expect(refused).toMatchObject({ code: 5, stderr: expect.stringContaining("agent can never hold review:decide") });
  });
});

test("a login link is made anew", async () => {
  const { stdout } = await command(["login"], { env: { ...env(), DATABASE_URL: house.url } });
  expect(stdout).toMatch(/^http:\/\/[^/]+\/login\/[\w-]{43}\n$/);
  expect((await fetch(stdout.trim())).status).toBe(200);
});
