import { z } from "zod";
import type { Api } from "./api.ts";
import { CommandError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";
import { matchPrefix, parseId } from "./id-prefix.ts";

const PAGE = 1000;

const deliveryWire = z.looseObject({
  delivery_id: z.string(),
  run_id: z.string(),
  thread_id: z.string(),
  event: z.string(),
  review_id: z.string().nullish(),
  url: z.string(),
  status: z.string(),
  attempts: z.number(),
  next_at: z.string().nullable(),
  retry_until: z.string(),
  answer_status: z.number().nullable(),
  error: z.string().nullable(),
  created_at: z.string(),
  updated_at: z.string(),
});

/** A delivery, as the commands read it. */
export type DeliveryView = z.infer<typeof deliveryWire>;

/** A delivery and its attempts, the newest first. */
export const deliveryHistoryWire = deliveryWire.extend({
  history: z.array(
    z.looseObject({
      attempt: z.number(),
      started_at: z.string(),
      ended_at: z.string().nullable(),
      duration_ms: z.number().nullable(),
      answer_status: z.number().nullable(),
      answer_body: z.string().nullable(),
      error: z.string().nullable(),
    }),
  ),
});

/** Deliveries by filter, newest first. */
export async function listDeliveries(
  api: Api,
  query: Readonly<Record<string, string | number | undefined>>,
): Promise<DeliveryView[]> {
  return (await api.request("GET", "/deliveries", z.array(deliveryWire), { query })).body;
}

/** The id that an id, or the beginning of one, names. */
export async function findDeliveryId(api: Api, text: string): Promise<string> {
  const id = parseId(text, "delivery");
  if (id.isWhole) return id.prefix;
  const found: DeliveryView[] = [];
  for (let offset = 0; ; offset += PAGE) {
    const some = await listDeliveries(api, { limit: PAGE, offset });
    found.push(...some.filter(({ delivery_id }) => delivery_id.startsWith(id.prefix)));
    // Bound: the last page is not a full one.
    if (some.length < PAGE) break;
  }
  const match = matchPrefix(
    id,
    found,
    ({ delivery_id }) => delivery_id,
    ({ status, url }) => `${status}  ${url}`,
    "delivery",
  );
  if (match !== undefined) return match.delivery_id;
  throw new CommandError(
    EXIT.failed,
    `there is no delivery whose id begins with ${id.prefix}: see "holdpoint deliveries"`,
  );
}
