import { randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { type AllowList, parseAllowList } from "../../src/policy/private-address.ts";
import { dueDeliveries } from "../../src/postgres/deliveries.sql.ts";
import { readDeliveries, readDelivery } from "../../src/postgres/deliveries.ts";
import type { RunRow } from "../../src/postgres/runs.sql.ts";
import type { Delivery } from "../../src/protocol/delivery.ts";
import { createDeliverer, type WebhookSettings } from "../../src/runtime/deliver.ts";
import { resetKnobs } from "../fixtures/workflows/lib/knobs.ts";
import { type House, openHouse } from "../support/house.ts";
import { violations } from "../support/invariants.ts";
import { openReceiver, type Received, type Receiver } from "../support/receiver.ts";

/** What the webhooks are signed with. */
export const secrets = [24, 32].map((length) => `whsec_${randomBytes(length).toString("base64")}`);
const allow = parseAllowList(["127.0.0.1"]) as AllowList;
/** How they are sent. */
export const settings: WebhookSettings = { secrets, allow, timeoutMs: 30_000 };

/** The house that the tests of one file share. */
export let house: House;
/** What its webhooks are sent to. */
export let receiver: Receiver;

/** Opens both for the tests of the file that calls it, and looks at the invariants after each of them. */
export function openDeliveryScene(): void {
  beforeAll(async () => {
    house = await openHouse();
    receiver = await openReceiver();
  });
  beforeEach(resetKnobs);
  afterEach(async () => expect(await violations(house.database)).toEqual([]));
  afterAll(async () => {
    await receiver.close();
    await house.close();
  });
}

/** A run that has gone as far as it goes by itself, and has a webhook at this path. */
export async function finished(path: string, graph_id = "steps"): Promise<RunRow> {
  const run = await house.start(graph_id, { input: { amount: 5 }, webhook: receiver.url(path) });
  await house.settle();
  return run;
}

/** What a run has to tell, in order. */
export async function deliveriesOf({ run_id }: Pick<RunRow, "run_id">): Promise<Delivery[]> {
  const filter = { status: null, run_id, thread_id: null, review_id: null, limit: 10, offset: 0 };
  return (await readDeliveries(house.database, "default", filter)).deliveries.reverse();
}

/** The only thing a run has to tell, with its attempts. */
export async function theDelivery(run: Pick<RunRow, "run_id">) {
  const [delivery, ...others] = await deliveriesOf(run);
  expect(others).toEqual([]);
  return (await readDelivery(house.database, "default", delivery?.delivery_id ?? "")) as NonNullable<
    Awaited<ReturnType<typeof readDelivery>>
  >;
}

/** Sends what is due of a run, as the dispatcher would. */
export async function send(run: Pick<RunRow, "run_id">, changed: Partial<WebhookSettings> = {}): Promise<void> {
  const deliver = createDeliverer(house.parts, { ...settings, ...changed });
  const due = await house.database.many(dueDeliveries("webhook", 1_000));
  const own = (await deliveriesOf(run)).map(({ delivery_id }) => delivery_id);
  for (const errand of due.filter(({ id }) => own.includes(id))) await deliver(errand, new AbortController().signal);
}

/** What a path got last. */
export const received = (path: string): Received => receiver.at(path).at(-1) as Received;
