import { execFile } from "node:child_process";
import { accessSync, constants, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join, resolve } from "node:path";
import { promisify } from "node:util";
import { type Browser, type BrowserContext, chromium, type Locator, type Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { until } from "../support/until.ts";

const ROOT = resolve(import.meta.dirname, "..", "..");
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const LIMIT_MS = 60_000;

/** The sizes that everything has to fit into. */
export const DESKTOP = { width: 1280, height: 720 };
export const PHONE = { width: 390, height: 844 };

/** How a page is opened. */
export interface PageOptions {
  viewport?: { width: number; height: number };
  dark?: boolean;
  touch?: boolean;
  /** Another person than the one of the loopback address. */
  key?: string;
}

/** A page, and everything on it that must not have happened. */
export interface Watched {
  page: Page;
  context: BrowserContext;
  /** Violations of the policy, errors of scripts, and requests that left the origin. */
  faults: string[];
}

/** A browser before a console. */
export interface Console {
  open(path: string, options?: PageOptions): Promise<Watched>;
  close(): Promise<void>;
}

/** Runs what needs a browser where there is one, and says so where there is none. */
export function withBrowser(name: string, define: (program: string) => void): void {
  const program = findBrowser();
  if (program !== undefined) {
    // A busy machine takes its time; nothing below asserts on it.
    describe(name, { timeout: 120_000 }, () => define(program));
    return;
  }
  it(`Chromium is not installed; \`apt-get install chromium\` brings the tests of the console: ${name}`, () => {
    expect(process.env["HOLDPOINT_REQUIRE_BROWSER"], "a browser is required here and is not installed").not.toBe("1");
  });
}

function findBrowser(): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/bin", "/usr/local/bin"];
  return folders.flatMap((folder) => NAMES.map((name) => join(folder, name))).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Starts a browser. */
export function launchBrowser(program: string): Promise<Browser> {
  return chromium.launch({
    executablePath: program,
    // The root of a container has no sandbox, and what is loaded is ours;
    // nor has a container much shared memory.
    args: ["--disable-gpu", "--disable-dev-shm-usage", ...(process.getuid?.() === 0 ? ["--no-sandbox"] : [])],
  });
}

/** Builds the console if it is not built, and starts a browser. `url` is asked for again at each opening: servers restart. */
export async function openConsole(program: string, url: () => string): Promise<Console> {
  await promisify(execFile)(process.execPath, [join(ROOT, "scripts", "console.mjs")]);
  const browser = await launchBrowser(program);
  return {
    open: (path, options = {}) => openPage(browser, url, path, options),
    close: () => browser.close(),
  };
}

// What can be taken back for five seconds can be for a minute, or for as long as a test says: on a busy machine five
// seconds are soon over. And a page that looks again every few seconds does so every few hundred milliseconds.
const TIMERS = `{
  const { setTimeout: after, setInterval: every } = window;
  const isOfPerson = () => window.event instanceof UIEvent;
  window.setTimeout = (run, ms, ...more) => after(run, ms === 5000 && isOfPerson() ? window.undoMs ?? 60000 : ms, ...more);
  window.setInterval = (run, ms, ...more) => every(run, ms >= 3000 && ms <= 5000 ? ms / 10 : ms, ...more);
}`;

async function openPage(browser: Browser, url: () => string, path: string, options: PageOptions): Promise<Watched> {
  const { viewport = DESKTOP, dark = false, touch = false, key } = options;
  const context = await browser.newContext({
    viewport,
    hasTouch: touch,
    colorScheme: dark ? "dark" : "light",
    locale: "en-US",
    ...(key === undefined ? {} : { extraHTTPHeaders: { "x-api-key": key } }),
  });
  context.setDefaultTimeout(LIMIT_MS);
  const faults: string[] = [];
  await context.addInitScript(TIMERS);
  await context.addInitScript(
    `document.addEventListener("securitypolicyviolation", (event) => console.error("policy: " + event.violatedDirective + " " + event.blockedURI));`,
  );
  const page = await context.newPage();
  page.on("pageerror", (error) => faults.push(`script: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" && !/Failed to load resource|net::ERR/.test(message.text()))
      faults.push(message.text());
  });
  page.on("dialog", (dialog) => {
    if (dialog.type() !== "beforeunload") faults.push(`a dialog: ${dialog.message()}`);
    void dialog.accept();
  });
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== new URL(url()).origin) faults.push(`it left: ${request.url().slice(0, 200)}`);
  });
  await page.goto(url() + path);
  return { page, context, faults };
}

interface AxeResult {
  violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
}

/** What axe finds wrong with what is on screen. */
export async function axeViolations(page: Page): Promise<string[]> {
  if (await page.evaluate("window.axe === undefined")) await page.evaluate(AXE);
  const { violations } = await page.evaluate<AxeResult>("axe.run(document, { resultTypes: ['violations'] })");
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary.slice(0, 300)}`),
  );
}

/** Whether all of it is inside the window, as it was opened. */
export async function isInWindow(page: Page, locator: Locator): Promise<boolean> {
  const box = await locator.boundingBox();
  const size = page.viewportSize();
  if (box === null || size === null) return false;
  return box.x >= 0 && box.y >= 0 && box.x + box.width <= size.width && box.y + box.height <= size.height;
}

/** Presses keys one after the other. What has just been shown listens to them a moment later, before the next frame. */
export async function press(page: Page, ...keys: string[]): Promise<void> {
  const frame = "new Promise((shown) => requestAnimationFrame(() => setTimeout(shown)))";
  for (let frames = 0; frames < 2; frames += 1) await page.evaluate(frame);
  for (const key of keys) await page.keyboard.press(key);
}

/** Waits until something cannot be used any more, or not yet. */
export async function isOff(locator: Locator): Promise<void> {
  await until(`${locator} is disabled`, () => locator.isDisabled(), LIMIT_MS);
}

/** Waits until the field with this label has the keyboard. */
export async function hasFocus(page: Page, label: string): Promise<void> {
  const focused = () => page.evaluate<string>("document.activeElement?.labels?.[0]?.innerText ?? ''");
  await until(`"${label}" has the focus`, async () => (await focused()).startsWith(label), LIMIT_MS);
}
