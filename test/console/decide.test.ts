import { afterAll, beforeAll, expect, it } from "vitest";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { ask, keyFor, openReview, sdk } from "../support/client.ts";
import { openRefundHouse, type RefundHouse } from "../support/refund-house.ts";
import { refundExample } from "../support/refund-shop.ts";
import { type Server, startServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import {
  axeViolations,
  type Console,
  DESKTOP,
  hasFocus,
  isInWindow,
  isOff,
  openConsole,
  PHONE,
  press,
  withBrowser,
} from "./browser.ts";

withBrowser("deciding", (program) => {
  let house: RefundHouse;
  let server: Server;
  let browser: Console;
  beforeAll(async () => {
    house = await openRefundHouse();
    server = await start();
    browser = await openConsole(program, () => server.url);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await server?.kill9();
    await house?.close();
  });

  const start = (after?: Server) =>
    startServer({
      databaseUrl: house.url,
      shared: true,
      workflows: "test/fixtures/console",
      ...(after === undefined ? {} : { after, env: { PORT: new URL(after.url).port } }),
    });

  async function refundAsked(): Promise<ReviewTask> {
    await house.pool.query("delete from chinook.refund");
    const { thread_id } = await sdk(server.url).threads.create();
    await sdk(server.url).runs.wait(thread_id, "refund-approval", { input: await refundExample("large") });
    return await openReview(server.url, thread_id);
  }

  async function asked(wish: object, graph = "asks"): Promise<ReviewTask> {
    const { thread_id } = await sdk(server.url).threads.create();
    await sdk(server.url).runs.wait(thread_id, graph, { input: { wish } });
    return await openReview(server.url, thread_id);
  }

  const reviewNow = async ({ id }: ReviewTask) => (await ask(server.url, `/reviews/${id}`)).body as ReviewTask;
  const isDecided = (review: ReviewTask) =>
    until("it is decided", async () => {
      const now = await reviewNow(review);
      // The outcome comes with the run that carries the decision, a moment after it.
      return now.decision !== null && now.outcome !== null && now;
    });
  const paid = () => until("it is paid", async () => (await house.refunds()).length > 0 && house.refunds());

  it("tells the story of a refund by mouse: from the inbox to an edited amount, and pays that, once", async () => {
    const review = await refundAsked();
    const { page, context, faults } = await browser.open("/");
    await page
      .getByRole("link", { name: /Refund 13.86 USD to John Gordon/ })
      .first()
      .click();
    await page.waitForURL(`**/reviews/${review.id}`);
    await page.getByText("If you approve:").waitFor();
    await page.getByRole("button", { name: "Edit" }).click();
    await page.getByLabel("amount", { exact: true }).fill("20");
    await page.getByText("must be at most 13.86").first().waitFor();
    await isOff(page.getByRole("button", { name: "Approve with changes" }));
    await page.getByLabel("amount", { exact: true }).fill("10.5");
    // What was proposed beside what was made of it.
    await page.locator("del", { hasText: "13.86" }).waitFor();
    await page.locator("ins", { hasText: "10.5" }).waitFor();
    await page.getByText("With your change: amount 10.5.").waitFor();
    await page.getByText("What is sent").click();
    await page.getByText(`POST /reviews/${review.id}/decision`).waitFor();
    const shown = JSON.parse((await page.locator(".sent pre").innerText()).replace(/^[^{]*/, ""));
    await page.getByRole("button", { name: "Approve with changes" }).click();
    await page.getByRole("button", { name: "Send now" }).click();
    await page.getByText("You approved with changes").waitFor();
    const refunds = await paid();
    expect(refunds.map(({ amount }) => Number(amount))).toEqual([10.5]);
    const { decision } = await reviewNow(review);
    expect(decision?.decisions).toEqual(shown.decisions);
    expect(shown.seen_digest).toBe(review.request_digest);
    await page.getByText(/chinook\.refund: /).waitFor();
    expect(faults).toEqual([]);
    await context.close();
  });

  it("tells it again by the keyboard alone, help and undo included", async () => {
    const review = await refundAsked();
    const { page, context, faults } = await browser.open("/reviews");
    await page.locator(".row").first().waitFor();
    await press(page, "?");
    await page.getByRole("dialog", { name: "Keyboard" }).getByText("Next review").waitFor();
    await page.keyboard.press("Escape");
    await page.locator("dialog").waitFor({ state: "detached" });
    await press(page, "j");
    await page.waitForURL(`**/reviews/${review.id}`);
    await page.getByText("If you approve:").waitFor();
    // A click too fast is taken back.
    await press(page, "a");
    await page.getByRole("button", { name: "Undo" }).waitFor();
    await press(page, "u");
    await page.getByRole("button", { name: "Approve", exact: false }).first().waitFor();
    expect((await reviewNow(review)).status).toBe("open");
    await press(page, "r");
    await hasFocus(page, "Told to the graph");
    await page.keyboard.type("bought by mistake");
    await page.keyboard.press("Tab");
    await page.keyboard.type("by telephone");
    // When the time to take it back is over, it is sent by itself.
    await page.evaluate("window.undoMs = 500");
    await page.keyboard.press("Control+Enter");
    const { decision, outcome } = await isDecided(review);
    expect({ outcome, comment: decision?.comment }).toEqual({ outcome: "rejected", comment: "by telephone" });
    await page.getByText("You rejected").waitFor();
    expect(await house.refunds()).toEqual([]);
    expect(faults).toEqual([]);
    await context.close();
  });

  it.each([
    ["1280 × 720", DESKTOP, false],
    ["390 × 844, in the dark", PHONE, true],
  ])(
    "shows what matters at %s without scrolling, and takes one click from the link to the decision",
    async (_name, viewport, dark) => {
      const review = await refundAsked();
      const { page, context, faults } = await browser.open(`/reviews/${review.id}`, { viewport, dark, touch: dark });
      await page.getByText("If you approve:").waitFor();
      const matters = {
        effect: page.getByText(/13\.86 USD of invoice 5 are refunded to John Gordon/).last(),
        amount: page.locator(".args dd").nth(0),
        customer: page.locator(".args dd").nth(2),
        reason: page.getByText(/every track stops after ten seconds/).first(),
        due: page.locator(".review-head time").first(),
        approve: page.getByRole("button", { name: "Approve" }),
      };
      for (const [name, locator] of Object.entries(matters)) expect(await isInWindow(page, locator), name).toBe(true);
      expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
      expect(await axeViolations(page)).toEqual([]);
      await matters.approve.click();
      await page.getByRole("button", { name: "Send now" }).waitFor();
      expect(await axeViolations(page)).toEqual([]);
      await page.getByRole("button", { name: "Send now" }).click();
      expect((await isDecided(review)).outcome).toBe("approved");
      await paid();
      expect(faults).toEqual([]);
      await context.close();
    },
  );

  it("lets one of two who decide at once win; the other learns who, and loses nothing that was typed", async () => {
    const review = await refundAsked();
    const key = await keyFor(server.url, "ana");
    const [mine, hers] = [
      await browser.open(`/reviews/${review.id}`),
      await browser.open(`/reviews/${review.id}`, { key }),
    ];
    await mine.page.getByRole("button", { name: "Reject…" }).click();
    await mine.page.getByLabel("Told to the graph").fill("half of an answer");
    await hers.page.getByRole("button", { name: "Approve" }).click();
    await hers.page.getByRole("button", { name: "Send now" }).click();
    await hers.page.getByText("You approved").waitFor();
    // Nobody has to reload.
    await mine.page.getByText(/ana approved .*, before you did/).waitFor();
    await mine.page.getByText("half of an answer").waitFor();
    expect(await mine.page.getByRole("button", { name: "Reject" }).count()).toBe(0);
    expect((await isDecided(review)).decision?.principal_id).toBe("ana");
    await paid();
    expect([...mine.faults, ...hers.faults]).toEqual([]);
    await mine.context.close();
    await hers.context.close();
  });

  it("freezes also who clicks before the news arrive", async () => {
    const review = await refundAsked();
    const { page, context, faults } = await browser.open(`/reviews/${review.id}`);
    await page.getByText("If you approve:").waitFor();
    // No news get through any more, as on a bad line.
    await page.route(/\/reviews(\/|\?)(?!.*decision)/, (route) => route.abort());
    const key = await keyFor(server.url, "ben");
    const body = { decisions: [{ type: "reject" }], seen_digest: review.request_digest };
    expect((await ask(server.url, `/reviews/${review.id}/decision`, { body, key })).status).toBe(200);
    await page.getByRole("button", { name: "Approve" }).click();
    await page.getByRole("button", { name: "Send now" }).click();
    await page
      .getByText(/ben decided this/)
      .first()
      .waitFor();
    await page.unroute(/\/reviews(\/|\?)(?!.*decision)/);
    await page.getByText(/ben rejected/).waitFor();
    expect(await house.refunds()).toEqual([]);
    expect(faults).toEqual([]);
    await context.close();
  });

  it("keeps what was typed when the server is killed and started again, and goes on by itself", async () => {
    const review = await refundAsked();
    const { page, context } = await browser.open(`/reviews/${review.id}`);
    await page.getByRole("button", { name: "Edit" }).click();
    await page.getByLabel("amount", { exact: true }).fill("7.25");
    await server.kill9();
    server = await start(server);
    await page.reload();
    await until(
      "what was typed is back",
      async () => (await page.getByLabel("amount", { exact: true }).inputValue()) === "7.25",
    );
    await page.getByRole("button", { name: "Approve with changes" }).click();
    await page.getByRole("button", { name: "Send now" }).click();
    expect((await isDecided(review)).outcome).toBe("edited");
    expect((await paid()).map(({ amount }) => Number(amount))).toEqual([7.25]);
    await context.close();
  });

  it("decides several actions in one request, each for itself, and says what a rejection does to a batch", async () => {
    const args = { to: "a@example.com" };
    const review = await asked({
      title: "Two mails",
      actions: [
        { name: "mail.send", args, preview: "A mail goes to a@example.com." },
        { name: "mail.delete", args, preview: "A mail is deleted.", allowed: ["approve", "reject"] },
      ],
    });
    const { page, context, faults } = await browser.open(`/reviews/${review.id}`);
    const [first, second] = [
      page.getByRole("region", { name: /^Action 1/ }),
      page.getByRole("region", { name: /^Action 2/ }),
    ];
    await first.getByLabel("Approve").check();
    await page.getByText("decide action 2").first().waitFor();
    await second.getByLabel("Reject").check();
    await second.getByLabel("Told to the graph").fill("not that one");
    expect(await axeViolations(page)).toEqual([]);
    await page.getByRole("button", { name: "Send 2 decisions" }).click();
    await page.getByRole("button", { name: "Send now" }).click();
    expect((await isDecided(review)).decision?.decisions).toEqual([
      { action: 0, type: "approve" },
      { action: 1, type: "reject", message: "not that one" },
    ]);
    const batch = await asked(
      {
        actionRequests: [
          { name: "a", args: {} },
          { name: "b", args: {} },
        ],
        reviewConfigs: ["a", "b"].map((actionName) => ({ actionName, allowedDecisions: ["approve", "reject"] })),
      },
      "plain",
    );
    await page.goto(`${server.url}/reviews/${batch.id}`);
    await page.getByText("Any rejection cancels the whole batch").waitFor();
    expect(faults).toEqual([]);
    await context.close();
  });

  it("asks once more before what can do much harm, and no key alone does it", async () => {
    const review = await asked({
      title: "Close the account",
      terms: { risk: "high" },
      actions: [{ name: "account.close", args: { id: 7 }, risk: "high", preview: "Account 7 is closed for good." }],
    });
    const { page, context, faults } = await browser.open(`/reviews/${review.id}`);
    await page.getByText("If you approve:").waitFor();
    await press(page, "a");
    const dialog = page.getByRole("dialog", { name: "Approve?" });
    await dialog.getByText("Account 7 is closed for good.").waitFor();
    await isOff(dialog.getByRole("button", { name: "Approve" }));
    // What has the focus is the way back.
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "detached" });
    expect((await reviewNow(review)).status).toBe("open");
    await page.getByRole("button", { name: "Approve" }).click();
    await dialog.getByRole("checkbox").check();
    expect(await axeViolations(page)).toEqual([]);
    await dialog.getByRole("button", { name: "Approve" }).click();
    expect((await isDecided(review)).outcome).toBe("approved");
    expect(faults).toEqual([]);
    await context.close();
  });
});
