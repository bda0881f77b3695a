import { HoldpointError } from "../protocol/errors.ts";
import type { Ticket, TicketStatus, TicketText } from "../protocol/ticket.ts";
import { portsIfAny } from "./ports.ts";

/** What became of opening a ticket. */
export interface OpenedTicket {
  ticket: Ticket;
  /** False where there was an open one about the same: what was to be said is a comment on that. */
  isNew: boolean;
}

/** Which ticket, and what is said about it or becomes of it. */
export interface TicketChange {
  /** By its number, or by what it is about; of several the open one. */
  which: { number: number } | { about: string };
  comment: string;
  status?: TicketStatus | undefined;
}

/** Keeps tickets. An id that comes again is the same call again, and does nothing more. */
export interface TicketPort {
  open(id: string, text: TicketText): Promise<OpenedTicket>;
  /** Undefined when there is none. */
  change(id: string, change: TicketChange): Promise<Ticket | undefined>;
}

/** What an in-memory port knows. */
export interface MemoryTickets extends TicketPort {
  readonly tickets: readonly Ticket[];
  readonly comments: readonly { id: string; number: number; text: string; status: TicketStatus | null }[];
}

/** Tickets as unit tests keep them: in memory, for as long as the object lives. */
export function createMemoryTickets(): MemoryTickets {
  const tickets: Ticket[] = [];
  const comments: { id: string; number: number; text: string; status: TicketStatus | null }[] = [];
  const at = () => new Date(portsIfAny()?.clock.now() ?? Date.now()).toISOString();
  const find = (which: TicketChange["which"]) =>
    "number" in which
      ? tickets.find(({ number }) => number === which.number)
      : (tickets.find(({ about, status }) => about === which.about && status === "open") ??
        tickets.findLast(({ about }) => about === which.about));
  const toldBefore = (id: string) => {
    const comment = comments.find((one) => one.id === id);
    return comment && tickets.find(({ number }) => number === comment.number);
  };
  return {
    tickets,
    comments,
    async open(id, text) {
      const same = tickets.find(({ ticket_id }) => ticket_id === id);
      if (same !== undefined) return { ticket: same, isNew: true };
      const told = toldBefore(id);
      if (told !== undefined) return { ticket: told, isNew: false };
      const open = text.about === null ? undefined : find({ about: text.about });
      if (open?.status === "open") {
        comments.push({ id, number: open.number, text: text.body, status: null });
        open.updated_at = at();
        return { ticket: open, isNew: false };
      }
      const { thread_id, run_id } = portsIfAny()?.run ?? { thread_id: "test", run_id: "test" };
      const times = { opened_at: at(), updated_at: at(), closed_at: null };
      const number = tickets.length + 1;
      const ticket: Ticket = { ticket_id: id, number, ...text, status: "open", thread_id, run_id, ...times };
      tickets.push(ticket);
      return { ticket, isNew: true };
    },
    async change(id, { which, comment, status }) {
      const told = toldBefore(id);
      if (told !== undefined) return told;
      const ticket = find(which);
      if (ticket === undefined) return undefined;
      const became = status === undefined || status === ticket.status ? null : status;
      comments.push({ id, number: ticket.number, text: comment, status: became });
      ticket.updated_at = at();
      if (became !== null) {
        ticket.status = became;
        ticket.closed_at = became === "closed" ? at() : null;
      }
      return ticket;
    },
  };
}

/** The tickets of the surrounding run. Throws `outside_run`. */
export function currentTickets(): TicketPort {
  const tickets = portsIfAny()?.tickets;
  if (tickets !== undefined) return tickets;
  throw new HoldpointError("outside_run", "tickets are kept inside a graph that Holdpoint runs, or in withTestPorts()");
}
