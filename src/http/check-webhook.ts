import { ALLOW_NONE } from "../policy/private-address.ts";
import { isOwnRoute, webhookTarget } from "../policy/webhook-target.ts";
import { invalid } from "./failure.ts";
import type { Call } from "./route.ts";

/** The webhook of a request as it will be called; a host by name is looked up when that happens. Throws `invalid`. */
export function checkWebhook(call: Call, webhook: string | null | undefined): string | null {
  if (webhook == null) return null;
  if (webhook.startsWith("/") && call.deps.project !== undefined) {
    if (isOwnRoute(webhook)) return webhook;
    throw invalid([{ pointer: "/webhook", message: "must be a path of this server like /hooks/runs" }]);
  }
  const target = webhookTarget(webhook, call.deps.settings.webhookAllow ?? ALLOW_NONE);
  if (target.ok) return target.url;
  throw invalid([{ pointer: "/webhook", message: target.reason }]);
}
