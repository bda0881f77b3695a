#!/usr/bin/env node
// npm run screenshots: starts a server of its own on a new database, fills it with the example, and takes a picture of
// each screen into console/screenshots. It needs Chromium (apt-get install chromium).
import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { chromium } from "playwright-core";
import { root } from "./bootstrap.mjs";

const folder = join(root, "console", "screenshots");
const START_MS = 120_000;
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };

const dataDir = mkdtempSync(join(tmpdir(), "hp-screenshots-"));
// Root's own folders cannot be read by the account that Postgres runs as.
chmodSync(dataDir, 0o755);
const server = spawn(process.execPath, [join(root, "scripts", "holdpoint.mjs"), "start"], {
  cwd: root,
  env: { ...process.env, HOLDPOINT_DATA_DIR: dataDir, PORT: "0", LOG_LEVEL: "warn" },
  stdio: ["ignore", "ignore", "inherit"],
});
try {
  const url = await serverUrl();
  const seeded = await seed(url);
  await takeAll(url, seeded);
} finally {
  const ended = new Promise((resolve) => server.once("exit", resolve));
  server.kill("SIGTERM");
  await ended;
  rmSync(dataDir, { recursive: true, force: true });
}

// Bound: START_MS.
async function serverUrl() {
  const file = join(dataDir, "server.json");
  for (const deadline = Date.now() + START_MS; Date.now() < deadline; await sleep(200)) {
    if (server.exitCode !== null) throw new Error(`the server ended with ${server.exitCode}`);
    if (!existsSync(file)) continue;
    const { url } = JSON.parse(readFileSync(file, "utf8"));
    if ((await fetch(`${url}/readyz`).catch(() => undefined))?.ok) return url;
  }
  throw new Error("the server was not ready in time");
}

/** Refunds in every state: paid at once, refused, waiting, in somebody's hands, rejected, and paid after an approval. */
async function seed(url) {
  const post = async (path, body) => {
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    const response = await fetch(url + path, init);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return await response.json();
  };
  const ask = async (email, message) => {
    const { thread_id } = await post("/threads", {});
    await post(`/threads/${thread_id}/runs/wait`, { assistant_id: "refund-approval", input: { email, message } });
    const [review] = await (await fetch(`${url}/reviews?thread_id=${thread_id}`)).json();
    return review;
  };
  const example = (name) => JSON.parse(readFileSync(join(root, "examples", `refund-${name}.json`), "utf8"));
  const { email, message } = example("large");
  const decide = (review, decision, comment) =>
    post(`/reviews/${review.id}/decision`, { decisions: [decision], comment, seen_digest: review.request_digest });
  await decide(
    await ask(email, message),
    { type: "reject", message: "the tracks play here" },
    "listened to three of them",
  );
  await decide(
    await ask(email, message),
    { type: "edit", args: { ...(await ask(email, message)).actions[0].args, amount: 5 } },
    "a third is fair",
  );
  const small = example("small");
  await ask(small.email, small.message);
  const [open] = await (await fetch(`${url}/reviews?status=open`)).json();
  await post(`/reviews/${open.id}/comment`, { text: "Asked the customer for the order number." });
  const waiting = await ask(
    email,
    "I was charged for invoice 5 but half of the album is damaged. Please refund $6.50.",
  );
  return { review: waiting ?? open, run_id: (waiting ?? open).run_id };
}

async function takeAll(url, { review, run_id }) {
  const browser = await chromium.launch({
    executablePath: findBrowser(),
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
  });
  mkdirSync(folder, { recursive: true });
  const take = async (name, path, { viewport = DESKTOP, colorScheme = "light", act = async () => {} } = {}) => {
    const page = await browser.newPage({ viewport, colorScheme, locale: "en-US" });
    await page.goto(url + path);
    await page.waitForLoadState("networkidle", { timeout: 3_000 }).catch(() => {});
    await act(page);
    await page.screenshot({ path: join(folder, `${name}.png`) });
    await page.close();
    console.log(`console/screenshots/${name}.png`);
  };
  const tab = (name) => async (page) => {
    await page
      .getByRole("tab", { name })
      .or(page.getByRole("button", { name, exact: true }))
      .first()
      .click();
    await page.waitForTimeout(500);
  };
  const edit = async (page) => {
    await page.keyboard.press("e");
    await page.getByLabel("amount", { exact: true }).fill("4.20");
  };
  await take("inbox", "/reviews");
  await take("review", `/reviews/${review.id}`);
  await take("review-edit-dark", `/reviews/${review.id}`, { colorScheme: "dark", act: edit });
  await take("review-phone", `/reviews/${review.id}`, { viewport: PHONE });
  await take("runs", "/runs");
  await take("run-timeline", `/runs/${run_id}`);
  await take("run-graph", `/runs/${run_id}`, { act: tab("Graph") });
  await take("start", "/start");
  await take("health", "/health");
  await browser.close();
}

function findBrowser() {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/bin"];
  const names = ["chromium", "chromium-browser", "google-chrome"];
  const found = folders.flatMap((place) => names.map((name) => join(place, name))).find((path) => existsSync(path));
  if (found === undefined) throw new Error("Chromium is not installed: apt-get install chromium");
  return found;
}
