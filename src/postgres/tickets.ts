import type { Ticket, TicketComment, TicketStatus, TicketText } from "../protocol/ticket.ts";
import { runAudit } from "./audit.ts";
import type { Database } from "./database.ts";
import {
  commentTicket,
  insertTicket,
  listTickets,
  openTicketAbout,
  selectTicket,
  ticketComments,
  ticketOfCall,
  ticketToChange,
} from "./tickets.sql.ts";

/** In which run something is said. */
export interface TicketRun {
  tenant_id: string;
  thread_id: string;
  run_id: string;
}

// As much as a person reads; more is what a workflow says that runs wild.
const COMMENTS_SHOWN = 1_000;
// Somebody else opened it, and closed it again, in between: three times in a row is somebody who does nothing else.
const MOST_TRIES = 3;

/**
 * Opens a ticket, or comments on the open one about the same. An id that comes again changes nothing. Locks: the ticket, the
 * counter of the tenant.
 */
export async function openTicket(
  database: Database,
  run: TicketRun,
  id: string,
  text: TicketText,
): Promise<{ ticket: Ticket; isNew: boolean }> {
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const opened = await database.transaction(async (tx) => {
      const known = await tx.maybeOne(ticketOfCall(run.tenant_id, id));
      if (known !== undefined) return { ticket: known, isNew: known.ticket_id === id };
      const open = text.about === null ? undefined : await tx.maybeOne(openTicketAbout(run.tenant_id, text.about));
      if (open !== undefined) {
        const said = { id, principal_id: null, run_id: run.run_id, text: text.body, status: null };
        const ticket = await tx.maybeOne(commentTicket(run.tenant_id, open.ticket_id, said));
        return { ticket: ticket ?? open, isNew: false };
      }
      const ticket = await tx.maybeOne(insertTicket(run, id, text));
      return ticket === undefined ? undefined : { ticket, isNew: true };
    });
    if (opened !== undefined) return opened;
  }
  throw new Error(`ticket ${id} was not opened: others open and close tickets about the same all the time`);
}

/** Who changes a ticket, and how. */
export interface TicketSaid {
  id: string;
  which: { ticket_id?: string; number?: number; about?: string };
  text: string;
  status?: TicketStatus | undefined;
  principal_id: string | null;
  run_id: string | null;
}

/** Says something about a ticket, closes it or opens it again; undefined when there is none. Locks: the ticket, audit. */
export async function changeTicket(
  database: Database,
  tenant_id: string,
  { id, which, text, status, principal_id, run_id }: TicketSaid,
): Promise<Ticket | undefined> {
  return await database.transaction(async (tx) => {
    const known = await tx.maybeOne(ticketOfCall(tenant_id, id));
    if (known !== undefined) return known;
    const found = await tx.maybeOne(ticketToChange(tenant_id, which));
    if (found === undefined) return undefined;
    const became = status === undefined || status === found.status ? null : status;
    if (became === null && text === "") return found;
    const said = { id, principal_id, run_id, text, status: became };
    const changed = (await tx.maybeOne(commentTicket(tenant_id, found.ticket_id, said))) ?? found;
    // Only what somebody does by hand: what a run does is recorded as its effect.
    if (became !== null && principal_id !== null) {
      const { thread_id, ticket_id, number } = found;
      const kind = became === "closed" ? "ticket.closed" : "ticket.reopened";
      await tx.finish([runAudit({ tenant_id, thread_id, run_id }, kind, principal_id, { ticket_id, number })]);
    }
    return changed;
  });
}

/** Tickets by filter, newest first, and how many there are. */
export async function readTickets(
  database: Database,
  tenant_id: string,
  filter: Parameters<typeof listTickets>[1],
): Promise<{ tickets: Ticket[]; total: number }> {
  const rows = await database.many(listTickets(tenant_id, filter));
  return { tickets: rows.map(({ total: _total, ...ticket }) => ticket), total: rows[0]?.total ?? 0 };
}

/** One ticket and what was said about it. */
export async function readTicket(
  database: Database,
  tenant_id: string,
  ticket_id: string,
): Promise<(Ticket & { comments: TicketComment[] }) | undefined> {
  const ticket = await database.maybeOne(selectTicket(tenant_id, ticket_id));
  if (ticket === undefined) return undefined;
  return { ...ticket, comments: await database.many(ticketComments(tenant_id, ticket_id, COMMENTS_SHOWN)) };
}
