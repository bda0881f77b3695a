import type { Notification } from "../policy/notification.ts";
import { HoldpointError } from "../protocol/errors.ts";
import { portsIfAny } from "./ports.ts";

/** One notification that is on its way. */
export interface SentNotification {
  /** Travels as `webhook-id`, or in the `Message-ID`: sent again it is the same. */
  delivery_id: string;
  channel: "webhook" | "mail";
  /** The host, or the address. */
  to: string;
}

/** Tells people what workflows have to say. An id that comes again is the same call again, and tells nobody twice. */
export interface NotificationPort {
  /** Whom a tool tells that names nobody. */
  readonly to: readonly string[];
  /** Throws `tool_failed` where a target cannot be told. */
  send(id: string, notification: Notification, to: readonly string[]): Promise<readonly SentNotification[]>;
}

/** What an in-memory port knows. */
export interface MemoryNotifications extends NotificationPort {
  readonly sent: readonly { id: string; notification: Notification; to: readonly string[] }[];
}

/** Notifications as unit tests keep them: told to nobody, remembered for as long as the object lives. */
export function createMemoryNotifications({ to = [] }: { to?: readonly string[] } = {}): MemoryNotifications {
  const sent: { id: string; notification: Notification; to: readonly string[] }[] = [];
  return {
    to,
    sent,
    async send(id, notification, targets) {
      if (!sent.some((one) => one.id === id)) sent.push({ id, notification, to: targets });
      return targets.map((target, at) => ({
        delivery_id: at === 0 ? id : `${id}-${at}`,
        channel: target.startsWith("mailto:") ? "mail" : "webhook",
        to: target,
      }));
    },
  };
}

/** How the surrounding run tells people something. Throws `outside_run`. */
export function currentNotifications(): NotificationPort {
  const notifications = portsIfAny()?.notifications;
  if (notifications !== undefined) return notifications;
  throw new HoldpointError("outside_run", "people are told inside a graph that Holdpoint runs, or in withTestPorts()");
}
