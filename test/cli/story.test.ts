import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openRefundHouse, type RefundHouse } from "../support/refund-house.ts";
import { type Server, startServer } from "../support/server.ts";
import { type Ended, holdpoint } from "./holdpoint.ts";

let house: RefundHouse;
let server: Server;
beforeAll(async () => {
  house = await openRefundHouse();
  server = await startServer({ databaseUrl: house.url, workflows: "workflows", shared: true });
});
afterAll(async () => {
  await house?.close();
});

const cli = (...args: string[]): Promise<Ended> => holdpoint(args, { HOLDPOINT_DATA_DIR: server.dataDir });
const pick = (text: string, pattern: RegExp) =>
  (pattern.exec(text)?.[1] ?? `nothing like ${pattern} in: ${text}`) as string;

test("a refund waits for a person, is looked at, approved and paid once, all by commands that are piped", {
  timeout: 120_000,
}, async () => {
  const ran = await cli("run", "refund-approval", "--input", "examples/refund-large.json");
  expect(ran).toMatchObject({ code: 0, stderr: "" });
  expect(ran.stdout.match(/✓ \w+/g)).toEqual(["✓ analyze", "✓ validate", "✓ propose"]);
  expect(ran.stdout).toMatch(/^waiting for a person: review ([0-9a-f]{7,}) \(holdpoint review show \1\)$/m);
  expect(ran.stdout).toContain("Refund 13.86 USD to John Gordon (invoice 5)");
  const review = pick(ran.stdout, /review show ([0-9a-f]{7,})/);
  const run = pick(ran.stdout, /run ([0-9a-f]{7,})/);

  const [row = ""] = (await cli("reviews")).stdout.trimEnd().split("\n");
  const [id, title, amount, graph, opened, due, status] = row.split("\t");
  expect([title, amount, graph, status]).toEqual([
    "Refund 13.86 USD to John Gordon (invoice 5)",
    "13.86 USD",
    "refund-approval",
    "open",
  ]);
  expect(id).toMatch(new RegExp(`^${review}[0-9a-f-]{29,}$`));
  expect(Date.parse(due as string) - Date.parse(opened as string)).toBeGreaterThan(71 * 3_600_000);

  const shown = await cli("review", "show", review.slice(0, 4));
  expect(shown).toMatchObject({ code: 0, stderr: "" });
  expect(shown.stdout).toContain("If approved: 13.86 USD of invoice 5 are refunded to John Gordon");
  expect(shown.stdout).toMatch(/amount +13\.86 +\(can be changed\)/);
  expect(shown.stdout).toMatch(/│ Customer: John Gordon/);
  expect(shown.stdout).toMatch(/digest +sha256:[0-9a-f]{64}/);

  const unasked = await cli("review", "approve", review);
  expect(unasked).toMatchObject({ code: 5, stderr: expect.stringContaining("add --yes") });
  expect(await house.refunds()).toEqual([]);

  // Somebody watches the paused run while it is decided.
  const watching = cli("runs", "watch", run);
  const approved = await cli("review", "approve", review, "-m", "checked the invoice", "--yes");
  expect(approved).toMatchObject({ code: 0, stderr: "" });
  expect(approved.stdout).toContain("If approved: 13.86 USD");
  expect(approved.stdout).toContain(`approved: review ${review}`);
  const resume = pick(approved.stdout, /runs watch ([0-9a-f]{7,})/);

  const watched = await cli("runs", "watch", resume);
  expect(watched).toMatchObject({ code: 0, stderr: "" });
  expect(watched.stdout.match(/✓ \w+/g)).toEqual(["✓ review", "✓ execute", "✓ finalize"]);
  expect(watched.stdout).toMatch(/^done: run/m);
  expect(watched.stdout).toMatch(/^outcome\t"paid"$/m);
  expect(await house.refunds(5)).toMatchObject([{ amount: "13.86" }]);

  const followed = await watching;
  expect(followed).toMatchObject({ code: 0, stderr: "" });
  expect(followed.stdout.match(/✓ \w+/g)).toEqual([
    "✓ analyze",
    "✓ validate",
    "✓ propose",
    "✓ review",
    "✓ execute",
    "✓ finalize",
  ]);
  expect(followed.stdout).toContain(`review ${review} approved by Local owner`);

  const late = await cli("review", "reject", review, "-m", "no", "--yes");
  expect(late).toMatchObject({ code: 3, stdout: "", stderr: expect.stringContaining("Local owner decided this at") });
  const again = await cli("review", "approve", review, "--yes");
  expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining("you had decided so before") });
  expect(await house.refunds(5)).toHaveLength(1);
});

test("a stopping server takes its address away, and commands then say what was tried and what to do", async () => {
  expect(await server.stop()).toEqual({ code: 0, signal: null });
  expect(server.log()).toContain("stopping: runs under way get");
  expect(existsSync(join(server.dataDir, "server.json"))).toBe(false);
  const asked = await cli("reviews");
  expect(asked).toMatchObject({ code: 1, stdout: "" });
  expect(asked.stderr).toMatch(/^holdpoint: no server is running here .*server\.json.*npm start.*\n$/);
});
