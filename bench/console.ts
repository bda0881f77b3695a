import { readdir, readFile, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { Client } from "@langchain/langgraph-sdk";
import type { Browser, Page } from "playwright-core";
import { bootEmbedded } from "../src/postgres/embedded.ts";
import { openPool } from "../src/postgres/pool.ts";
import { buildConsole, findBrowser, launchBrowser, NO_BROWSER } from "./browser.ts";
import { readInteractions, readOpened, readPaints, watchPage } from "./interactions.ts";
import { seedReviews } from "./review-seed.ts";
import { benchFolder, startServer } from "./server.ts";
import { ms, percentile, type Row } from "./table.ts";

const OPEN = 200;
const GRAPH = "refund-approval";
const VIEWPORT = { width: 1280, height: 720 };
const STEPS_DOWN = 40;
const STEPS_UP = 20;
const CLICKED_ROWS = 20;
const VIEWS = ["Mine", "Unclaimed", "Overdue", "High risk", "Snoozed", "All open"];
const SEARCHES = ["invoice 17", "risk:high", "graph:graph-7", ""];
const fromHere = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** How long a reviewer waits for the inbox, and for what a key or a click does there. */
export async function measureConsole({ quick }: { quick: boolean }): Promise<Row[]> {
  const program = findBrowser();
  if (program === undefined) {
    console.error(`console: ${NO_BROWSER}`);
    process.exitCode = 1;
    return [];
  }
  await buildConsole();
  const folder = await benchFolder();
  const server = await startServer(folder, fromHere("../workflows"));
  const browser = await launchBrowser(program);
  try {
    await seed(folder, server.url);
    const paints = await measurePaints(browser, server.url, quick ? 3 : 15);
    const worked = await measureWork(browser, server.url);
    return rowsOf(paints, worked, await everyScript());
  } finally {
    await browser.close();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** One review that a graph has really opened, and others like it. */
async function seed(dataDir: string, url: string): Promise<void> {
  const client = new Client({ apiUrl: url });
  const input = JSON.parse(await readFile(fromHere("../examples/refund-large.json"), "utf8"));
  const { thread_id } = await client.threads.create();
  await client.runs.wait(thread_id, GRAPH, { input });
  const response = await fetch(`${url}/reviews?status=open&thread_id=${thread_id}`);
  const [review] = (await response.json()) as { id: string }[];
  if (review === undefined) throw new Error("the graph asked nothing");
  const postgres = await bootEmbedded({ dataDir });
  const pool = openPool({ connectionString: postgres.url, max: 1 });
  await seedReviews(pool, review.id, OPEN - 1, 0);
  await pool.end();
  await postgres.release();
}

interface Paints {
  firstPaintMs: number[];
  firstRowMs: number[];
}

/** Each time as somebody who was never here: with nothing in the cache. */
async function measurePaints(browser: Browser, url: string, rounds: number): Promise<Paints> {
  const paints: Paints = { firstPaintMs: [], firstRowMs: [] };
  for (let round = 0; round < rounds; round += 1) {
    const context = await browser.newContext({ viewport: VIEWPORT });
    const page = await context.newPage();
    await watchPage(page);
    await page.goto(`${url}/reviews`);
    const { firstPaintMs, firstRowMs } = await readPaints(page);
    paints.firstPaintMs.push(firstPaintMs);
    paints.firstRowMs.push(firstRowMs);
    await context.close();
  }
  return paints;
}

interface Worked {
  durationsMs: number[];
  /** From a key to the review that it opens being there as a whole. */
  openedMs: number[];
  scriptBytes: number;
}

/** An hour of a reviewer's work, in a minute. */
async function measureWork(browser: Browser, url: string): Promise<Worked> {
  const context = await browser.newContext({ viewport: VIEWPORT });
  const page = await context.newPage();
  const scripts = new Map<string, Promise<number>>();
  page.on("requestfinished", (request) => {
    if (request.resourceType() !== "script") return;
    scripts.set(
      request.url(),
      request.sizes().then(({ responseBodySize }) => responseBodySize),
    );
  });
  await watchPage(page);
  await page.goto(`${url}/reviews`);
  await page.locator(".row").first().waitFor();
  const openedMs = await readThrough(page);
  for (const place of Array.from({ length: CLICKED_ROWS }, (_, index) => index * 2)) {
    await page.locator(".row-link").nth(place).click();
  }
  for (const view of [...VIEWS, ...VIEWS]) await page.getByRole("button", { name: view }).click();
  await type(page);
  const durationsMs = await readInteractions(page);
  const sizes = await Promise.all(scripts.values());
  await context.close();
  return { durationsMs, openedMs, scriptBytes: sizes.reduce((sum, size) => sum + size, 0) };
}

/** Down the list and up again, each review when the one before is there. */
async function readThrough(page: Page): Promise<number[]> {
  const openedMs: number[] = [];
  const keys = [...Array<string>(STEPS_DOWN).fill("j"), ...Array<string>(STEPS_UP).fill("k")];
  for (const key of keys) {
    await page.keyboard.press(key);
    openedMs.push(await readOpened(page));
  }
  return openedMs;
}

async function type(page: Page): Promise<void> {
  const box = page.getByRole("searchbox");
  await box.click();
  for (const text of SEARCHES) {
    await box.press("ControlOrMeta+a");
    await box.press("Backspace");
    await page.keyboard.type(text, { delay: 60 });
  }
}

/** Of all pages together, as the server compresses them. */
async function everyScript(): Promise<number> {
  const folder = fromHere("../console/dist/assets");
  const names = (await readdir(folder)).filter((name) => name.endsWith(".js"));
  const sizes = await Promise.all(names.map(async (name) => gzipSync(await readFile(`${folder}/${name}`)).byteLength));
  return sizes.reduce((sum, size) => sum + size, 0);
}

function rowsOf({ firstPaintMs, firstRowMs }: Paints, worked: Worked, allBytes: number): Row[] {
  const both = (samples: number[]) => `${ms(percentile(samples, 0.5))} / ${ms(percentile(samples, 0.95))}`;
  const kB = (bytes: number) => `${(bytes / 1000).toFixed(0)} kB`;
  const what = `the inbox with ${OPEN} open reviews`;
  const { durationsMs, openedMs, scriptBytes } = worked;
  return [
    { what: `${what}, nothing cached, first paint: p50 / p95`, figure: both(firstPaintMs), expected: "≤ 1 s" },
    { what: `${what}, nothing cached, first row shown: p50 / p95`, figure: both(firstRowMs), expected: "≤ 1 s" },
    {
      what: `${what}, from a key or click to the next paint, ${durationsMs.length} of them: p50 / p95`,
      figure: both(durationsMs),
      expected: "p95 ≤ 100 ms",
    },
    { what: `${what}, from j or k to the review being there: p50 / p95`, figure: both(openedMs), expected: "" },
    { what: `${what}, scripts loaded, gzip`, figure: kB(scriptBytes), expected: "≤ 350 kB" },
    { what: "scripts of all pages of the console, gzip", figure: kB(allBytes), expected: "" },
  ];
}
