import { expect, test } from "vitest";
import { withinTime } from "../../src/kit/time-limit.ts";
import { testClock, withTestPorts } from "../../src/testing.ts";

test("what sleeps is woken in the order of time, also when it goes to sleep again on the way", async () => {
  const clock = testClock({ now: "2026-03-01T00:00:00Z" });
  const start = clock.now();
  expect(new Date(start).toISOString()).toBe("2026-03-01T00:00:00.000Z");
  const woken: string[] = [];
  const sleeper = async (name: string, ...spans: number[]) => {
    for (const ms of spans) {
      await clock.sleep(ms);
      woken.push(`${name} ${clock.now() - start}`);
    }
  };
  const all = Promise.all([sleeper("a", 30, 30), sleeper("b", 10, 10, 10), sleeper("c", 0), sleeper("d", 1_000)]);
  await clock.untilSleeping(4);
  await clock.advance(59);
  expect(woken).toEqual(["c 0", "b 10", "b 20", "a 30", "b 30"]);
  expect([clock.now() - start, clock.sleeping]).toEqual([59, 2]);
  await clock.advance(1);
  expect(woken.at(-1)).toBe("a 60");
  await clock.advance(10_000);
  await all;
  expect(woken.at(-1)).toBe("d 1000");
});

test("a sleep that is called off ends with its reason, and is not counted any more", async () => {
  const clock = testClock();
  const stop = new AbortController();
  const sleeping = clock.sleep(1_000, stop.signal);
  expect(clock.sleeping).toBe(1);
  stop.abort(new Error("stopped by hand"));
  await expect(sleeping).rejects.toThrow("stopped by hand");
  expect(clock.sleeping).toBe(0);
  await expect(clock.sleep(5, stop.signal)).rejects.toThrow("stopped by hand");
});

test("a limit is over when its time is, and only then", async () => {
  const clock = testClock();
  const hang = () => withTestPorts({ clock }, () => withinTime(5_000, undefined, () => new Promise(() => {})));
  const over = hang().catch((error: Error) => error.name);
  const state = () => Promise.race([over, Promise.resolve("runs")]);
  await clock.advance(4_999);
  expect(await state()).toBe("runs");
  await clock.advance(1);
  expect(await over).toBe("TimeoutError");
});

test("waits are skipped in order, and limits are not", async () => {
  const clock = testClock({ waits: "skipped" });
  const woken: string[] = [];
  const sleep = async (name: string, ms: number) => {
    await clock.sleep(ms);
    woken.push(name);
  };
  await withTestPorts({ clock }, () =>
    withinTime(60_000, undefined, () =>
      Promise.all([sleep("later", 9_000_000), sleep("soon", 5), sleep("between", 70_000)]),
    ),
  );
  expect(woken).toEqual(["soon", "between", "later"]);
  const hang = withTestPorts({ clock }, () => withinTime(20, undefined, () => new Promise(() => {})));
  await expect(hang).rejects.toThrow(/within 20 ms/);
});

test.each([Number.NaN, -1, Number.POSITIVE_INFINITY])("it cannot be moved by %d", async (ms) => {
  await expect(testClock().advance(ms)).rejects.toThrow(/goes nowhere/);
});

test("a time that is none is refused, and so is one who never rests", async () => {
  expect(() => testClock({ now: "soon" })).toThrow(/"?soon"?, which is no time/);
  const clock = testClock();
  let isOver = false;
  const restless = (async () => {
    while (!isOver) await clock.sleep(0);
  })();
  await expect(clock.advance(1)).rejects.toThrow(/has gone to sleep 1000 times/);
  isOver = true;
  await clock.advance(1);
  await restless;
});
