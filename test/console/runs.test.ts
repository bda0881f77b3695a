import { afterAll, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { knobs, resetKnobs, visitsOf } from "../fixtures/workflows/lib/knobs.ts";
import { refundExample } from "../support/refund-shop.ts";
import { until } from "../support/until.ts";
import { isOff, press, withBrowser } from "./browser.ts";
import { hasKeyboard, hold, idIn, openRunsScene, openTab, type RunsScene } from "./runs-scene.ts";

// A browser on a machine that does ten other things takes its time.
vi.setConfig({ testTimeout: 120_000 });

withBrowser("following runs", (program) => {
  let scene: RunsScene;
  beforeAll(async () => {
    scene = await openRunsScene(program);
  }, 120_000);
  beforeEach(resetKnobs);
  afterAll(async () => {
    await scene?.close();
  });

  it("leads who comes first through one run: it asks, somebody approves, and it goes on", async () => {
    const { page, context, faults } = await scene.browser.open("/");
    await page.getByRole("heading", { name: "Nothing has run here yet" }).waitFor();
    expect(new URL(page.url()).pathname).toBe("/runs");
    await page.getByText("johngordon22@yahoo.com").waitFor();
    await page.getByRole("button", { name: "Run the example" }).click();
    const guide = page.getByRole("region", { name: "Guided start" });
    await guide.getByText(/waits for you.*Refund 13.86 USD to John Gordon/).waitFor();
    const id = idIn(page.url());
    await guide.getByRole("link", { name: "Open the review" }).click();
    await page.waitForURL("**/reviews/*");
    await page.goBack();
    await scene.answer(id);
    await guide.getByText(/^Done: it waited/).waitFor();
    await guide.getByRole("button", { name: "Close the guide" }).click();
    await until("the guide is gone", async () => !(await guide.isVisible()));
    await page.getByRole("link", { name: "Back to the runs" }).click();
    // Who has seen one run is shown runs.
    await page.getByRole("row", { name: /refund-approval/ }).waitFor();
    await page.goto(scene.url());
    await page.waitForURL("**/reviews");
    expect(faults).toEqual([]);
    await context.close();
  });

  it("shows the story of a refund: the wait with who ended it, the graph, the steps, the effect and its receipt", async () => {
    await scene.open.house.database.pool.query("delete from chinook.refund");
    const { run_id } = await scene.start("refund-approval", await refundExample("large"));
    await scene.reaches(run_id, "waiting");
    const { page, context, faults } = await scene.browser.open(`/runs/${run_id}`);
    await page.getByText("Refund 13.86 USD to John Gordon (invoice 5) waits for a person").waitFor();
    await page.locator(".bar-wait.bar-open").waitFor();
    await openTab(page, "Graph");
    await page.getByRole("row", { name: /^review waits for a person/ }).waitFor();
    await page.locator(".flow-node.state-waiting", { hasText: "review" }).waitFor();
    await openTab(page, "Timeline");
    await scene.answer(run_id);
    // Nobody loads the page again.
    await page.getByText("approved by Local owner", { exact: true }).waitFor();
    await page.getByRole("status").getByText("success").waitFor();
    await page.getByRole("button", { name: /^execute ?, node, success/ }).waitFor();
    await page.getByRole("button", { name: /^Refund 13.86.*approved by Local owner/ }).click();
    await page.getByRole("link", { name: "Open the review" }).waitFor();
    await openTab(page, "Effects");
    await page.getByText("chinook.refund").waitFor();
    await page.getByRole("region", { name: "receipt of chinook.refund" }).getByText('"status": "paid"').waitFor();
    await openTab(page, "Reviews");
    await page.getByText(/Approved by Local owner/).waitFor();
    await openTab(page, "Steps");
    await page.getByRole("button", { name: "3 propose" }).click();
    await page.locator(".change-added", { hasText: "proposal" }).first().waitFor();
    await openTab(page, "Messages");
    await page.getByText("This graph keeps no messages.").waitFor();
    await openTab(page, "Events");
    await page.getByLabel("Show").selectOption("updates");
    await page.getByRole("button", { name: /finalize/ }).click();
    await page.getByRole("region", { name: /^event \d+/ }).waitFor();
    expect(faults).toEqual([]);
    await context.close();
  });

  it("lists runs by chips, by words and by the beginning of an id, and is gone through by keys", async () => {
    knobs.onVisit = (place) => {
      if (place === "b") throw new RangeError("no luck");
    };
    const failed = await scene.start("steps", {});
    await scene.reaches(failed.run_id, "error");
    const { page, context, faults } = await scene.browser.open("/runs");
    const rows = page.locator("tbody tr");
    const row = page.getByRole("row", { name: /steps.*b: RangeError: no luck/ });
    await row.waitFor();
    await page.getByRole("button", { name: "error" }).click();
    await until("only what failed is left", async () => (await rows.count()) === 1);
    await page.waitForURL((url) => url.searchParams.get("q") === "status:error");
    await page.getByRole("searchbox").fill("error:RangeError graph:steps colour:red");
    await page.getByText("Not understood: colour:red").waitFor();
    await row.waitFor();
    await page.getByRole("searchbox").fill("error:TypeError");
    await page.getByText("No run fits this.").waitFor();
    await page.getByRole("searchbox").fill(failed.run_id.slice(0, 8));
    await row.waitFor();
    await page.getByRole("searchbox").fill("");
    await until("all are there again", async () => (await rows.count()) > 1);
    // By keys: to the newest, and into it; "/" goes to the question.
    await page.getByRole("searchbox").press("Escape");
    await until("j goes into the list", async () => {
      await page.keyboard.press("j");
      return (await page.locator("tbody a:focus").count()) > 0;
    });
    await until("k goes to its top", async () => {
      await page.keyboard.press("k");
      return (await rows.first().locator("a:focus").count()) > 0;
    });
    await press(page, "/");
    await hasKeyboard(page.getByRole("searchbox"));
    await press(page, "Escape", "o");
    await page.waitForURL(`**/runs/${failed.run_id}`);
    await until("2 opens the second tab", async () => {
      await page.keyboard.press("2");
      return (await page.getByRole("tab", { name: "Graph", selected: true }).count()) > 0;
    });
    await press(page, "Escape");
    await page.waitForURL((url) => url.pathname === "/runs");
    expect(faults).toEqual([]);
    await context.close();
  });

  it("shows runs that come while the list is open, and keeps still under the pointer", async () => {
    const { page, context } = await scene.browser.open("/runs");
    const rows = page.locator("tbody tr");
    await rows.first().waitFor();
    const before = await rows.count();
    const first = await scene.start("steps", { text: "one" });
    await until("it is on top", async () => (await rows.first().getAttribute("data-run")) === first.run_id);
    await rows.nth(1).hover();
    const second = await scene.start("steps", { text: "two" });
    await page.getByRole("button", { name: "1 new run" }).waitFor();
    expect(await rows.first().getAttribute("data-run")).toBe(first.run_id);
    await page.getByRole("button", { name: "1 new run" }).click();
    await until("it is shown", async () => (await rows.first().getAttribute("data-run")) === second.run_id);
    expect(await rows.count()).toBe(before + 2);
    await context.close();
  });

  it("cancels a run while it executes, after saying what becomes of what it has done", async () => {
    const letGo = hold("b");
    const { run_id } = await scene.start("steps", {});
    await scene.reaches(run_id, "running");
    const { page, context, faults } = await scene.browser.open(`/runs/${run_id}?tab=graph`);
    await page.getByText("live", { exact: true }).waitFor();
    await page.getByRole("row", { name: /^b executes now/ }).waitFor();
    await page.getByRole("button", { name: "Cancel …" }).click();
    const dialog = page.getByRole("dialog", { name: /^Cancel run/ });
    await dialog.getByText("Refused where an effect was begun or a decision was made.").waitFor();
    await dialog.getByRole("button", { name: "Cancel the run" }).click();
    await page.getByText("The run is being cancelled.").waitFor();
    letGo();
    await page.locator(".run-title .badge", { hasText: "cancelled" }).waitFor();
    await scene.reaches(run_id, "interrupted");
    expect(faults).toEqual([]);
    await context.close();
  });

  it("takes a run back that is wanted no more, and says that it is gone", async () => {
    const letGo = hold("b");
    const { run_id } = await scene.start("steps", {});
    await scene.reaches(run_id, "running");
    const { page, context, faults } = await scene.browser.open(`/runs/${run_id}`);
    await page.getByRole("button", { name: "Cancel …" }).click();
    const dialog = page.getByRole("dialog", { name: /^Cancel run/ });
    await dialog.getByLabel(/Stop it and take it back/).check();
    await dialog.getByRole("button", { name: "Cancel the run" }).click();
    await page.getByText("The run is being cancelled.").waitFor();
    letGo();
    await page.getByRole("alert").getByText("There is no such run.").waitFor();
    expect((await scene.open.ask(`/runs/${run_id}`)).status).toBe(404);
    expect(faults).toEqual([]);
    await context.close();
  });

  it("retries a failed run from where it failed, and does not repeat what was done", async () => {
    knobs.onVisit = (place) => {
      if (place === "b") throw new RangeError("no luck");
    };
    const { run_id } = await scene.start("steps", {});
    await scene.reaches(run_id, "error");
    resetKnobs();
    const { page, context, faults } = await scene.browser.open(`/runs/${run_id}`);
    await page.getByText("RangeError at node b: no luck").waitFor();
    await press(page, "r");
    const dialog = page.getByRole("dialog", { name: "Retry from where it failed" });
    await dialog.getByText(/goes on from the last checkpoint, at node b/).waitFor();
    await dialog.getByRole("button", { name: "Retry", exact: true }).click();
    await page.waitForURL((url) => url.pathname !== `/runs/${run_id}`);
    await page.getByRole("status").getByText("success").waitFor();
    await page.getByRole("link", { name: run_id.slice(0, 7) }).waitFor();
    expect(["a", "b", "c"].map(visitsOf)).toEqual([0, 1, 1]);
    expect(faults).toEqual([]);
    await context.close();
  });

  it("warns before a fork that decisions do not carry over and effects may happen again, and then asks anew", async () => {
    const { run_id } = await scene.start("ask-and-act", { text: "7" });
    await scene.answer(run_id, "yes");
    await scene.reaches(run_id, "success");
    const { page, context, faults } = await scene.browser.open(`/runs/${run_id}?tab=steps`);
    await page.getByRole("button", { name: "0 start" }).click();
    await page.getByRole("button", { name: "Fork from here …" }).click();
    const dialog = page.getByRole("dialog", { name: "Fork from here" });
    await dialog.getByText("1 decision after this step does not carry over").waitFor();
    await dialog.getByText("1 effect after this step may happen once more").waitFor();
    await dialog.getByText("bank.pay (done)").waitFor();
    await dialog.getByRole("button", { name: "Fork from here" }).click();
    await page.waitForURL((url) => url.pathname !== `/runs/${run_id}`);
    await page.getByRole("status").getByText("waiting for a person").waitFor();
    const fork = await scene.reaches(idIn(page.url()), "waiting");
    expect(fork.thread_id).toBe((await scene.reaches(run_id, "success")).thread_id);
    expect(faults).toEqual([]);
    await context.close();
  });

  it("says of a guarded graph that a fork is refused, and shows the server's refusal", async () => {
    const { run_id } = await scene.start("refund-approval", await refundExample("unknown-invoice"));
    await scene.reaches(run_id, "success");
    const { page, context } = await scene.browser.open(`/runs/${run_id}?tab=steps`);
    await page.getByRole("button", { name: "0 start" }).click();
    await page.getByRole("button", { name: "Fork from here …" }).click();
    const dialog = page.getByRole("dialog", { name: "Fork from here" });
    await dialog.getByText(/This graph is guarded/).waitFor();
    await dialog.getByRole("button", { name: "Fork from here" }).click();
    await dialog
      .getByRole("alert")
      .getByText(/guarded/)
      .waitFor();
    expect(idIn(page.url())).toBe(run_id);
    await context.close();
  });

  it("starts a run by a form, says at its place what is wrong, and follows it", async () => {
    const { page, context, faults } = await scene.browser.open("/start");
    await page.getByRole("link", { name: /take-order/ }).click();
    await page.getByRole("button", { name: /^Ana/ }).click();
    await until("the example is there", async () => (await page.getByLabel("amount").inputValue()) === "12.5");
    await page.getByLabel("amount").fill("a lot");
    await page.getByText("must be a number").waitFor();
    await isOff(page.getByRole("button", { name: "Start the run" }));
    await page.getByLabel("amount").fill("40");
    await page.getByLabel("customer").fill("");
    await page.getByLabel("size").selectOption({ label: "large" });
    await page.getByLabel("tags").fill('["new"]');
    await page.getByLabel("note").fill("two\nlines");
    await page.getByRole("button", { name: "Start the run" }).click();
    // What only the server can say stands at its field, and nothing that was typed is lost.
    await page
      .locator(".field", { has: page.getByLabel("customer") })
      .locator(".field-error")
      .waitFor();
    await page.getByLabel("customer").fill("Cleo");
    await page.keyboard.press("Control+Enter");
    await page.waitForURL("**/runs/*");
    const run = await scene.reaches(idIn(page.url()), "success");
    const given = { customer: "Cleo", amount: 40, express: true, size: "large", note: "two\nlines", tags: ["new"] };
    expect(run.parts[0]?.given?.input).toEqual(given);
    await page.getByRole("status").getByText("success").waitFor();
    await page.getByRole("link", { name: "Start another" }).click();
    await until("what was given is there", async () => (await page.getByLabel("customer").inputValue()) === "Cleo");
    await page.getByRole("button", { name: "Write it as JSON" }).click();
    const json = page.getByLabel("Input as JSON");
    expect(JSON.parse(await json.inputValue())).toEqual(given);
    await json.fill("{");
    await page.getByText("is no JSON").waitFor();
    await json.fill(JSON.stringify({ ...given, customer: "Dan" }));
    await page.getByRole("button", { name: "Start the run" }).click();
    await page.waitForURL("**/runs/*");
    const second = await scene.reaches(idIn(page.url()), "success");
    expect(second.parts[0]?.given?.input).toEqual({ ...given, customer: "Dan" });
    expect(faults).toEqual([]);
    await context.close();
  });

  it("goes on by itself when the server is gone for a while", async () => {
    const letGo = hold("b");
    const { run_id } = await scene.start("steps", {});
    await scene.reaches(run_id, "running");
    const { page, context } = await scene.browser.open(`/runs/${run_id}`);
    await page.getByText("live", { exact: true }).waitFor();
    await scene.hangUp();
    await page.getByText("connecting again …").waitFor();
    await scene.listenAgain();
    await page.getByText("live", { exact: true }).waitFor();
    letGo();
    await page.getByRole("status").getByText("success").waitFor();
    await page.getByRole("button", { name: /^c ?, node, success/ }).waitFor();
    await context.close();
  });
});
