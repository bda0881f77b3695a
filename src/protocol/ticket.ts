import { z } from "zod";
import { SEVERITIES, type Severity } from "./finding.ts";

/** Where a ticket stands. */
export const TICKET_STATUSES = ["open", "closed"] as const;

/** Where a ticket stands. */
export type TicketStatus = (typeof TICKET_STATUSES)[number];

/** What a ticket says. */
export const ticketTextSchema = z.strictObject({
  title: z.string().trim().min(1).max(200),
  body: z.string().max(50_000),
  severity: z.enum(SEVERITIES),
  labels: z.array(z.string().trim().min(1).max(100)).max(50),
  /** What it is about, in the words of whoever opens it: there is at most one open ticket about the same. */
  about: z.string().min(1).max(500).nullable(),
});

/** What a ticket says. */
export type TicketText = z.infer<typeof ticketTextSchema>;

/** A ticket, as the clients see it. */
export interface Ticket extends TicketText {
  ticket_id: string;
  /** Counted for each tenant. */
  number: number;
  severity: Severity;
  status: TicketStatus;
  thread_id: string;
  /** The run that opened it. */
  run_id: string;
  opened_at: string;
  updated_at: string;
  closed_at: string | null;
}

/** Something that was said about a ticket, or done to it. */
export interface TicketComment {
  comment_id: string;
  at: string;
  /** Null where a run said it. */
  principal_id: string | null;
  run_id: string | null;
  text: string;
  /** What the ticket became by it; null when it stayed what it was. */
  status: TicketStatus | null;
}
