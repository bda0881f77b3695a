import { afterAll, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { resetKnobs } from "../fixtures/workflows/lib/knobs.ts";
import { refundExample } from "../support/refund-shop.ts";
import { axeViolations, isInWindow, isOff, PHONE, withBrowser } from "./browser.ts";
import { hasKeyboard, isTooWide, openRunsScene, openTab, type RunsScene } from "./runs-scene.ts";

vi.setConfig({ testTimeout: 120_000 });

// Markup, a sequence of a terminal, a turn of direction, a link that does something, a key of every object.
const HOSTILE = [
  '<img src="https://evil.test/x.png" onerror="alert(1)">',
  "\u001b[31mred\u001b[0m\u202egnp.exe\u2066",
  "[click](javascript:alert(1)) ![x](https://evil.test/y.png) [out](https://evil.test/z)",
  "__proto__",
  "</script><script>alert(2)</script>",
].join(" ");
const TABS = ["Timeline", "Graph", "Steps", "Messages", "Reviews", "Effects", "Events"];
const SHOWN: Record<string, string> = {
  Timeline: ".timeline-rows li",
  Graph: ".flow-node",
  Steps: ".run-step",
  Messages: ".message-human, .empty",
  Reviews: ".run-card, .empty",
  Effects: ".run-card, .empty",
  Events: ".run-event",
};

withBrowser("screens of runs", (program) => {
  let scene: RunsScene;
  let refund: string;
  beforeAll(async () => {
    scene = await openRunsScene(program);
    const { run_id } = await scene.start("refund-approval", await refundExample("large"));
    await scene.answer(run_id);
    await scene.reaches(run_id, "success");
    refund = run_id;
  }, 120_000);
  beforeEach(resetKnobs);
  afterAll(async () => {
    await scene?.close();
  });

  it.each([
    { name: "light, on a desk", options: {} },
    { name: "dark, on a phone", options: { dark: true, viewport: PHONE, touch: true } },
  ])(
    "is read by everybody: axe finds nothing wrong, $name, and nothing is wider than the window",
    async ({ options }) => {
      const { page, context, faults } = await scene.browser.open(`/runs/${refund}`, options);
      for (const tab of TABS) {
        await openTab(page, tab);
        await page
          .locator(SHOWN[tab] as string)
          .first()
          .waitFor();
        expect(await axeViolations(page), tab).toEqual([]);
        expect(await isTooWide(page), tab).toBe(false);
      }
      for (const [path, shown] of [
        ["/runs", "tbody tr"],
        ["/start/take-order", ".run-input-form"],
        ["/health", "tbody tr"],
      ]) {
        await page.goto(scene.url() + path);
        await page
          .locator(shown as string)
          .first()
          .waitFor();
        expect(await axeViolations(page), path).toEqual([]);
        expect(await isTooWide(page), path).toBe(false);
      }
      expect(faults).toEqual([]);
      await context.close();
    },
  );

  it("has dialogs that axe finds nothing wrong with, and gives the keyboard back when they close", async () => {
    const { run_id } = await scene.start("ask-and-act", { text: "3" });
    await scene.answer(run_id, "yes");
    await scene.reaches(run_id, "success");
    const { page, context } = await scene.browser.open(`/runs/${run_id}?tab=steps`, { dark: true });
    await page.getByRole("button", { name: "0 start" }).click();
    const opener = page.getByRole("button", { name: "Fork from here …" });
    await opener.click();
    await page.getByText("1 effect after this step may happen once more").waitFor();
    expect(await axeViolations(page)).toEqual([]);
    await page.keyboard.press("Escape");
    await hasKeyboard(opener);
    await context.close();
  });

  it("shows on a phone at once where a run stands and what can be done, with targets that a thumb meets", async () => {
    const { run_id } = await scene.start("ask-and-act", { text: "4" });
    await scene.reaches(run_id, "waiting");
    const { page, context } = await scene.browser.open(`/runs/${run_id}`, { viewport: PHONE, touch: true });
    const review = page.getByRole("link", { name: "Open the review" });
    await review.waitFor();
    expect(await isInWindow(page, review)).toBe(true);
    expect(await isInWindow(page, page.locator(".run-title .badge").first())).toBe(true);
    expect((await review.boundingBox())?.height).toBeGreaterThanOrEqual(44);
    expect((await page.getByRole("tab", { name: "Timeline" }).boundingBox())?.height).toBeGreaterThanOrEqual(44);
    await context.close();
  });

  it("takes hostile texts for what they are, on every screen, and nothing leaves the origin", async () => {
    const { thread_id } = await scene.open.client.threads.create();
    const { run_id } = await scene.open.client.runs.create(thread_id, "echo", {
      input: { messages: [{ role: "user", content: HOSTILE, name: HOSTILE.slice(0, 40) }] },
      metadata: { retry_of: HOSTILE },
      streamMode: ["values", "updates", "tasks"],
    });
    await scene.reaches(run_id, "success");
    const asked = await scene.start("ask-and-act", { text: HOSTILE });
    await scene.answer(asked.run_id, HOSTILE);
    await scene.reaches(asked.run_id, "success");
    for (const id of [run_id, asked.run_id]) {
      const { page, context, faults } = await scene.browser.open(`/runs/${id}`);
      for (const tab of TABS) {
        await openTab(page, tab);
        await page
          .locator(SHOWN[tab] as string)
          .first()
          .waitFor();
        // Bound: what is opened stays open.
        const closed = page.locator("[role=tabpanel] button[aria-expanded=false]");
        while ((await closed.count()) > 0) await closed.first().click();
      }
      await openTab(page, "Messages");
      if (id === run_id) {
        await page.locator(".message-human .escape", { hasText: "\\u202e" }).first().waitFor();
        await page.locator(".message-human .escape", { hasText: "\\x1b" }).first().waitFor();
      }
      expect(await page.locator("img, iframe, object, [role=tabpanel] a[href^='javascript']").count()).toBe(0);
      await page.goto(`${scene.url()}/runs?${new URLSearchParams({ q: HOSTILE })}`);
      await page.getByText(/^Not understood/).waitFor();
      expect(faults).toEqual([]);
      await context.close();
    }
  });

  it("shows a large input and a long history without losing what is there, and what is not there for what it is", async () => {
    const { run_id } = await scene.start("steps", { text: "long ".repeat(30_000) });
    await scene.reaches(run_id, "success");
    const { page, context, faults } = await scene.browser.open(`/runs/${run_id}`);
    await page.getByText("too long to be shown here").first().waitFor();
    await openTab(page, "Steps");
    await page.getByRole("button", { name: "0 start" }).click();
    await page
      .getByRole("button", { name: /not shown: show/ })
      .first()
      .waitFor();
    await page.goto(`${scene.url()}/runs/${crypto.randomUUID()}`);
    await page
      .getByRole("alert")
      .getByText(/not found/)
      .waitFor();
    await page.goto(`${scene.url()}/start/no-such-graph`);
    await page.getByText("There is no graph no-such-graph here.").waitFor();
    expect(faults).toEqual([]);
    await context.close();
  });

  it("lets who may only read look, and start, cancel and fork nothing", async () => {
    const key = await scene.open.key("reader", ["runs:read"]);
    const { page, context, faults } = await scene.browser.open(`/runs/${refund}?tab=steps`, { key });
    await page.getByRole("button", { name: "0 start" }).click();
    await page.getByText("The whole state").first().waitFor();
    for (const name of ["Fork from here …", "Start another", "Retry …", "Cancel …"]) {
      expect(await page.getByText(name).count(), name).toBe(0);
    }
    await page.goto(`${scene.url()}/start/take-order`);
    await page.getByText("You may not start runs").waitFor();
    await isOff(page.getByRole("button", { name: "Start the run" }));
    expect(faults).toEqual([]);
    await context.close();
  });
});
