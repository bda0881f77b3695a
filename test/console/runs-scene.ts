import { join, resolve } from "node:path";
import type { Locator, Page } from "playwright-core";
import { createApp } from "../../src/http/app.ts";
import { servePages } from "../../src/http/console.ts";
import { type Listening, listen } from "../../src/http/node.ts";
import { seedChinook } from "../../src/postgres/seed-chinook.ts";
import { knobs } from "../fixtures/workflows/lib/knobs.ts";
import { openServer, type TestServer } from "../http/server.ts";
import { until } from "../support/until.ts";
import { type Console, openConsole } from "./browser.ts";

const ROOT = resolve(import.meta.dirname, "..", "..");

/** A console over graphs that a test holds in its hand, in this process. */
export interface RunsScene {
  open: TestServer;
  browser: Console;
  url(): string;
  /** Lets nobody in any more; what is open is cut off. */
  hangUp(): Promise<void>;
  /** Lets everybody in again, at the same address. */
  listenAgain(): Promise<void>;
  /** Starts a run as a client does. */
  start(graph_id: string, input: unknown): Promise<{ run_id: string; thread_id: string }>;
  /** Waits until a run has come to a status. */
  reaches(run_id: string, status: string): Promise<ShownRun>;
  /** Approves what a run asks, or answers it with a value. */
  answer(run_id: string, value?: unknown): Promise<void>;
  close(): Promise<void>;
}

/** What a test reads of a run. */
export interface ShownRun {
  run_id: string;
  last_run_id: string;
  thread_id: string;
  status: string;
  review_id: string | null;
  parts: { given: { input: unknown } | null; output: unknown }[];
}

/** Opens it. */
export async function openRunsScene(program: string): Promise<RunsScene> {
  const open = await openServer({}, { directory: join(ROOT, "test/fixtures/console-runs") });
  await seedChinook({ url: open.house.url });
  const pages = servePages(join(ROOT, "console", "dist"));
  // A server that has stopped lets nobody in any more: each has an app of its own.
  const listenAt = (port: number) =>
    listen(createApp({ ...open.deps, pages }), { host: "127.0.0.1", port, portIsExplicit: true });
  let listening: Listening = await listenAt(0);
  const { url } = listening;
  const read = async (run_id: string) => (await (await open.ask(`/runs/${run_id}`)).json()) as ShownRun;
  const reaches = (run_id: string, status: string) =>
    until(`the run is ${status}`, async () => {
      const run = await read(run_id);
      return run.status === status && run;
    });
  const browser = await openConsole(program, () => url).catch(async (error: unknown) => {
    await listening.close(0);
    await open.close();
    throw error;
  });
  return {
    open,
    browser,
    url: () => url,
    hangUp: () => listening.close(0),
    async listenAgain() {
      listening = await listenAt(Number(new URL(url).port));
    },
    async start(graph_id, input) {
      const { thread_id } = await open.client.threads.create();
      const { run_id } = await open.client.runs.create(thread_id, graph_id, {
        input: input as Record<string, unknown>,
        streamMode: ["values", "updates", "tasks"],
      });
      return { run_id, thread_id };
    },
    reaches,
    async answer(run_id, value) {
      const { review_id } = await reaches(run_id, "waiting");
      const decision = value === undefined ? { type: "approve" } : { type: "respond", value };
      const response = await open.ask(`/reviews/${review_id}/decision`, {
        method: "POST",
        body: { decisions: [decision] },
        headers: { "if-match": '"1"' },
      });
      if (!response.ok) throw new Error(await response.text());
    },
    async close() {
      await browser.close();
      await listening.close(0);
      await open.close();
    },
  };
}

/** Whether something is wider than the window: then a phone scrolls sideways. */
export async function isTooWide(page: Page): Promise<boolean> {
  // What is shown scrolls inside of the page, beside the line about health.
  return await page.evaluate<boolean>(
    `[...document.querySelectorAll("html, main, main > :not(:has(.health-strip))")]
      .some((element) => element.scrollWidth > element.clientWidth)`,
  );
}

/** Opens a tab of a run and waits until it is shown. */
export async function openTab(page: Page, name: string): Promise<void> {
  await page.getByRole("tab", { name }).click();
  await page.getByRole("tabpanel", { name }).waitFor();
}

/** Waits until an element has the keyboard. */
export async function hasKeyboard(locator: Locator): Promise<void> {
  await until("it has the keyboard", async () => (await locator.and(locator.page().locator(":focus")).count()) > 0);
}

/** Holds a step of the graphs until the test lets go. */
export function hold(place: string): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  knobs.onVisit = (visited) => (visited === place ? promise : undefined);
  return resolve;
}

/** The id that an address ends with. */
export const idIn = (url: string): string => new URL(url).pathname.split("/").at(-1) as string;
