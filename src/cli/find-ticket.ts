import { z } from "zod";
import type { Api } from "./api.ts";
import { CommandError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";

const ticketWire = z.looseObject({
  ticket_id: z.string(),
  number: z.number(),
  title: z.string(),
  body: z.string(),
  severity: z.string(),
  labels: z.array(z.string()),
  about: z.string().nullable(),
  status: z.string(),
  thread_id: z.string(),
  run_id: z.string(),
  opened_at: z.string(),
  updated_at: z.string(),
  closed_at: z.string().nullable(),
});

/** A ticket, as the commands read it. */
export type TicketView = z.infer<typeof ticketWire>;

/** A ticket and what was said about it. */
export const ticketHistoryWire = ticketWire.extend({
  comments: z.array(
    z.looseObject({
      comment_id: z.string(),
      at: z.string(),
      principal_id: z.string().nullable(),
      text: z.string(),
      status: z.string().nullable(),
    }),
  ),
});

/** Tickets by filter, newest first. */
export async function listTickets(
  api: Api,
  query: Readonly<Record<string, string | number | undefined>>,
): Promise<TicketView[]> {
  return (await api.request("GET", "/tickets", z.array(ticketWire), { query })).body;
}

/** The ticket of a number, written 12 or #12. */
export async function findTicket(api: Api, text: string): Promise<TicketView> {
  const number = /^#?([1-9]\d{0,8})$/.exec(text)?.[1];
  if (number === undefined) throw new CommandError(EXIT.usage, `"${text}" is no number of a ticket, such as 12`);
  const [ticket] = await listTickets(api, { number: Number(number), limit: 1 });
  if (ticket !== undefined) return ticket;
  throw new CommandError(EXIT.failed, `there is no ticket ${number}: see "holdpoint tickets --status closed" too`);
}
