// npm run screenshots: makes docs/screens anew, from a real server with a past that is always the same.
import { mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { buildConsole, findBrowser, launchBrowser, NO_BROWSER } from "../bench/browser.ts";
import { exampleOf, type Message, NOW, openScene, type Scene, type Told } from "./screenshot-scene.ts";
import { smallerPng } from "./smaller-png.ts";

const FOLDER = fileURLToPath(new URL("../docs/screens", import.meta.url));
const DESKTOP = { width: 1280, height: 720 };
const PHONE = { width: 390, height: 844 };
const LARGE_BYTES = 150_000;
const CALM_FRAMES = 30;
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** One picture: where to go, and what to do there before it is taken. */
interface Shot {
  name: string;
  path: string;
  isDark?: boolean;
  isPhone?: boolean;
  /** Waits for what has to be seen, after doing what leads there. */
  prepare(page: Page): Promise<void>;
}

function say(line: string): void {
  console.error(`screenshots: ${line}`);
}

async function take({ url, setClock, nameWorker }: Scene, on: Browser, shot: Shot): Promise<void> {
  const context = await on.newContext({
    viewport: shot.isPhone === true ? PHONE : DESKTOP,
    hasTouch: shot.isPhone === true,
    colorScheme: shot.isDark === true ? "dark" : "light",
    reducedMotion: "reduce",
    locale: "en-US",
    timezoneId: "UTC",
  });
  await setClock(1);
  await nameWorker();
  const page = await context.newPage();
  await page.clock.setFixedTime(NOW);
  await page.goto(url + shot.path);
  try {
    await shot.prepare(page);
    await settle(page);
  } catch (error) {
    const seen = join(tmpdir(), `holdpoint-${shot.name}-failed.png`);
    await page.screenshot({ path: seen });
    throw new Error(`${shot.name} does not show what it has to; ${seen} is what it shows`, { cause: error });
  }
  const png = smallerPng(await page.screenshot({ animations: "disabled" }));
  await writeFile(join(FOLDER, `${shot.name}.png`), png);
  const isLarge = png.length > LARGE_BYTES;
  say(`${shot.name}.png, ${Math.round(png.length / 1000)} kB${isLarge ? ": larger than it should be" : ""}`);
  await context.close();
}

/** Nothing is on its way any more, and the pointer is out of the picture. */
async function settle(page: Page): Promise<void> {
  await page.mouse.move(0, 0);
  await page.evaluate(`new Promise((resolve) => {
    let calm = 0;
    const look = () => {
      calm = /Loading .* …/.test(document.body.innerText) ? 0 : calm + 1;
      if (calm < ${CALM_FRAMES}) requestAnimationFrame(look);
      else resolve();
    };
    look();
  })`);
}

interface Past {
  /** Waits for a person, and is looked at. */
  damaged: Told;
  /** Waits for a person, and is being decided by two. */
  contested: Told;
  /** Was approved with a change, after some hours. */
  changed: Told;
}

const asksFor = (email: string, message: string): Message => ({ email, message });

/** Customers write, and most of them are answered. */
async function live(scene: Scene): Promise<Past> {
  const { tell, decide } = scene;
  const pending = async (secondsBefore: number, message: Message) => {
    const told = await tell(secondsBefore, message);
    if (told.asked === undefined) throw new Error(`nobody is asked about ${message.message}`);
    return { ...told, asked: told.asked };
  };
  await tell(2 * DAY + 22 * HOUR, await exampleOf("small"));
  const early = await pending(2 * DAY + 21.5 * HOUR, await exampleOf("partial"));
  const late = await pending(
    2 * DAY + 20 * HOUR,
    asksFor("vstevens@yahoo.com", "Invoice 201 has the wrong album on it. Please refund $18.86."),
  );
  await decide(2 * DAY + 19 * HOUR, "Ana", early.asked, { decision: { type: "approve" }, comment: "Heard it myself." });
  await decide(2 * DAY + 3 * HOUR, "Ben", late.asked, {
    decision: { type: "reject", message: "The album is the one that was ordered." },
  });
  await tell(2 * DAY + 2 * HOUR, await exampleOf("not-theirs"));
  await pending(2 * DAY + HOUR, asksFor("hholy@gmail.com", "Half of invoice 404 is broken. Please refund $20.00."));
  await pending(1 * DAY + 7 * HOUR, await exampleOf("ambiguous"));
  const changed = await pending(
    1 * DAY + 5 * HOUR,
    asksFor("luisrojas@yahoo.cl", "Since the last update most of invoice 88 does not play. Please refund $17.91."),
  );
  await decide(1 * DAY + 2.4 * HOUR, "Ana", changed.asked, {
    decision: { type: "edit", args: { ...changed.asked.actions[0]?.args, amount: 12.5 } },
    comment: "Two of the tracks do play.",
  });
  await tell(1 * DAY + 2 * HOUR, await exampleOf("unknown-customer"));
  const contested = await pending(
    6 * HOUR,
    asksFor("isabelle_mercier@apple.fr", "I was charged twice for invoice 313. Please refund $16.86."),
  );
  await pending(3 * HOUR, asksFor("frantisekw@jetbrains.com", "Invoice 306 never arrived, I want my money back."));
  await tell(2 * HOUR, await exampleOf("too-much"));
  const damaged = await pending(12 * MINUTE, await exampleOf("large"));
  await pending(
    2 * MINUTE,
    asksFor("bjorn.hansen@yahoo.no", "Please refund invoice 208, half of the songs are corrupt."),
  );
  return { damaged, contested, changed };
}

const firstVisit: Shot = {
  name: "first-visit",
  path: "/runs",
  prepare: async (page) => await page.getByRole("button", { name: "Run the example" }).waitFor(),
};

/** In this order: the last ones change what the first ones show. */
function shotsOf(scene: Scene, { damaged, contested, changed }: Past): Shot[] {
  const review = `/reviews/${damaged.asked?.id}`;
  const isShown = async (page: Page) => {
    await page.getByText("If you approve:").waitFor();
    await page.locator(".live.live").waitFor({ state: "attached" });
  };
  const edits = async (page: Page) => {
    await isShown(page);
    await page.getByRole("button", { name: "Edit" }).click();
    await page.getByLabel("amount", { exact: true }).fill("10.5");
    await page.locator("ins", { hasText: "10.5" }).first().waitFor();
  };
  const tab = (name: string, selector: string) => async (page: Page) => {
    await page.getByRole("tab", { name, selected: true }).waitFor();
    await page.locator(selector).first().waitFor();
  };
  const run = `/runs/${changed.run_id}`;
  return [
    { name: "inbox", path: review, prepare: isShown },
    { name: "inbox-dark", path: review, isDark: true, prepare: isShown },
    { name: "review-edit", path: review, prepare: edits },
    { name: "review-phone", path: review, isPhone: true, prepare: isShown },
    { name: "runs", path: "/runs", prepare: async (page) => await page.getByText("waiting").first().waitFor() },
    { name: "run-timeline", path: run, prepare: tab("Timeline", "#run-panel") },
    {
      name: "run-graph",
      path: `/runs/${damaged.run_id}?tab=graph`,
      prepare: tab("Graph", ".flow-node.state-waiting"),
    },
    {
      name: "run-steps",
      path: `${run}?tab=steps`,
      async prepare(page) {
        await page.getByRole("button", { name: /review$/ }).click();
        await page.getByText("The whole state").waitFor();
      },
    },
    {
      name: "start",
      path: "/start/refund-approval",
      async prepare(page) {
        await page.getByRole("button", { name: /^Hello, I was charged/ }).click();
        await page.getByLabel("email").and(page.locator('[value^="johngordon"]')).waitFor();
      },
    },
    { name: "health", path: "/health", prepare: async (page) => await page.getByText("shop-1").first().waitFor() },
    {
      name: "decided-by-somebody-else",
      path: `/reviews/${contested.asked?.id}`,
      async prepare(page) {
        await isShown(page);
        await page.getByRole("button", { name: "Reject…" }).click();
        await page.getByLabel("Told to the graph").fill("It was charged once: the second is another order.");
        if (contested.asked === undefined) throw new Error("there is nothing to decide");
        await scene.decide(2, "Ana", contested.asked, { decision: { type: "approve" } });
        await page.getByText(/Ana approved/i).waitFor();
        await page.getByText(/chinook\.refund: done/).waitFor();
      },
    },
  ];
}

async function main(program: string): Promise<void> {
  await mkdir(FOLDER, { recursive: true });
  say("building the console …");
  await buildConsole();
  const browser = await launchBrowser(program, true);
  try {
    say("starting a server in a temporary folder …");
    const scene = await openScene();
    try {
      await take(scene, browser, firstVisit);
      say("living through three days …");
      const past = await live(scene);
      for (const shot of shotsOf(scene, past)) await take(scene, browser, shot);
    } finally {
      await scene.close();
    }
  } finally {
    await browser.close();
  }
  say(`done: ${FOLDER}`);
}

// Ctrl-C reaches the server too; what is asked of it then fails, and everything is cleaned up on the way out.
process.on("SIGINT", () => say("stopping …"));
const program = findBrowser();
if (program === undefined) {
  say(NO_BROWSER);
  process.exitCode = 1;
} else {
  try {
    await main(program);
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
  }
}
