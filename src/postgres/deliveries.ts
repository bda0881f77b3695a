import type { DeliveryOutcome } from "../policy/delivery.ts";
import type { Delivery, DeliveryAttempt, WebhookAnswer } from "../protocol/delivery.ts";
import { runAudit } from "./audit.ts";
import type { Database } from "./database.ts";
import {
  endAttempt,
  listAttempts,
  listDeliveries,
  replayDelivery,
  selectDelivery,
  settleDelivery,
  type TakenDelivery,
} from "./deliveries.sql.ts";

// Three days have few attempts; a delivery that is replayed for years has many, and the last ones tell it all.
const ATTEMPTS_SHOWN = 100;

/** Writes down what came of an attempt and what is next, together. */
export async function settleAttempt(
  database: Database,
  delivery: TakenDelivery,
  answer: WebhookAnswer,
  outcome: DeliveryOutcome,
): Promise<void> {
  const { tenant_id, delivery_id, attempt } = delivery;
  await database.transaction(async (tx) => {
    await tx.finish([endAttempt(tenant_id, delivery_id, attempt, answer), settleDelivery(delivery, outcome)]);
  });
}

/** Deliveries by filter, newest first, and how many there are. */
export async function readDeliveries(
  database: Database,
  tenant_id: string,
  filter: Parameters<typeof listDeliveries>[1],
): Promise<{ deliveries: Delivery[]; total: number }> {
  const rows = await database.many(listDeliveries(tenant_id, filter));
  return { deliveries: rows.map(({ total: _total, ...delivery }) => delivery), total: rows[0]?.total ?? 0 };
}

/** One delivery and its last attempts, the newest first. */
export async function readDelivery(
  database: Database,
  tenant_id: string,
  delivery_id: string,
): Promise<(Delivery & { history: DeliveryAttempt[] }) | undefined> {
  const delivery = await database.maybeOne(selectDelivery(tenant_id, delivery_id));
  if (delivery === undefined) return undefined;
  return { ...delivery, history: await database.many(listAttempts(tenant_id, delivery_id, ATTEMPTS_SHOWN)) };
}

/** Sends a delivery again, in somebody's name; false when there is none. Locks: the delivery, audit. */
export async function replay(
  database: Database,
  { tenant_id, delivery_id, principal_id }: { tenant_id: string; delivery_id: string; principal_id: string },
): Promise<boolean> {
  return await database.transaction(async (tx) => {
    const run = await tx.maybeOne(replayDelivery(tenant_id, delivery_id));
    if (run === undefined) return false;
    await tx.finish([runAudit({ tenant_id, ...run }, "delivery.replayed", principal_id, { delivery_id })]);
    return true;
  });
}
