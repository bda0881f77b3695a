import { failpoint } from "../failpoint.ts";
import { afterAttempt } from "../policy/delivery.ts";
import {
  NOTIFICATION_EVENT,
  type Notification,
  notificationMail,
  notificationWebhookBody,
} from "../policy/notification.ts";
import type { AllowList } from "../policy/private-address.ts";
import type { ReviewNotice } from "../policy/review/notice.ts";
import { reviewMailText } from "../policy/review/notice-mail.ts";
import { reviewWebhookBody } from "../policy/review/notice-webhook.ts";
import type { Database } from "../postgres/database.ts";
import { type TakenDelivery, takeDelivery } from "../postgres/deliveries.sql.ts";
import { settleAttempt } from "../postgres/deliveries.ts";
import type { ErrandHandler } from "../postgres/jobs.ts";
import type { MailAnswer, WebhookAnswer } from "../protocol/delivery.ts";
import type { Log } from "../telemetry/log.ts";
import { type MailSettings, sendMail } from "./mail-request.ts";
import { signedWebhook } from "./signed-webhook.ts";
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
  /** Answers those that are paths of the project's own. */
  local?: WebhookRequest["local"];
}

// Over the time a request may take: whoever is not back by then is not coming back.
const LOST_AFTER_MS = 15_000;

/** How everything is delivered. */
export interface DeliverySettings extends WebhookSettings {
  /** Null: mails wait until there is a server for them. */
  mail?: MailSettings | null;
  /** Where people open this server, for links. */
  publicUrl?: () => string;
}

/** Makes the handler that sends one delivery once. Sent again after a crash it has the same `webhook-id` or `Message-ID`. */
export function createDeliverer(
  { database, log }: { database: Database; log: Log },
  settings: DeliverySettings,
): ErrandHandler {
  const mailTimeoutMs = settings.mail?.timeoutMs ?? 0;
  const lostAfterMs = { webhook: settings.timeoutMs + LOST_AFTER_MS, mail: mailTimeoutMs + LOST_AFTER_MS };
  const warnings = new Set<string>();
  const warnOnce = (message: string) => {
    if (!warnings.has(message)) log.warn({}, message);
    warnings.add(message);
  };
  return async ({ tenant_id, id }, signal) => {
    const delivery = await database.maybeOne(takeDelivery(tenant_id, id, lostAfterMs));
    if (delivery === undefined) return;
    const { channel } = delivery;
    const unset = channel === "mail" ? missingForMail(settings) : missingForWebhook(settings);
    if (unset !== null) warnOnce(unset);
    const answer =
      channel === "mail" ? await mailed(delivery, settings, signal) : await posted(delivery, settings, signal);
    failpoint("delivery.answered");
    const { failures, left_ms: leftMs } = delivery;
    const outcome = afterAttempt(answer, { failures, leftMs, chance: Math.random() });
    await settleAttempt(database, delivery, answer, outcome);
    const { run_id, review_id, thread_id, attempt, event } = delivery;
    const { status, error, duration_ms } = answer;
    const told = { delivery_id: id, event, run_id, review_id, thread_id, attempt, status, error, duration_ms };
    const what = channel === "mail" ? "a mail" : "a webhook";
    if (outcome.status === "dead") log.warn(told, `${what} was given up; holdpoint deliveries replay sends it again`);
    else if (answer.isRefused === true) log.warn(told, `${what} was refused for good`);
    else log.info(told, outcome.status === "pending" ? `${what} failed and is tried again` : `${what} was answered`);
  };
}

const missingForWebhook = ({ secrets }: DeliverySettings) =>
  secrets.length > 0 ? null : "webhooks are sent unsigned: HOLDPOINT_WEBHOOK_SECRETS is not set";
const missingForMail = ({ mail }: DeliverySettings) =>
  mail != null ? null : "mails wait: HOLDPOINT_SMTP_URL and HOLDPOINT_MAIL_FROM have to be set";

type Answer = WebhookAnswer & Partial<MailAnswer>;

async function posted(delivery: TakenDelivery, settings: DeliverySettings, signal: AbortSignal): Promise<Answer> {
  const { delivery_id: id, url, run, values, now } = delivery;
  const body = run === null ? toldBody(delivery, settings) : webhookBody({ run, values, now });
  return await postWebhook({ url, ...signedWebhook({ id, body }, settings.secrets), ...settings, signal });
}

async function mailed(delivery: TakenDelivery, settings: DeliverySettings, signal: AbortSignal): Promise<Answer> {
  const error = missingForMail(settings);
  if (settings.mail == null) return { status: null, body: null, error, duration_ms: 0 };
  const { delivery_id, created_at, url } = delivery;
  return await sendMail({
    ...settings.mail,
    to: url.replace(/^mailto:/, ""),
    mail: isNotification(delivery)
      ? notificationMail(notificationIn(delivery), delivery)
      : reviewMailText(noticeIn(delivery), linkBase(settings)),
    delivery_id,
    created_at,
    topic: delivery.review_id ?? delivery.run_id,
    signal,
  });
}

/** What a webhook is told of a review, or by a workflow. */
function toldBody(delivery: TakenDelivery, settings: DeliverySettings): string {
  if (isNotification(delivery)) return notificationWebhookBody(notificationIn(delivery), delivery);
  return reviewWebhookBody(noticeIn(delivery), linkBase(settings));
}

const isNotification = ({ event }: TakenDelivery) => event === NOTIFICATION_EVENT;
const notificationIn = ({ body }: TakenDelivery) => JSON.parse(body ?? "null") as Notification;
const noticeIn = ({ body }: TakenDelivery) => JSON.parse(body ?? "null") as ReviewNotice;
const linkBase = ({ publicUrl }: DeliverySettings) => publicUrl?.() ?? "";
