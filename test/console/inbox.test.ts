import { afterAll, beforeAll, expect, it } from "vitest";
import { openPool } from "../../src/postgres/pool.ts";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { ask, decide, keyFor, openReview, sdk } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { type Server, startServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { axeViolations, type Console, isOff, openConsole, PHONE, press, withBrowser } from "./browser.ts";

withBrowser("the inbox", (program) => {
  let database: TestDatabase;
  let server: Server;
  let browser: Console;
  beforeAll(async () => {
    database = await createTestDatabase();
    server = await start();
    browser = await openConsole(program, () => server.url);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await server?.kill9();
    await database?.drop();
  });

  const start = (after?: Server) =>
    startServer({
      databaseUrl: database.url,
      shared: true,
      workflows: "test/fixtures/console",
      ...(after === undefined ? {} : { after, env: { PORT: new URL(after.url).port } }),
    });

  async function asked(title: string, terms: object = {}): Promise<ReviewTask> {
    const { thread_id } = await sdk(server.url).threads.create();
    const actions = [{ name: "pay", args: { amount: 5 }, preview: `${title} happens.` }];
    await sdk(server.url).runs.wait(thread_id, "asks", { input: { wish: { title, terms, actions } } });
    return await openReview(server.url, thread_id);
  }

  const reviewNow = async ({ id }: ReviewTask) => (await ask(server.url, `/reviews/${id}`)).body as ReviewTask;

  it("follows the health strip to a view, also from another view of the inbox", async () => {
    const { page, context, faults } = await browser.open("/reviews");
    await page.getByText("● live").waitFor();
    await page.getByRole("link", { name: /overdue/ }).click();
    await page.getByRole("heading", { name: /^Overdue/ }).waitFor();
    expect(new URL(page.url()).search).toBe("");
    await page.getByRole("button", { name: /^All open/ }).click();
    await page.getByRole("heading", { name: /^All open/ }).waitFor();
    await page.getByRole("link", { name: /overdue/ }).click();
    await page.getByRole("heading", { name: /^Overdue/ }).waitFor();
    expect(faults).toEqual([]);
    await context.close();
  });

  it("tells what is new without moving anything, and what others have decided meanwhile", async () => {
    const first = await asked("First");
    const { page, context, faults } = await browser.open("/reviews");
    await page.getByText("● live").waitFor();
    await page.locator(".row").waitFor();
    const second = await asked("Second");
    await page.getByRole("button", { name: "1 new: show" }).waitFor();
    expect(await page.locator(".row").count()).toBe(1);
    await page.getByRole("button", { name: /All open 2/ }).waitFor();
    await page.getByRole("button", { name: "1 new: show" }).click();
    await page.locator(".row").nth(1).waitFor();
    await decide(server.url, first, { type: "reject" }, { key: await keyFor(server.url, "ana") });
    await page.locator(".row.gone", { hasText: "First" }).getByText("no longer here").waitFor();
    await decide(server.url, second, { type: "reject" });
    await page.locator(".row.gone", { hasText: "Second" }).waitFor();
    expect(faults).toEqual([]);
    await context.close();
  });

  it("is live again after the server was killed, and has missed nothing", async () => {
    const { page, context } = await browser.open("/reviews");
    await page.getByText("● live").waitFor();
    await server.kill9();
    await page.getByText("○ not live").waitFor();
    server = await start(server);
    const review = await asked("After the restart");
    await page.getByText("● live").waitFor();
    await page.getByRole("link", { name: /After the restart/ }).waitFor();
    await decide(server.url, review, { type: "reject" });
    await page.locator(".row.gone", { hasText: "After the restart" }).waitFor();
    await context.close();
  });

  it("takes no connection while nobody looks, and has missed nothing when somebody does", async () => {
    const { page, context, faults } = await browser.open("/reviews");
    const look = (state: string) =>
      page.evaluate(`Object.defineProperty(document, "visibilityState", { configurable: true, get: () => "${state}" });
        document.dispatchEvent(new Event("visibilitychange"))`);
    await page.getByText("● live").waitFor();
    const closed = page.waitForEvent("requestfailed", (request) => request.url().endsWith("/reviews/stream"));
    await look("hidden");
    await closed;
    await page.getByText("○ connecting").waitFor();
    const review = await asked("While nobody looked");
    await look("visible");
    await page.getByText("● live").waitFor();
    await page
      .getByRole("button", { name: "1 new: show" })
      .or(page.getByRole("link", { name: /While nobody/ }))
      .first()
      .waitFor();
    await decide(server.url, review, { type: "reject" });
    expect(faults).toEqual([]);
    await context.close();
  });

  it("takes in hand, asks, answers, comments and puts out of sight", async () => {
    const review = await asked("Among people");
    const key = await keyFor(server.url, "ben");
    const { page, context, faults } = await browser.open(`/reviews/${review.id}`);
    await page.getByRole("button", { name: "Claim", exact: true }).click();
    await page.getByText("in your hands", { exact: true }).waitFor();
    await until("it is claimed", async () => (await reviewNow(review)).claim?.by === "local-owner");
    await page.getByRole("button", { name: "Ask…" }).click();
    await page.getByLabel("Question").fill("Is this the right customer?");
    await page.getByRole("dialog").getByRole("button", { name: "Ask", exact: true }).click();
    await page.getByText("info requested").first().waitFor();
    await page.getByRole("button", { name: "Discussion" }).click();
    await page.getByText("Is this the right customer?").waitFor();
    await ask(server.url, `/reviews/${review.id}/answer`, { body: { text: "Yes, it is." }, key });
    await page.getByText("Yes, it is.").waitFor();
    await page.getByLabel("Say something about it").fill("Then it is fine.");
    await page.getByRole("button", { name: "Comment", exact: true }).last().click();
    await page.locator(".said", { hasText: "Then it is fine." }).waitFor();
    await page.getByRole("button", { name: "History" }).click();
    await page.getByText(/chain intact/).waitFor();
    await page.getByRole("button", { name: "Release" }).click();
    await page.getByRole("button", { name: "Claim", exact: true }).waitFor();
    await page.getByRole("button", { name: "Snooze…" }).click();
    await page.getByRole("button", { name: "In an hour" }).click();
    await until("it is out of sight", async () => (await reviewNow(review)).snoozed_until);
    await page.getByRole("button", { name: /Snoozed 1/ }).click();
    await page.getByRole("link", { name: /Among people/ }).waitFor();
    expect(faults).toEqual([]);
    await context.close();
  });

  it("asks for a comment where the policy wants one, and offers its reasons", async () => {
    const review = await asked("With reasons", {
      require_comment: ["reject"],
      reject_options: [
        { code: "late", title: "Too late", message: "The time for this is over." },
        { code: "odd", title: "Odd" },
      ],
    });
    const { page, context, faults } = await browser.open(`/reviews/${review.id}`);
    await page.getByRole("button", { name: "Reject…" }).click();
    await isOff(page.getByRole("button", { name: "Reject" }));
    await page.getByLabel("Reason", { exact: true }).selectOption({ label: "Odd" });
    await isOff(page.getByRole("button", { name: "Reject" }));
    await page.getByLabel("Comment, for the record").fill("looks odd");
    expect(await axeViolations(page)).toEqual([]);
    await page.getByRole("button", { name: "Reject" }).click();
    await page.getByRole("button", { name: "Send now" }).click();
    await page.getByText("You rejected").waitFor();
    expect((await reviewNow(review)).decision).toMatchObject({ reason_code: "odd", comment: "looks odd" });
    expect(faults).toEqual([]);
    await context.close();
  });

  it("says what changed when a question moved on, came along with a copy, or went stale, and leads on", async () => {
    const { threads, runs } = sdk(server.url);
    const { thread_id } = await threads.create();
    const wait = (wish: string) => runs.wait(thread_id, "plain", { input: { wish } });
    await wait("the first question");
    const first = await openReview(server.url, thread_id);
    const { page, context, faults } = await browser.open(`/reviews/${first.id}`);
    await page.getByRole("button", { name: "Answer…" }).click();
    await page.getByLabel("The answer, as JSON").fill('"half');
    await wait("the second question");
    const second = await openReview(server.url, thread_id);
    // Seen without being asked for, and what was typed is not gone.
    await page.getByText("This question no longer stands").waitFor();
    await page.getByText('"half').waitFor();
    expect(await page.getByRole("button", { name: "Send the answer" }).count()).toBe(0);
    await page.getByRole("link", { name: "Open the question that is asked instead" }).click();
    await page.waitForURL(`**/reviews/${second.id}`);
    await page.getByText("the second question").waitFor();
    const copy = (await ask(server.url, `/threads/${thread_id}/copy`, { body: {} })).body as { thread_id: string };
    const copied = await openReview(server.url, copy.thread_id);
    await page.goto(`${server.url}/reviews/${copied.id}`);
    await page.getByText(/This thread is a copy of thread/).waitFor();
    const moved = "/actions/0/args/amount was 5 and is 6";
    const pool = openPool({ connectionString: database.url, max: 1 });
    await pool.query("update holdpoint.review set status = 'stale', status_reason = $2 where id = $1", [
      copied.id,
      moved,
    ]);
    await pool.end();
    await page.reload();
    await page.getByText(`What changed: ${moved}`).waitFor();
    await page.getByRole("button", { name: "Have the graph ask again" }).waitFor();
    expect(await page.getByRole("button", { name: "Answer…" }).count()).toBe(0);
    expect(await axeViolations(page)).toEqual([]);
    expect(faults).toEqual([]);
    await context.close();
  });

  it("finds by words and by what is said of them, keeps a search, and says what it cannot read", async () => {
    await asked("Payment one");
    await asked("Payment two");
    const { page, context, faults } = await browser.open("/reviews");
    const box = page.getByRole("searchbox", { name: "Search reviews" });
    const shows = (count: number) => until(`${count} fit`, async () => (await page.locator(".row").count()) === count);
    await page.locator(".row").nth(1).waitFor();
    await press(page, "/");
    await until("the search has the keyboard", () => box.and(page.locator(":focus")).count());
    await page.keyboard.type("PAYMENT two");
    await shows(1);
    await page.getByRole("button", { name: "Keep this search" }).click();
    await box.fill("payment graph:asks due:<100d");
    await shows(2);
    await box.fill("payment due:<1h");
    await page.getByText("Nothing fits the search.").waitFor();
    await box.fill("risk:huge due:soon");
    await page.getByText("risk is low, medium or high").waitFor();
    await page.getByText("due is a span").waitFor();
    await page.reload();
    await page.getByRole("button", { name: "PAYMENT two", exact: true }).click();
    await shows(1);
    await page.getByRole("button", { name: "Forget the search PAYMENT two" }).click();
    await page.getByRole("button", { name: "PAYMENT two", exact: true }).waitFor({ state: "detached" });
    expect(await axeViolations(page)).toEqual([]);
    expect(faults).toEqual([]);
    await context.close();
  });

  it("has one column on a phone, nothing wider than 320 points, a theme of its own and keys that can be turned off", async () => {
    const review = await asked("On a phone");
    const { page, context, faults } = await browser.open("/reviews", { viewport: PHONE, touch: true });
    await page.getByRole("link", { name: /On a phone/ }).click();
    await page.getByText("If you approve:").waitFor();
    await page.locator(".inbox-list").waitFor({ state: "hidden" });
    await page.getByRole("link", { name: "Back to the list" }).click();
    await page.getByRole("link", { name: /On a phone/ }).waitFor();
    await page.setViewportSize({ width: 320, height: 640 });
    for (const path of ["/reviews", `/reviews/${review.id}`]) {
      await page.goto(server.url + path);
      await page
        .locator(path === "/reviews" ? ".row" : ".effect")
        .first()
        .waitFor();
      expect(await page.evaluate("document.documentElement.scrollWidth"), path).toBeLessThanOrEqual(320);
    }
    await page.setViewportSize({ width: 1280, height: 720 });
    const background = () => page.evaluate<string>("getComputedStyle(document.body).backgroundColor");
    const light = await background();
    await page.getByRole("button", { name: "Theme: system" }).click();
    await page.getByRole("button", { name: "Theme: light" }).click();
    await until("it is dark", async () => (await background()) !== light);
    expect(await axeViolations(page)).toEqual([]);
    await page.getByRole("button", { name: "Keys" }).click();
    await page.getByRole("checkbox", { name: /Single keys/ }).uncheck();
    expect(await axeViolations(page)).toEqual([]);
    await page.getByRole("button", { name: "Close" }).click();
    await press(page, "r", "r");
    expect(await page.getByLabel("Told to the graph").count()).toBe(0);
    await page.reload();
    await page.getByRole("button", { name: "Theme: dark" }).waitFor();
    expect(faults).toEqual([]);
    await context.close();
  });

  it("says how to get in to whoever is not signed in, and shows who may only read what they may", async () => {
    const stranger = await browser.open("/reviews", { key: "hp_nobody" });
    await stranger.page.getByText("npx holdpoint login").waitFor();
    expect(await axeViolations(stranger.page)).toEqual([]);
    await stranger.context.close();
    const review = await asked("To be read");
    const reader = await browser.open(`/reviews/${review.id}`, {
      key: await keyFor(server.url, "eve", ["review:read"]),
    });
    await reader.page.getByText("You may read this, and not decide it.").waitFor();
    expect(await reader.page.getByRole("button", { name: "Approve" }).count()).toBe(0);
    await reader.context.close();
  });
});
