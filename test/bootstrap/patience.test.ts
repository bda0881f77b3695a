import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { createPatience } from "../../src/compose/patience.ts";
import { httpDeps } from "../../src/compose/serve.ts";
import { readConfig } from "../../src/config.ts";
import { migrate } from "../../src/postgres/migrate.ts";
import { type House, openHouse } from "../support/house.ts";

const NOBODY = "postgresql://me:sesame@127.0.0.1:1/gone";

/** Takes a step that asks another address each time; what came of it, how often it was taken, and what was said. */
async function take(urls: readonly string[], waitMs: number, signal = new AbortController().signal) {
  const lines: string[] = [];
  let taken = 0;
  const patient = createPatience({ url: NOBODY, progress: (line) => void lines.push(line), signal, waitMs });
  const step = () => migrate({ url: urls[taken++] ?? (urls.at(-1) as string), dryRun: true });
  const result = await patient(step).then(
    () => "done",
    (error: Error) => error.message,
  );
  return { result, taken, lines };
}

describe("a start", () => {
  const there = () => inject("postgresUrl");

  test("goes on when Postgres has come, and says once what it waits for, without the password", async () => {
    const { result, taken, lines } = await take([NOBODY, NOBODY, there()], 60_000);
    expect({ result, taken }).toEqual({ result: "done", taken: 3 });
    expect(lines).toEqual([
      expect.stringMatching(
        /^the database at postgresql:\/\/me@127\.0\.0\.1:1\/gone does not answer yet \(.*ECONNREFUSED.*60 s at most$/,
      ),
      "the database answers",
    ]);
  });

  test("waits for a while and not for ever", async () => {
    const { result, taken } = await take([NOBODY], 1);
    expect(result).toMatch(/^cannot connect to .* Check DATABASE_URL$/);
    expect(taken).toBe(2);
  });

  test.each([
    ["a host that does not resolve", () => "postgresql://me@nowhere.invalid/gone"],
    ["a database that there is not", () => there().replace(/\/[^/?]+(\?|$)/, "/missing$1")],
    ["a role that there is not", () => there().replace("//holdpoint@", "//stranger@")],
  ])("waits not for %s", async (_what, url) => {
    const { result, taken, lines } = await take([url()], 60_000);
    expect(result).toMatch(/^cannot connect to .* Check DATABASE_URL$/);
    expect({ taken, lines }).toEqual({ taken: 1, lines: [] });
  });

  test("is ended in the middle of its waiting", async () => {
    const stop = new AbortController();
    const taking = take([NOBODY], 60_000, stop.signal);
    stop.abort();
    expect((await taking).result).toBe("The operation was aborted");
  });
});

describe("who asks whether a process is ready", () => {
  let house: House;
  beforeAll(async () => {
    house = await openHouse();
  });
  afterAll(() => house.close());

  test("is told not before its start is over", async () => {
    let isStarted = false;
    const { isReady } = httpDeps(readConfig({}, "."), house.parts, () => isStarted);
    expect(await isReady()).toEqual({ ready: false, reasons: ["it is still starting"] });
    isStarted = true;
    expect(await isReady()).toEqual({ ready: true, reasons: [] });
  });
});
