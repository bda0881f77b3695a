import { z } from "zod";
import { readDeliveries, readDelivery, replay } from "../../postgres/deliveries.ts";
import { DELIVERY_STATUSES } from "../../protocol/delivery.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import { uuidSchema } from "../../protocol/json.ts";
import { anyObject, lists, shows } from "../answers.ts";
import { limitSchema, offsetSchema, wholeNumber } from "../read-request.ts";
import { json, page } from "../reply.ts";
import { type Call, defineRoute, type Route } from "../route.ts";

const listSchema = z.object({
  status: z.enum(DELIVERY_STATUSES).optional(),
  run_id: uuidSchema.optional(),
  thread_id: uuidSchema.optional(),
  review_id: uuidSchema.optional(),
  limit: wholeNumber(limitSchema).default(100),
  offset: wholeNumber(offsetSchema).default(0),
});

/** Deliveries: what webhooks were told and people were written, what came of it, and telling it again. */
export const deliveryRoutes: readonly Route[] = [
  defineRoute({
    method: "GET",
    path: "/deliveries",
    permission: "runs:read",
    event: "threads:search",
    summary: "List deliveries, newest first",
    query: listSchema,
    answers: { 200: lists(anyObject, "What webhooks were told and people were written.") },
    async handle(call) {
      const { status, run_id, thread_id, review_id, limit, offset } = call.query;
      const filter = {
        status: status ?? null,
        run_id: run_id ?? null,
        thread_id: thread_id ?? null,
        review_id: review_id ?? null,
        seen: call.access.of("threads"),
        limit,
        offset,
      };
      const { deliveries, total } = await readDeliveries(call.deps.database, call.principal.tenant_id, filter);
      return page(deliveries, filter, deliveries.length === 0 && offset > 0 ? undefined : total);
    },
  }),
  defineRoute({
    method: "GET",
    path: "/deliveries/:delivery_id",
    permission: "runs:read",
    event: "threads:read",
    summary: "Read a delivery and its attempts",
    answers: { 200: shows(anyObject, "The delivery.") },
    handle: async (call) => json(await findDelivery(call)),
  }),
  defineRoute({
    method: "POST",
    path: "/deliveries/:delivery_id/replay",
    // Whoever can start a run can have its webhook called.
    permission: "runs:create",
    event: "threads:create_run",
    summary: "Deliver again",
    answers: { 200: shows(anyObject, "The delivery, which is due now.") },
    async handle(call) {
      const { tenant_id, principal_id } = call.principal;
      const { delivery_id } = call.params;
      if (!(await replay(call.deps.database, { tenant_id, delivery_id, principal_id }))) throw noDelivery(delivery_id);
      return json(await findDelivery(call));
    },
  }),
];

async function findDelivery(call: Call<"delivery_id">) {
  const id = call.params.delivery_id;
  const delivery = await readDelivery(call.deps.database, call.principal.tenant_id, id);
  if (delivery === undefined) throw noDelivery(id);
  return delivery;
}

function noDelivery(id: string): HoldpointError {
  return new HoldpointError("not_found", `Delivery ${id} not found`);
}
