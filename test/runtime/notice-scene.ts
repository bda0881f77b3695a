import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { type AllowList, parseAllowList } from "../../src/policy/private-address.ts";
import { auditReview } from "../../src/postgres/audit.ts";
import { claimCandidates } from "../../src/postgres/claim.sql.ts";
import { dueDeliveries } from "../../src/postgres/deliveries.sql.ts";
import { readDeliveries, readDelivery } from "../../src/postgres/deliveries.ts";
import { reviewForUpdate } from "../../src/postgres/reviews.sql.ts";
import type { Delivery, DeliveryChannel } from "../../src/protocol/delivery.ts";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { DEFAULT_REVIEW_POLICY, type ReviewPolicy } from "../../src/protocol/review-policy.ts";
import { createDeliverer, type DeliverySettings } from "../../src/runtime/deliver.ts";
import type { Worker } from "../../src/runtime/worker.ts";
import { resetKnobs } from "../fixtures/workflows/lib/knobs.ts";
import { type House, openHouse } from "../support/house.ts";
import { violations } from "../support/invariants.ts";
import { type MailReceiver, openMailReceiver } from "../support/mail-receiver.ts";
import { openReceiver, type Receiver } from "../support/receiver.ts";
import { theOpen } from "../support/reviewer.ts";

/** The house that the tests of one file share, what its webhooks are sent to, and its mails. */
export let house: House;
export let receiver: Receiver;
export let post: MailReceiver;
let worker: Worker;
let policy = DEFAULT_REVIEW_POLICY;
/** Where links lead. */
export const PUBLIC_URL = "https://holdpoint.example.com";

/** Opens them for the tests of the file that calls it, and looks at the invariants after each of them. */
export function openNoticeScene(): void {
  beforeAll(async () => {
    house = await openHouse();
    reminding = undefined;
    house.parts.policyOf = () => policy;
    // Made after that: a worker keeps the parts it began with.
    worker = house.newWorker();
    receiver = await openReceiver();
    post = await openMailReceiver();
  });
  beforeEach(() => {
    resetKnobs();
    post.behave({});
    post.mails.length = 0;
    tell({});
  });
  afterEach(async () => expect(await violations(house.database)).toEqual([]));
  afterAll(async () => {
    await receiver.close();
    await post.close();
    await house.close();
  });
}

/** Whom reviews that open from now on are told to, and what else their policy says. */
export function tell(notify: Partial<ReviewPolicy["notify"]>, changed: Partial<ReviewPolicy> = {}): void {
  policy = { ...DEFAULT_REVIEW_POLICY, ...changed, notify: { ...DEFAULT_REVIEW_POLICY.notify, ...notify } };
}

/** Ticks until nothing is due any more. */
export async function settle(): Promise<void> {
  const graph_ids = [...house.graphs.graphs.keys()];
  const noLimits = graph_ids.map(() => null);
  const due = async () => (await house.database.many(claimCandidates(graph_ids, noLimits, [], 1))).length > 0;
  // Bound: a thread's queue only gets shorter here.
  while (await due()) await worker.tick();
}

/** A review that waits. */
export async function opened(graph_id = "guarded-payment", input: Record<string, unknown> = { amount: 5 }) {
  const run = await house.start(graph_id, { input });
  await settle();
  return await theOpen(house, run.thread_id);
}

/** Adds a link of this kind, as whatever makes it happen does. */
export async function link(
  { id }: Pick<ReviewTask, "id">,
  kind: string,
  body: Record<string, unknown> = {},
): Promise<void> {
  await house.database.transaction(async (tx) => {
    const review = await tx.one(reviewForUpdate("default", id));
    await auditReview(tx, review, { kind, principal_id: "user:ana", at: new Date().toISOString(), body });
  });
}

let reminding: Pick<ReviewTask, "id"> | undefined;

/** A mail that waits to be sent to this address: the same review, once more. */
export async function reminder(address = "ana@example.com"): Promise<string> {
  reminding ??= await opened();
  const policy = JSON.stringify({ ...DEFAULT_REVIEW_POLICY, notify: { webhooks: [], mail: [address] } });
  await house.database.pool.query("update holdpoint.review set policy = $2 where id = $1", [reminding.id, policy]);
  const before = new Set((await noticesOf(reminding)).map(({ delivery_id }) => delivery_id));
  await link(reminding, "reminded");
  const [made] = (await noticesOf(reminding)).filter(({ delivery_id }) => !before.has(delivery_id));
  return made?.delivery_id ?? "";
}

/** One delivery and its attempts. */
export async function delivery(id: string) {
  return (await readDelivery(house.database, "default", id)) as NonNullable<Awaited<ReturnType<typeof readDelivery>>>;
}

/** Sends one, if it is due. */
export async function deliver(
  id: string,
  changed: Partial<DeliverySettings> = {},
  signal = new AbortController().signal,
) {
  await createDeliverer(house.parts, settings(changed))({ tenant_id: "default", id }, signal);
}

/** How everything is delivered here. */
export function settings(changed: Partial<DeliverySettings> = {}): DeliverySettings {
  return {
    secrets: [],
    allow: parseAllowList(["127.0.0.1"]) as AllowList,
    timeoutMs: 30_000,
    mail: { server: post.server, from: { name: "Holdpoint", address: "holdpoint@example.com" }, timeoutMs: 30_000 },
    publicUrl: () => PUBLIC_URL,
    ...changed,
  };
}

/** What there is to tell of a review, in order. */
export async function noticesOf({ id }: Pick<ReviewTask, "id">): Promise<Delivery[]> {
  const filter = { status: null, run_id: null, thread_id: null, review_id: id, limit: 100, offset: 0 };
  return (await readDeliveries(house.database, "default", filter)).deliveries.reverse();
}

/** The only thing there is to tell of a review, with its attempts. */
export async function theNotice(review: Pick<ReviewTask, "id">) {
  const [only, ...others] = await noticesOf(review);
  expect(others).toEqual([]);
  return await delivery(only?.delivery_id ?? "");
}

/** Sends what is due of a review, as the dispatcher would. */
export async function send(review: Pick<ReviewTask, "id">, changed: Partial<DeliverySettings> = {}): Promise<void> {
  const own = new Set((await noticesOf(review)).map(({ delivery_id }) => delivery_id));
  for (const channel of ["webhook", "mail"] satisfies DeliveryChannel[]) {
    for (const errand of await house.database.many(dueDeliveries(channel, 1_000))) {
      if (own.has(errand.id)) await deliver(errand.id, changed);
    }
  }
}
