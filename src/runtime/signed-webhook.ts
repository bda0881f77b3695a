import { signWebhook } from "../policy/webhook-signature.ts";

/** A webhook's headers and body, as Standard Webhooks has them: signed with every secret there is, at this moment. */
export function signedWebhook({ id, body }: { id: string; body: string }, secrets: readonly string[]) {
  // The receiver compares it with its own clock, so it is the real one.
  const timestamp = Math.floor(Date.now() / 1000);
  const headers = {
    "content-type": "application/json",
    "user-agent": "holdpoint",
    "webhook-id": id,
    "webhook-timestamp": String(timestamp),
    ...(secrets.length === 0 ? {} : { "webhook-signature": signWebhook(secrets, { id, timestamp, body }) }),
  };
  return { headers, body };
}
