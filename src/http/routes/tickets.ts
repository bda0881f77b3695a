import { randomUUID } from "node:crypto";
import { z } from "zod";
import { changeTicket, readTicket, readTickets } from "../../postgres/tickets.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import { SEVERITIES } from "../../protocol/finding.ts";
import { uuidSchema } from "../../protocol/json.ts";
import { TICKET_STATUSES } from "../../protocol/ticket.ts";
import { anyObject, lists, shows } from "../answers.ts";
import { limitSchema, offsetSchema, textSchema, wholeNumber } from "../read-request.ts";
import { json, page } from "../reply.ts";
import { type Call, defineRoute, type Route } from "../route.ts";

const LARGEST_NUMBER = 2_147_483_647;

const listSchema = z.object({
  status: z.enum(TICKET_STATUSES).optional(),
  severity: z.enum(SEVERITIES).optional(),
  number: wholeNumber(z.number().int().min(1).max(LARGEST_NUMBER)).optional(),
  about: textSchema.optional(),
  thread_id: uuidSchema.optional(),
  limit: wholeNumber(limitSchema).default(100),
  offset: wholeNumber(offsetSchema).default(0),
});

const commentSchema = z
  .string()
  .max(10_000)
  .refine((text) => !text.includes("\0") && text.isWellFormed(), "must not contain NUL characters or lone surrogates");
const changeSchema = z.strictObject({ status: z.enum(TICKET_STATUSES).optional(), comment: commentSchema.optional() });

/** Tickets: what workflows have opened, what was said about it, and closing it. */
export const ticketRoutes: readonly Route[] = [
  defineRoute({
    method: "GET",
    path: "/tickets",
    permission: "runs:read",
    event: "threads:search",
    summary: "List tickets, newest first",
    query: listSchema,
    answers: { 200: lists(anyObject, "What workflows have opened.") },
    async handle(call) {
      const { status, severity, number, about, thread_id, limit, offset } = call.query;
      const filter = {
        status: status ?? null,
        severity: severity ?? null,
        number: number ?? null,
        about: about ?? null,
        thread_id: thread_id ?? null,
        seen: call.access.of("threads"),
        limit,
        offset,
      };
      const { tickets, total } = await readTickets(call.deps.database, call.principal.tenant_id, filter);
      return page(tickets, filter, tickets.length === 0 && offset > 0 ? undefined : total);
    },
  }),
  defineRoute({
    method: "GET",
    path: "/tickets/:ticket_id",
    permission: "runs:read",
    event: "threads:read",
    summary: "Read a ticket and what was said about it",
    answers: { 200: shows(anyObject, "The ticket.") },
    handle: async (call) => json(await findTicket(call)),
  }),
  defineRoute({
    method: "PATCH",
    path: "/tickets/:ticket_id",
    // Whoever can start a run can have a workflow do the same.
    permission: "runs:create",
    event: "threads:update",
    summary: "Comment on a ticket, close it or open it again",
    body: changeSchema,
    answers: { 200: shows(anyObject, "The ticket as it is now.") },
    async handle(call) {
      const { status, comment = "" } = call.body;
      const { tenant_id, principal_id } = call.principal;
      const { ticket_id } = call.params;
      const said = { id: randomUUID(), which: { ticket_id }, text: comment, status, principal_id, run_id: null };
      if ((await changeTicket(call.deps.database, tenant_id, said)) === undefined) throw noTicket(ticket_id);
      return json(await findTicket(call));
    },
  }),
];

async function findTicket(call: Pick<Call<"ticket_id">, "deps" | "principal" | "params">) {
  const { ticket_id } = call.params;
  const ticket = await readTicket(call.deps.database, call.principal.tenant_id, ticket_id);
  if (ticket === undefined) throw noTicket(ticket_id);
  return ticket;
}

function noTicket(id: string): HoldpointError {
  return new HoldpointError("not_found", `Ticket ${id} not found`);
}
