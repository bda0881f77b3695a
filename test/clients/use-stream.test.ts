import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { launchBrowser, withBrowser } from "../console/browser.ts";
import { knobs, resetKnobs } from "../fixtures/workflows/lib/knobs.ts";
import { openServer, type TestServer } from "../http/server.ts";
import { violations } from "../support/invariants.ts";
import { openScreenPage, type ScreenPage } from "../support/screen-page.ts";
import { until } from "../support/until.ts";

// `useStream` of the official client in a page from another origin, with a key, as a team's own screen has it.

const MAY_START = ["runs:create", "runs:read", "runs:cancel", "threads:write_state"] as const;

interface Shown {
  said: string[];
  isLoading: boolean;
  interrupt: unknown;
  error: string | null;
  failures: string[];
  states: number;
  branches: number[];
}

withBrowser("useStream", (program) => {
  let server: TestServer;
  let pages: ScreenPage;
  let browser: Browser;
  beforeAll(async () => {
    const directory = fileURLToPath(new URL("../fixtures/screen", import.meta.url));
    pages = await openScreenPage();
    [server, browser] = await Promise.all([
      openServer({ corsOrigins: new Set([pages.url]), loopbackOwner: false }, { directory }),
      launchBrowser(program),
    ]);
    pages.settings = { apiUrl: server.listening.url, apiKey: await server.key("ana", [...MAY_START, "review:decide"]) };
  });
  beforeEach(resetKnobs);
  afterAll(async () => {
    await browser.close();
    expect(await violations(server.house.database)).toEqual([]);
    await pages.close();
    await server.close();
  });

  async function open(query = ""): Promise<Page> {
    const page = await (await browser.newContext()).newPage();
    page.setDefaultTimeout(60_000);
    await page.goto(pages.url + query);
    await page.waitForSelector("pre");
    return page;
  }

  const shown = async (page: Page) => JSON.parse((await page.textContent("pre")) ?? "") as Shown;
  const see = (page: Page, what: string, isSeen: (seen: Shown) => boolean) =>
    until(what, async () => {
      const seen = await shown(page);
      return isSeen(seen) && seen;
    });
  const settled = (page: Page, said: string[]) =>
    see(page, `it says ${said}`, (seen) => !seen.isLoading && seen.said.join() === said.join() && seen.states > 0);
  /** Sends what somebody has typed. */
  const say = (page: Page, text: string, options: object = {}) =>
    submit(page, { messages: [{ type: "human", content: text }] }, options);
  // As an argument it would be waited for: a run may be held.
  const submit = (page: Page, input: object | null | undefined, options: object = {}) =>
    page.evaluate(`void stream.submit(${JSON.stringify(input)}, ${JSON.stringify(options)})`);
  const threadOf = (page: Page) => new URL(page.url()).searchParams.get("thread") as string;
  const runsOf = async (page: Page) =>
    (await (
      await server.ask(`/threads/${threadOf(page)}/runs`, { headers: { "x-api-key": pages.settings.apiKey } })
    ).json()) as { run_id: string; status: string }[];

  /** Holds the model before a letter, counted over the test. */
  function holdLetter(place: number): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    let letters = 0;
    knobs.onVisit = () => {
      letters += 1;
      return letters < place ? undefined : promise;
    };
    return resolve;
  }

  it("shows letters as they are written, and the state behind them", async () => {
    const page = await open();
    const goOn = holdLetter(7);
    await say(page, "hi");
    await see(page, "what is written so far", ({ said, isLoading }) => isLoading && said[1] === "you sa");
    goOn();
    await settled(page, ["hi", "you said hi"]);
    expect(await shown(page)).toMatchObject({ error: null, interrupt: null, failures: [], states: 3 });
    expect(await runsOf(page)).toMatchObject([{ status: "success" }]);
  });

  it("goes on where a reload has cut it off, with every letter once", async () => {
    const page = await open();
    const goOn = holdLetter(7);
    await say(page, "hi");
    await see(page, "what is written so far", ({ said }) => said[1] === "you sa");
    await page.reload();
    await see(page, "all of it again", ({ said, isLoading }) => isLoading && said[1] === "you sa");
    goOn();
    await settled(page, ["hi", "you said hi"]);
    expect(await shown(page)).toMatchObject({ error: null, failures: [] });
    expect(await runsOf(page)).toMatchObject([{ status: "success" }]);
  });

  it("shows a question and takes the answer, also as Agent Chat UI sends it", async () => {
    const page = await open();
    await say(page, "pay");
    const { interrupt } = await see(page, "the question", (seen) => !seen.isLoading && seen.interrupt !== null);
    expect(interrupt).toMatchObject({ action_requests: [{ name: "pay", args: { amount: 10 } }] });
    const [head] = (await (
      await server.ask(`/threads/${threadOf(page)}/history`, { headers: { "x-api-key": pages.settings.apiKey } })
    ).json()) as { checkpoint: object }[];
    const command = { resume: { decisions: [{ type: "approve" }] } };
    // Whoever may start runs may not answer for that.
    const settings = { ...pages.settings };
    pages.settings.apiKey = await server.key("ben", MAY_START);
    const other = await open(`?thread=${threadOf(page)}`);
    pages.settings = settings;
    await see(other, "the question", (seen) => seen.interrupt !== null);
    await submit(other, {}, { command });
    await see(other, "the refusal", ({ failures }) => failures.some((failure) => failure.startsWith("HTTP 403")));
    await submit(page, {}, { command, checkpoint: head?.checkpoint });
    await settled(page, ["pay", "approved"]);
    expect(await shown(page)).toMatchObject({ interrupt: null, error: null, failures: [] });
    await say(page, "pay");
    await see(page, "the next question", (seen) => !seen.isLoading && seen.interrupt !== null);
    await submit(page, null, { command: { resume: { decisions: [{ type: "reject" }] } } });
    await settled(page, ["pay", "approved", "pay", "rejectd"]);
  });

  it.each([
    ["", "which it cancels"],
    ["?forget", "whose stream it leaves"],
  ])("stops a run (%s: %s)", async (query) => {
    const page = await open(query);
    await say(page, "wait");
    await until("it runs", async () => threadOf(page) !== null && (await runsOf(page))[0]?.status === "running");
    await page.evaluate("void stream.stop()");
    await until("it is cancelled", async () => (await runsOf(page))[0]?.status === "interrupted");
    await see(page, "nothing moves", (seen) => !seen.isLoading && seen.error === null);
    await say(page, "again");
    await see(page, "the next answer", ({ said, isLoading }) => !isLoading && said.at(-1) === "you said again");
  });

  it("says something else from an earlier place, and shows both branches", async () => {
    const page = await open();
    await say(page, "one");
    await settled(page, ["one", "you said one"]);
    const parent = "stream.getMessagesMetadata(stream.messages[0]).firstSeenState.parent_checkpoint";
    const input = JSON.stringify({ messages: [{ type: "human", content: "two" }] });
    await page.evaluate(`void stream.submit(${input}, { checkpoint: ${parent} })`);
    await settled(page, ["two", "you said two"]);
    expect((await shown(page)).branches[0]).toBe(2);
    await page.evaluate(
      "stream.setBranch(stream.getMessagesMetadata(stream.messages[0]).branchOptions.find((branch) => branch !== stream.getMessagesMetadata(stream.messages[0]).branch))",
    );
    await settled(page, ["one", "you said one"]);
  });

  it("shows what went wrong: in a run, and with a request", async () => {
    const page = await open();
    await say(page, "fail");
    const failed = await see(page, "the error", ({ error, isLoading }) => !isLoading && error !== null);
    expect(failed).toMatchObject({ error: expect.stringContaining("Boo!"), said: ["fail"] });
    await say(page, "hi", { multitaskStrategy: "overtake" });
    await see(page, "the refusal", ({ failures }) => failures.some((failure) => failure.startsWith("HTTP 422")));
    await say(page, "hi");
    await settled(page, ["fail", "hi", "you said hi"]);
  });
});
