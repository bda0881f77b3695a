import type { Page } from "playwright-core";

const LIMIT_MS = 20_000;

// The policy of the page lets nobody evaluate later on, so whatever looks again and again is one promise.
const WATCH = `(() => {
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  // A frame's callback runs before the paint; a message sent from it is delivered after.
  const afterPaint = (then) => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = then;
    port2.postMessage(null);
  });
  const bench = { durationsMs: [], pending: 0, lastInputAt: 0, firstRowMs: 0 };
  bench.until = async (condition) => {
    const deadline = performance.now() + ${LIMIT_MS};
    while (!condition()) {
      if (performance.now() > deadline) throw new Error("waited ${LIMIT_MS} ms in vain: " + condition);
      await frame();
    }
    return performance.now();
  };
  for (const type of ["keydown", "click"]) {
    addEventListener(type, ({ timeStamp, key }) => {
      if (key === "Control" || key === "Meta") return;
      bench.lastInputAt = timeStamp;
      bench.pending += 1;
      afterPaint(() => {
        bench.durationsMs.push(performance.now() - timeStamp);
        bench.pending -= 1;
      });
    }, true);
  }
  // The frame that shows the first row, counted from the navigation.
  bench.until(() => document.querySelector(".row") !== null).then(() => afterPaint(() => {
    bench.firstRowMs = performance.now();
  }));
  // The review of the address is the marked one in the list, and it is there as a whole.
  bench.isOpened = () => {
    const current = document.querySelector('.row-link[aria-current="true"]');
    const title = document.querySelector(".review-head h1, .review-head h2");
    return current?.getAttribute("href") === location.pathname &&
      title?.textContent === current.querySelector(".row-title")?.textContent;
  };
  window.bench = bench;
})();`;

/** Makes a page measure itself from its next navigation on. */
export async function watchPage(page: Page): Promise<void> {
  await page.addInitScript(WATCH);
}

/** When a page has painted anything, and when the first row of the list, in milliseconds since the navigation. */
export async function readPaints(page: Page): Promise<{ firstPaintMs: number; firstRowMs: number }> {
  return await page.evaluate(`(async () => {
    await bench.until(() => bench.firstRowMs > 0);
    const [first] = performance.getEntriesByName("first-contentful-paint");
    return { firstPaintMs: first.startTime, firstRowMs: bench.firstRowMs };
  })()`);
}

/** From the last key or click until the review that it opens is there. */
export async function readOpened(page: Page): Promise<number> {
  return await page.evaluate<number>("bench.until(bench.isOpened).then((at) => at - bench.lastInputAt)");
}

/** From each key and click, when the browser took it, until what it changed was painted. */
export async function readInteractions(page: Page): Promise<number[]> {
  return await page.evaluate<number[]>("bench.until(() => bench.pending === 0).then(() => bench.durationsMs)");
}
