import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { reapLeases } from "../../src/postgres/claim.ts";
import { resetKnobs } from "../fixtures/workflows/lib/knobs.ts";
import { type House, openHouse } from "../support/house.ts";
import { violations } from "../support/invariants.ts";

/** The house that the tests of one file share. */
export let house: House;

/** Opens it for the tests of the file that calls it, and looks at the invariants after each of them. */
export function openScene(): void {
  beforeAll(async () => {
    house = await openHouse();
  });
  beforeEach(resetKnobs);
  afterEach(async () => expect(await violations(house.database)).toEqual([]));
  afterAll(() => house.close());
}

/** The same for leases that run out: since when a backend is silent is known by the real clock, so each test begins at it. */
export function openLeaseScene(): void {
  openScene();
  beforeEach(async () => void (await house.database.pool.query("update holdpoint.clock set shift = '0'")));
}

/** An hour passes, and every lease with it; what the reaper then did. */
export async function leasesRunOut() {
  await house.pass(3600);
  return await reapLeases(house.database);
}

/** A run that has gone as far as it goes by itself. */
export async function started(graph_id: string, amount = 5) {
  const run = await house.start(graph_id, { input: { amount } });
  await house.settle();
  return run;
}

/** The thread's values. */
export const valuesOf = async (thread_id: string) => JSON.parse((await house.thread(thread_id)).values ?? "null");
/** What the nodes of the thread have written down. */
export const logOf = async (thread_id: string): Promise<string[]> => (await valuesOf(thread_id)).log;
