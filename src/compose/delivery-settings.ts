import type { Config } from "../config.ts";
import type { DeliverySettings } from "../runtime/deliver.ts";
import type { NotificationSettings } from "../runtime/notifications.ts";
import { readAuthorities } from "./mail-authorities.ts";

// A mail server may take its time with a message it has; a webhook is asked to be quicker.
const MAIL_TIMEOUT_MS = 60_000;

/** How workflows tell people something. */
export function notificationSettings(config: Config): NotificationSettings {
  const { notifyTo: to, webhookAllow: allow, smtpServer, mailFrom } = config;
  return { to, allow, isMailSet: smtpServer !== undefined && mailFrom !== undefined };
}

/**
 * How this process delivers. `own` gets the address it answers at once that is known; a worker alone goes by HOST and PORT.
 * Throws `configuration_invalid`.
 */
export function deliverySettings(
  config: Config,
  own: { readonly url?: string },
  local?: DeliverySettings["local"],
): DeliverySettings {
  const { webhookSecrets: secrets, webhookAllow: allow, webhookTimeoutMs: timeoutMs } = config;
  const { smtpServer: server, smtpCaFile, mailFrom: from, publicUrl, host, port } = config;
  const authorities = smtpCaFile === undefined ? null : readAuthorities(smtpCaFile);
  const mail =
    server === undefined || from === undefined ? null : { server, authorities, from, timeoutMs: MAIL_TIMEOUT_MS };
  const configured = `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
  return { secrets, allow, timeoutMs, mail, local, publicUrl: () => publicUrl ?? own.url ?? configured };
}
