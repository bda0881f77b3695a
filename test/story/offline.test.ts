import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openReview, sdk } from "../support/client.ts";
import { openRefundHouse, type RefundHouse } from "../support/refund-house.ts";
import { refundExample } from "../support/refund-shop.ts";
import { startServer } from "../support/server.ts";

const ROOT = resolve(import.meta.dirname, "..", "..");
const PRELOAD = join(ROOT, "test/support/loopback-only.ts");
const run = promisify(execFile);

let house: RefundHouse;
let folder: string;
let attempts: string;
beforeAll(async () => {
  house = await openRefundHouse();
  folder = mkdtempSync(join(tmpdir(), "hp-offline-"));
  attempts = join(folder, "attempts");
});
afterAll(async () => {
  await house?.close();
  rmSync(folder, { recursive: true, force: true });
});

const attempted = () => (existsSync(attempts) ? readFileSync(attempts, "utf8") : "");
const node = async (args: string[], env: Record<string, string>) =>
  await run(process.execPath, ["--import", PRELOAD, ...args], {
    env: { PATH: process.env["PATH"], HOME: folder, LOOPBACK_ONLY_FILE: attempts, ...env },
    cwd: folder,
  });

it("would notice whoever tries to leave the machine", async () => {
  const script = `
    import net from "node:net";
    import { lookup } from "node:dns/promises";
    for (const url of ["http://192.0.2.1/", "https://example.com/"]) await fetch(url).catch(() => {});
    try { net.connect(80, "192.0.2.2"); } catch {}
    try { await lookup("example.org"); } catch {}
  `;
  await node(["--input-type=module", "--eval", script], {});
  for (const host of ["192.0.2.1", "192.0.2.2", "example.com", "example.org"]) expect(attempted()).toContain(host);
  rmSync(attempts);
});

it("tells the whole story with every other connection refused, by the server and by the command line", async () => {
  const server = await startServer({
    databaseUrl: house.url,
    workflows: "workflows",
    preload: PRELOAD,
    env: { LOOPBACK_ONLY_FILE: attempts },
  });
  const client = sdk(server.url);
  const { thread_id } = await client.threads.create();
  await client.runs.wait(thread_id, "refund-approval", { input: await refundExample("large") });
  const review = await openReview(server.url, thread_id);
  const holdpoint = (...args: string[]) =>
    node([join(ROOT, "src/cli/main.ts"), ...args], { HOLDPOINT_DATA_DIR: server.dataDir });
  expect((await holdpoint("reviews")).stdout).toContain("Refund 13.86 USD to John Gordon");
  await holdpoint("review", "approve", review.id, "-m", "checked the invoice", "--yes");
  const [resumed] = await client.runs.list(thread_id);
  await holdpoint("runs", "watch", resumed?.run_id as string);
  expect((await client.threads.getState(thread_id)).values).toMatchObject({ outcome: "paid" });
  expect(await house.refunds()).toMatchObject([{ invoice_id: 5, amount: "13.86" }]);
  await server.stop();
  expect(attempted()).toBe("");
}, 120_000);
