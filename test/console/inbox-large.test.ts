import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { seedReviews } from "../../bench/review-seed.ts";
import { until } from "../support/until.ts";
import { isInWindow, press, withBrowser } from "./browser.ts";
import { openRunsScene, type RunsScene } from "./runs-scene.ts";

const OPEN = 1_000;
// What the list shows before anybody asks for more.
const PAGE = 100;
// Of the seeded ones every hundredth is put off until tomorrow.
const SNOOZED = 10;

withBrowser("a thousand open reviews", (program) => {
  let scene: RunsScene;
  let like = "";
  beforeAll(async () => {
    scene = await openRunsScene(program);
    const { run_id } = await scene.start("ask-and-act", { text: "the first" });
    like = (await scene.reaches(run_id, "waiting")).review_id as string;
    await seedReviews(scene.open.house.database.pool, like, OPEN - 1, 0);
  }, 120_000);
  afterAll(async () => {
    await scene?.close();
  });

  const all = <Value>(page: Page, selector: string, read: string) =>
    page.evaluate<Value[]>(`[...document.querySelectorAll(${JSON.stringify(selector)})].map((element) => ${read})`);
  const rowsOf = (page: Page) => all<string>(page, ".row-link", "element.getAttribute('href')");
  const shown = async (page: Page, view: string, amount: number) => {
    await page.getByRole("heading", { name: `${view} ${amount}`, exact: true }).waitFor();
    // The number and the rows come from two answers.
    return await until(`${amount} are shown`, async () => {
      const rows = await rowsOf(page);
      return rows.length === Math.min(amount, PAGE) && rows;
    });
  };
  const query = (text: string, values: unknown[] = []) => scene.open.house.database.pool.query(text, values);

  it("shows as many as fit a page, says how many there are, and brings more when asked", async () => {
    const { page, context, faults } = await scene.browser.open("/reviews");
    const first = await shown(page, "All open", OPEN - SNOOZED);
    expect(first).toHaveLength(PAGE);
    await page.locator(".more").getByRole("button").click();
    const more = await until("more are shown", async () => {
      const rows = await rowsOf(page);
      return rows.length > PAGE && rows;
    });
    expect(more).toHaveLength(2 * PAGE);
    expect(more.slice(0, PAGE)).toEqual(first);
    expect(faults).toEqual([]);
    await context.close();
  });

  it("goes down and up by keys, with the marked row in sight and no row more than before", async () => {
    const { page, context, faults } = await scene.browser.open("/reviews");
    const rows = await shown(page, "All open", OPEN - SNOOZED);
    // Faster than any review is there: every press counts all the same.
    await press(page, ..."j".repeat(31), ..."k".repeat(11));
    await until("the twentieth is open", () => new URL(page.url()).pathname === rows[19]);
    const current = page.locator('.row-link[aria-current="true"]');
    await until("it is marked", async () => (await current.getAttribute("href")) === rows[19]);
    expect(await current.count()).toBe(1);
    await until("it is in sight", () => isInWindow(page, current));
    const title = await current.locator(".row-title").innerText();
    await page.locator(".review-head").getByText(title, { exact: true }).waitFor();
    expect(await rowsOf(page)).toEqual(rows);
    expect(faults).toEqual([]);
    await context.close();
  });

  it("filters by views and words, and comes back to the whole", async () => {
    const { page, context, faults } = await scene.browser.open("/reviews");
    const everything = await shown(page, "All open", OPEN - SNOOZED);
    await page.getByRole("button", { name: /^High risk/ }).click();
    await shown(page, "High risk", 99);
    const risks = () => all<string>(page, ".row", "element.className");
    await until("all are of a high risk", async () => (await risks()).every((name) => name.includes("risk-high")));
    expect(await risks()).toHaveLength(99);
    await page.getByRole("searchbox", { name: "Search reviews" }).fill("invoice 120");
    await shown(page, "High risk", 1);
    await page.getByText("Refund invoice 120", { exact: true }).first().waitFor();
    await page.getByRole("searchbox", { name: "Search reviews" }).fill("graph:graph-0 risk:high");
    await shown(page, "High risk", 24);
    await page.getByRole("searchbox", { name: "Search reviews" }).fill("no such thing");
    await page.getByText("Nothing fits the search.").waitFor();
    await page.getByRole("searchbox", { name: "Search reviews" }).fill("");
    await page.getByRole("button", { name: /^All open/ }).click();
    await until("all are there again", async () => {
      return JSON.stringify(await shown(page, "All open", OPEN - SNOOZED)) === JSON.stringify(everything);
    });
    expect(faults).toEqual([]);
    await context.close();
  });

  it("takes in fifty changes without moving what is under the pointer, and shows what is new when asked", async () => {
    const { page, context, faults } = await scene.browser.open("/reviews");
    const rows = await shown(page, "All open", OPEN - SNOOZED);
    await page.locator(".live.live").waitFor();
    await page.locator(".row").nth(30).scrollIntoViewIfNeeded();
    await page.locator(".row").nth(28).hover();
    const pointed = () => page.locator(".row:hover .row-link").getAttribute("href");
    expect(await pointed()).toBe(rows[28]);
    // Each by itself, as people make them: half of them to what is shown, half of them new and more urgent.
    for (let change = 0; change < 25; change += 1) {
      await query(CLAIM, [rows[change]?.split("/").at(-1)]);
      await query(ANOTHER, [like, change]);
    }
    await page.getByRole("button", { name: "25 new: show" }).waitFor();
    await until("the changes are shown", async () => (await page.getByText("in hand: cy").count()) === 25);
    expect(await rowsOf(page)).toEqual(rows);
    expect(await pointed()).toBe(rows[28]);
    await press(page, ".");
    const after = await until("what is new is shown", async () => {
      const now = await rowsOf(page);
      return now[0] !== rows[0] && now;
    });
    expect(after).toHaveLength(PAGE);
    expect(after.slice(25)).toEqual(rows.slice(0, PAGE - 25));
    expect(faults).toEqual([]);
    await context.close();
  });
});

const CLAIM = `
  update holdpoint.review set claimed_by = 'cy', claimed_until = holdpoint.now() + interval '1 hour'
  where id = $1::uuid`;

const ANOTHER = `
  insert into holdpoint.review
  select copy.*
  from holdpoint.review r, jsonb_populate_record(r, jsonb_build_object(
    'id', gen_random_uuid(), 'group_id', gen_random_uuid(), 'thread_id', gen_random_uuid(), 'run_id', gen_random_uuid(),
    'checkpoint_id', gen_random_uuid(), 'title', 'Urgent ' || $2::int, 'next_at', null, 'risk', 'high',
    'changed_in', pg_current_xact_id(),
    'opened_at', holdpoint.now(), 'due_at', holdpoint.now() - interval '30 days')) copy
  where r.id = $1::uuid`;
