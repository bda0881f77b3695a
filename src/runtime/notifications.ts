import { createHash } from "node:crypto";
import type { NotificationPort } from "../kit/notifications.ts";
import type { RunFacts } from "../kit/ports.ts";
import { notificationTarget } from "../policy/notification.ts";
import type { AllowList } from "../policy/private-address.ts";
import { webhookTarget } from "../policy/webhook-target.ts";
import type { Database } from "../postgres/database.ts";
import { insertNotifications } from "../postgres/notifications.sql.ts";
import { HoldpointError } from "../protocol/errors.ts";

/** How workflows tell people something. */
export interface NotificationSettings {
  /** Whom they tell where they name nobody. */
  to: readonly string[];
  /** Private hosts and networks that webhooks may go to. */
  allow: AllowList;
  /** Whether there is a server for mails. */
  isMailSet: boolean;
}

/** Writes down whom a run tells what; the deliveries of the server carry it. */
export function createNotificationPort(
  database: Database,
  { tenant_id, thread_id, run_id }: RunFacts,
  { to, allow, isMailSet }: NotificationSettings,
): NotificationPort {
  return {
    to,
    async send(id, notification, targets) {
      // All of them are looked at before anybody is told.
      const deliveries = [...new Set(targets)].map((target, index) => ({
        delivery_id: index === 0 ? id : derivedId(id, target),
        ...reachable(target, allow, isMailSet),
      }));
      await database.run(
        insertNotifications({ tenant_id, thread_id, run_id, body: JSON.stringify(notification) }, deliveries),
      );
      return deliveries.map(({ delivery_id, channel, url }) => ({ delivery_id, channel, to: shown(channel, url) }));
    },
  };
}

function reachable(target: string, allow: AllowList, isMailSet: boolean) {
  const known = notificationTarget(target);
  if (known === undefined)
    throw cannotTell(`${JSON.stringify(target)} is neither a web address nor mailto: and an address`);
  if (known.channel === "mail") {
    if (isMailSet) return known;
    throw cannotTell(`mail to ${known.url.slice("mailto:".length)} needs HOLDPOINT_SMTP_URL and HOLDPOINT_MAIL_FROM`);
  }
  const checked = webhookTarget(known.url, allow);
  if (!checked.ok) throw cannotTell(`the webhook ${checked.reason}`);
  return { ...known, url: checked.url };
}

/** The same each time, and another for each target. */
function derivedId(id: string, target: string): string {
  const hex = createHash("sha256").update(`${id} ${target}`).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

// The path of a webhook is often its password.
const shown = (channel: string, url: string) => (channel === "mail" ? url.slice("mailto:".length) : new URL(url).host);

function cannotTell(message: string): HoldpointError {
  return new HoldpointError("tool_failed", message, { facts: { class: "permission" } });
}
