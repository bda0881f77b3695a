import { failpoint } from "../failpoint.ts";
import { afterAttempt } from "../policy/delivery.ts";
import type { AllowList } from "../policy/private-address.ts";
import { signWebhook } from "../policy/webhook-signature.ts";
import type { Database } from "../postgres/database.ts";
import { type TakenDelivery, takeDelivery } from "../postgres/deliveries.sql.ts";
import { settleAttempt } from "../postgres/deliveries.ts";
import type { ErrandHandler } from "../postgres/jobs.ts";
import type { Log } from "../telemetry/log.ts";
import { webhookBody } from "./webhook-body.ts";
import { postWebhook, type WebhookRequest } from "./webhook-request.ts";

/** How webhooks are sent. */
export interface WebhookSettings {
  /** What they are signed with; none: not at all. */
  secrets: readonly string[];
  /** Private hosts and networks they may go to. */
  allow: AllowList;
  timeoutMs: number;
  /** How names become addresses; the system's way unless given. */
  resolve?: WebhookRequest["resolve"];
}

// Over the time a request may take: whoever is not back by then is not coming back.
const LOST_AFTER_MS = 15_000;

/** Makes the handler that sends one delivery once. Sent again after a crash it has the same `webhook-id`. */
export function createDeliverer(
  { database, log }: { database: Database; log: Log },
  settings: WebhookSettings,
): ErrandHandler {
  let isToldUnsigned = settings.secrets.length > 0;
  return async ({ tenant_id, id }, signal) => {
    const delivery = await database.maybeOne(takeDelivery(tenant_id, id, settings.timeoutMs + LOST_AFTER_MS));
    if (delivery === undefined) return;
    if (!isToldUnsigned) {
      isToldUnsigned = true;
      log.warn({}, "webhooks are sent unsigned: HOLDPOINT_WEBHOOK_SECRETS is not set");
    }
    const answer = await postWebhook({ ...requestOf(delivery, settings), ...settings, signal });
    failpoint("delivery.answered");
    const { failures, left_ms: leftMs } = delivery;
    const outcome = afterAttempt(answer, { failures, leftMs, chance: Math.random() });
    await settleAttempt(database, delivery, answer, outcome);
    const { run_id, thread_id, attempt } = delivery;
    const { status, error, duration_ms } = answer;
    const told = { delivery_id: id, run_id, thread_id, attempt, status, error, duration_ms };
    if (outcome.status === "dead") log.warn(told, "a webhook was given up; holdpoint deliveries replay sends it again");
    else
      log.info(told, outcome.status === "pending" ? "a webhook failed and is tried again" : "a webhook was answered");
  };
}

function requestOf(delivery: TakenDelivery, { secrets }: WebhookSettings) {
  const body = webhookBody(delivery);
  const id = delivery.delivery_id;
  // The receiver compares it with its own clock, so it is the real one.
  const timestamp = Math.floor(Date.now() / 1000);
  const headers = {
    "content-type": "application/json",
    "user-agent": "holdpoint",
    "webhook-id": id,
    "webhook-timestamp": String(timestamp),
    ...(secrets.length === 0 ? {} : { "webhook-signature": signWebhook(secrets, { id, timestamp, body }) }),
  };
  return { url: delivery.url, headers, body };
}
