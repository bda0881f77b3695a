import { NOTIFICATION_EVENT } from "../policy/notification.ts";
import type { DeliveryChannel } from "../protocol/delivery.ts";
import { sql } from "./sql.ts";

/** Writes down whom a run tells what; what has been written down is not written down again. */
export const insertNotifications = (
  from: { tenant_id: string; thread_id: string; run_id: string; body: string },
  deliveries: readonly { delivery_id: string; channel: DeliveryChannel; url: string }[],
) => sql`
  insert into holdpoint.delivery (tenant_id, delivery_id, channel, event, thread_id, run_id, url, body)
  select ${from.tenant_id}, d.delivery_id, d.channel, ${NOTIFICATION_EVENT}, ${from.thread_id}, ${from.run_id}::uuid, d.url, ${from.body}
  from unnest(${deliveries.map(({ delivery_id }) => delivery_id)}::uuid[], ${deliveries.map(({ channel }) => channel)}::text[],
    ${deliveries.map(({ url }) => url)}::text[]) as d (delivery_id, channel, url)
  on conflict (delivery_id) do nothing`;
