import { createHmac } from "node:crypto";

const PREFIX = "whsec_";
const SHORTEST_KEY = 24;
const LONGEST_KEY = 64;

/** What is signed: the id, the moment in seconds, and the body byte for byte. */
export interface SignedMessage {
  id: string;
  timestamp: number;
  body: string;
}

/** The key in a secret as Standard Webhooks writes it; undefined when it is none. */
export function webhookKey(secret: string): Buffer | undefined {
  const text = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : "";
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  const key = Buffer.from(text, "base64");
  return key.length >= SHORTEST_KEY && key.length <= LONGEST_KEY ? key : undefined;
}

/** The value of `webhook-signature`: one signature a secret, so that a receiver may know the old one or the new. */
export function signWebhook(secrets: readonly string[], { id, timestamp, body }: SignedMessage): string {
  return secrets
    .map((secret) => {
      const key = webhookKey(secret);
      if (key === undefined) throw new Error("a webhook secret is not whsec_ and base64 of 24 to 64 bytes");
      return `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64")}`;
    })
    .join(" ");
}
