import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { registerAssistants } from "../../src/postgres/assistants.ts";
import { dueCrons } from "../../src/postgres/crons.sql.ts";
import { type CreateCron, createCron, readCron } from "../../src/postgres/crons.ts";
import type { RunRow } from "../../src/postgres/runs.sql.ts";
import { assistantIdOf } from "../../src/protocol/assistant.ts";
import type { Cron } from "../../src/protocol/cron.ts";
import { createCronFirer } from "../../src/runtime/cron.ts";
import { resetKnobs } from "../fixtures/workflows/lib/knobs.ts";
import { type House, openHouse } from "../support/house.ts";
import { violations } from "../support/invariants.ts";

/** The house that the tests of one file share. */
export let house: House;

/** Opens it for the tests of the file that calls it, sets its clock before each of them, and looks at the invariants after. */
export function openCronScene(): void {
  beforeAll(async () => {
    house = await openHouse();
    await registerAssistants(house.database, house.graphs.graphs.values());
  });
  beforeEach(async () => {
    resetKnobs();
    await setClock("2026-03-02T08:30:00Z");
  });
  afterEach(async () => {
    await house.settle();
    await house.database.pool.query("delete from holdpoint.cron");
    expect(await violations(house.database)).toEqual([]);
  });
  afterAll(() => house.close());
}

/** Sets the database's clock, to within the few milliseconds that a test takes to go on. */
export async function setClock(at: string): Promise<void> {
  await house.database.pool.query("update holdpoint.clock set shift = $1::timestamptz - clock_timestamp()", [at]);
}

/** Makes a cron, at nine every morning unless said otherwise. */
export async function cronOf(changed: Partial<CreateCron> & { graph?: string } = {}): Promise<Cron> {
  const { graph = "steps", ...given } = changed;
  return await createCron(house.database, {
    tenant_id: "default",
    principal_id: "user:ana",
    assistant_id: assistantIdOf(graph),
    thread_id: null,
    schedule: "0 9 * * *",
    timezone: "UTC",
    end_time: null,
    enabled: true,
    on_run_completed: "keep",
    payload: { input: { amount: 5 } },
    metadata: {},
    ...given,
  });
}

/** The graphs that are loaded. */
export const graphIds = () => [...house.graphs.graphs.keys()];

/** What a dispatcher does: finds what is due, and carries it out. Gives how many there were. */
export async function fire(): Promise<number> {
  const due = await house.database.many(dueCrons(graphIds(), 100));
  for (const errand of due) await createCronFirer(house.parts)(errand, new AbortController().signal);
  return due.length;
}

/** The runs of a cron, in order. */
export async function runsOf({ cron_id }: Cron): Promise<RunRow[]> {
  const text = "select * from holdpoint.run where metadata ->> 'cron_id' = $1 order by queue_seq";
  return (await house.database.pool.query<RunRow>(text, [cron_id])).rows;
}

/** The cron as it stands now. */
export const read = ({ cron_id }: Cron) => readCron(house.database, "default", cron_id);
