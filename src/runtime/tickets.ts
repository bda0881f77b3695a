import type { RunFacts } from "../kit/ports.ts";
import type { TicketPort } from "../kit/tickets.ts";
import type { Database } from "../postgres/database.ts";
import { changeTicket, openTicket } from "../postgres/tickets.ts";

/** Keeps what a run says in tickets. */
export function createTicketPort(database: Database, run: RunFacts): TicketPort {
  const { tenant_id, run_id } = run;
  return {
    open: (id, text) => openTicket(database, run, id, text),
    change: (id, { which, comment, status }) =>
      changeTicket(database, tenant_id, { id, which, text: comment, status, principal_id: null, run_id }),
  };
}
