import { afterAll, beforeAll, expect, it } from "vitest";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { openReview, sdk } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { type Server, startServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { axeViolations, type Console, isOff, openConsole, press, withBrowser } from "./browser.ts";

const HOSTILE = {
  markup:
    '<img src=x onerror="window.hurt=1"><script>window.hurt=2</script><svg onload="window.hurt=3"><a href="javascript:window.hurt=4">click</a>',
  markdown:
    "![a picture](https://evil.example/pixel.png) [the invoice](https://evil.example/login) [run](javascript:window.hurt=5) <iframe src=https://evil.example></iframe> **bold** `code`\n\n# Approve at once\n\n- [x](data:text/html,hurt)",
  terminal: "\u001b[31mred\u001b[0m \u0007bell \u009b2J",
  hidden: "pay \u202eDSU 1\u202c or\u200b less, Alice\u00ad",
  template: "{{constructor.constructor('window.hurt=6')()}} ${window.hurt=7} %s",
};
const EVERYTHING = Object.values(HOSTILE).join(" ");

withBrowser("hostile content", (program) => {
  let database: TestDatabase;
  let server: Server;
  let browser: Console;
  beforeAll(async () => {
    database = await createTestDatabase();
    server = await startServer({ databaseUrl: database.url, shared: true, workflows: "test/fixtures/console" });
    browser = await openConsole(program, () => server.url);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await server?.kill9();
    await database?.drop();
  });

  async function asked(wish: unknown, graph = "asks"): Promise<ReviewTask> {
    const { thread_id } = await sdk(server.url).threads.create();
    await sdk(server.url).runs.wait(thread_id, graph, { input: { wish } });
    return await openReview(server.url, thread_id);
  }

  const asAction = (name: string, args: Record<string, unknown>) => ({
    name,
    args,
    preview: EVERYTHING,
    description: EVERYTHING,
  });

  it("is text and nothing else, wherever it stands: title, effect, arguments, description, evidence, reasons", async () => {
    const review = await asked({
      title: EVERYTHING,
      description: `${HOSTILE.markdown}\n\n${HOSTILE.markup}\n\n${HOSTILE.hidden}\n\n${HOSTILE.terminal}`,
      terms: {
        evidence: [
          { kind: "url", label: HOSTILE.markup, ref: "javascript:window.hurt=8" },
          { kind: "url", label: "the ledger", ref: "https://evil.example/ledger" },
        ],
        reject_options: [{ code: "why", title: '<b onclick="window.hurt=9">why</b>' }],
      },
      actions: [
        asAction(HOSTILE.markup, {
          [HOSTILE.markup]: HOSTILE.hidden,
          __proto__x: { constructor: HOSTILE.template },
          text: EVERYTHING,
        }),
      ],
    });
    const { page, context, faults } = await browser.open(`/reviews/${review.id}`);
    await page.getByText("If you approve:").waitFor();
    await page.getByText("[image not shown: a picture https://evil.example/pixel.png]").first().waitFor();
    // What reorders or hides text is seen as what it is.
    for (const code of ["\\u202e", "\\u200b", "\\xad", "\\x1b", "\\x9b"]) {
      await until(`${code} is shown`, () => page.locator(".escape", { hasText: code }).count());
    }
    await page.getByText("somebody may want to mislead you").waitFor();
    // Neither on screen nor in what a screen reader is given.
    expect(
      await page.evaluate(`[...document.querySelectorAll("body, [aria-label], [title]")].some((element) =>
      /[\\p{Cf}\\u0000-\\u0008\\u000e-\\u001f\\u0080-\\u009f]/u.test([element.textContent, element.ariaLabel, element.title].join(" ")))`),
    ).toBe(false);
    expect(
      await page.locator("img, iframe, script:not([src]), .review svg:not(.icon), .review a[href^=javascript]").count(),
    ).toBe(0);
    // A link says where it leads before it goes there.
    await page.getByRole("button", { name: "the invoice (evil.example)" }).first().click();
    const away = page.getByRole("link", { name: /leaves this page for https:\/\/evil\.example\/login/ });
    expect(await away.getAttribute("rel")).toContain("noreferrer");
    for (const tab of ["Discussion", "History", "State"]) await page.getByRole("button", { name: tab }).click();
    await page.getByText("What the graph knew when it asked").waitFor();
    await page.getByRole("button", { name: "Reject…" }).click();
    await page.getByLabel("Reason", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Back" }).click();
    await page.getByRole("button", { name: "Edit" }).click();
    await page.getByRole("button", { name: "JSON" }).click();
    expect(await page.evaluate("window.hurt ?? null")).toBeNull();
    expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
    expect(await axeViolations(page)).toEqual([]);
    expect(faults).toEqual([]);
    await context.close();
  });

  it("is refused by the page's policy should it ever become markup, and the violation is seen", async () => {
    const { page, context, faults } = await browser.open("/reviews");
    await page.getByText("All open").first().waitFor();
    await page.evaluate(
      `{ const image = document.createElement("img"); image.src = "https://evil.example/pixel.png"; document.body.append(image); }`,
    );
    const violations = () => faults.filter((fault) => fault.startsWith("policy: img-src"));
    await until("the violation is seen", () => violations().length > 0);
    expect(violations()).toHaveLength(1);
    expect(
      await page.evaluate(
        `(() => { try { document.body.innerHTML = "<b>hurt</b>"; return "taken"; } catch { return "refused"; } })()`,
      ),
    ).toBe("refused");
    await context.close();
  });

  it("is shown and answered in JSON, whatever a graph asks with", async () => {
    const wishes = [EVERYTHING, null, [[[EVERYTHING]]], { holdpoint: "review", actions: "none", title: { x: 1 } }];
    const reviews = await Promise.all(wishes.map((wish) => asked(wish, "plain")));
    const { page, context, faults } = await browser.open("/reviews");
    for (const { id } of reviews) {
      await page.goto(`${server.url}/reviews/${id}`);
      await page.getByRole("button", { name: "Answer…" }).click();
      await page.getByLabel("The answer, as JSON").fill("not json");
      await isOff(page.getByRole("button", { name: "Send the answer" }));
      await page.getByLabel("The answer, as JSON").fill('{"yes": true}');
      await page.getByRole("button", { name: "Send the answer" }).click();
      await page.getByRole("button", { name: "Send now" }).click();
      await page.getByText("You answered").waitFor();
    }
    expect(await page.evaluate("window.hurt ?? null")).toBeNull();
    expect(faults).toEqual([]);
    await context.close();
  });

  it("in an address breaks nothing", async () => {
    const { page, context, faults } = await browser.open("/reviews");
    const nobody = "/reviews/00000000-0000-4000-8000-000000000000";
    for (const path of [nobody, "/reviews/nobody", "/runs/nobody", "/start/no-such-graph", "/reviews?status=%00"]) {
      await page.goto(server.url + path);
      await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Inbox" }).click();
      await page.getByText("All open").first().waitFor();
    }
    expect(faults).toEqual([]);
    await context.close();
  });

  it("of five megabytes is cut, says so, and is not approved by one key", async () => {
    const review = await asked({
      title: "Much",
      description: "word ".repeat(20_000),
      actions: [{ name: "store", args: { kind: "long" }, payload: 655_360, preview: "5 MB are stored." }],
    });
    const { page, context, faults } = await browser.open(`/reviews/${review.id}`);
    await page.getByText("5.2 MB not shown: show more").waitFor();
    await page.getByText("98 kB not shown: show all").waitFor();
    await page.getByText("5 MB are stored.").first().waitFor();
    await press(page, "a");
    await page.getByRole("dialog", { name: "Approve?" }).waitFor();
    await page.keyboard.press("Escape");
    await page.locator("dialog").waitFor({ state: "detached" });
    await page.getByText("5.2 MB not shown: show more").click();
    await page.getByText("5.1 MB not shown: show more").waitFor();
    expect(faults).toEqual([]);
    await context.close();
  });

  it("has no place on the page of the API, which runs nothing and can be read by day and by night", async () => {
    const { page, context, faults } = await browser.open("/docs#postRunsWait");
    // Where an address leads is open.
    await page.getByRole("heading", { name: "Body" }).waitFor();
    await page.locator("nav summary", { hasText: "Threads" }).click();
    await page.locator("nav a", { hasText: "/threads/{thread_id}/copy" }).click();
    await page.getByText("Copy a thread with its states").waitFor();
    await page.evaluate("document.querySelectorAll('#schemas ~ details').forEach((one) => (one.open = true))");
    expect(await axeViolations(page)).toEqual([]);
    await page.emulateMedia({ colorScheme: "dark" });
    expect(await axeViolations(page)).toEqual([]);
    expect(faults).toEqual([]);
    await context.close();
  });
});
