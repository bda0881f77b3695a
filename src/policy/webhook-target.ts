import { type AllowList, isKnownPrivate } from "./private-address.ts";

/** The longest URL that is taken. */
const LONGEST_URL = 2_048;

/** Where a webhook goes, as it will be requested, or why it does not. */
export type WebhookTarget = { ok: true; url: string } | { ok: false; reason: string };

/** Whether a webhook is a path of the server's own project, not one that another host could be read into. */
export function isOwnRoute(text: string): boolean {
  return text.length <= LONGEST_URL && /^\/(?![/\\])[\x21-\x7e]*$/.test(text) && !/[\\#]/.test(text);
}

/** Looks at a webhook's URL as far as that can be done without asking the network. */
export function webhookTarget(text: string, allow: AllowList): WebhookTarget {
  const refuse = (reason: string): WebhookTarget => ({ ok: false, reason });
  if (text.length > LONGEST_URL) return refuse(`must not be longer than ${LONGEST_URL} characters`);
  if (text.startsWith("/")) return refuse("must be a whole URL: this server has no routes of your own to call");
  if (!URL.canParse(text)) return refuse("must be a URL like https://example.com/hooks/runs");
  const url = new URL(text);
  if (url.protocol !== "https:" && url.protocol !== "http:") return refuse("must be an http or https URL");
  // It is stored, listed and logged.
  if (url.username !== "" || url.password !== "") return refuse("must not carry a user name or password");
  if (isKnownPrivate(url.hostname, allow)) {
    return refuse(
      `leads to ${url.hostname}, which is not on the internet; HOLDPOINT_WEBHOOK_ALLOW names the hosts and networks of your own that may be called`,
    );
  }
  url.hash = "";
  return { ok: true, url: url.href };
}
