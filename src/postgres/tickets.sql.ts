import { type AccessFilter, EVERYTHING } from "../policy/access-filter.ts";
import type { Ticket, TicketComment, TicketStatus, TicketText } from "../protocol/ticket.ts";
import { columns, sql } from "./sql.ts";

const SHOWN = columns`t.ticket_id, t.number, t.title, t.body, t.severity, t.labels, t.about, t.status, t.thread_id, t.run_id,
  t.opened_at, t.updated_at, t.closed_at`;

/** The ticket that a call has opened or commented on; none before the call. */
export const ticketOfCall = (tenant_id: string, id: string) => sql<Ticket>`
  select ${SHOWN} from holdpoint.ticket t
  where t.tenant_id = ${tenant_id}
    and (t.ticket_id = ${id}::uuid
      or t.ticket_id = (select c.ticket_id from holdpoint.ticket_comment c where c.tenant_id = ${tenant_id} and c.comment_id = ${id}::uuid))`;

/** The open ticket about something, locked. */
export const openTicketAbout = (tenant_id: string, about: string) => sql<Ticket>`
  select ${SHOWN} from holdpoint.ticket t
  where t.tenant_id = ${tenant_id} and t.about = ${about} and t.status = 'open'
  for no key update`;

/** A ticket by its number, or the open one, else the last, about something; locked. */
export const ticketToChange = (
  tenant_id: string,
  which: { ticket_id?: string; number?: number; about?: string },
) => sql<Ticket>`
  select ${SHOWN} from holdpoint.ticket t
  where t.tenant_id = ${tenant_id}
    and (${which.ticket_id ?? null}::uuid is null or t.ticket_id = ${which.ticket_id ?? null}::uuid)
    and (${which.number ?? null}::int is null or t.number = ${which.number ?? null}::int)
    and (${which.about ?? null}::text is null or t.about = ${which.about ?? null}::text)
  order by t.status = 'open' desc, t.number desc limit 1
  for no key update`;

/** Opens a ticket under the next number; nothing where there is one of this id, or an open one about the same. */
export const insertTicket = (
  { tenant_id, thread_id, run_id }: { tenant_id: string; thread_id: string; run_id: string },
  ticket_id: string,
  { title, body, severity, labels, about }: TicketText,
) => sql<Ticket>`
  with counted as (
    insert into holdpoint.ticket_counter (tenant_id, last) values (${tenant_id}, 1)
    on conflict (tenant_id) do update set last = ticket_counter.last + 1
    returning last
  )
  insert into holdpoint.ticket as t (tenant_id, ticket_id, number, title, body, severity, labels, about, thread_id, run_id)
  select ${tenant_id}, ${ticket_id}::uuid, c.last, ${title}, ${body}, ${severity}, ${labels}::text[], ${about}::text, ${thread_id},
    ${run_id}::uuid
  from counted c
  on conflict do nothing
  returning ${SHOWN}`;

/** Says something about a ticket, and what becomes of it; nothing where that has been said. */
export const commentTicket = (
  tenant_id: string,
  ticket_id: string,
  said: { id: string; principal_id: string | null; run_id: string | null; text: string; status: TicketStatus | null },
) => sql<Ticket>`
  with said as (
    insert into holdpoint.ticket_comment (tenant_id, comment_id, ticket_id, principal_id, run_id, text, status)
    values (${tenant_id}, ${said.id}::uuid, ${ticket_id}::uuid, ${said.principal_id}, ${said.run_id}::uuid, ${said.text},
      ${said.status})
    on conflict (comment_id) do nothing
    returning status
  )
  update holdpoint.ticket t
  set status = coalesce(s.status, t.status), updated_at = holdpoint.now(),
      closed_at = case coalesce(s.status, t.status) when 'closed' then coalesce(t.closed_at, holdpoint.now()) end
  from said s
  where t.tenant_id = ${tenant_id} and t.ticket_id = ${ticket_id}::uuid
  returning ${SHOWN}`;

/** Tickets by filter, the newest first. */
export const listTickets = (
  tenant_id: string,
  filter: {
    status: TicketStatus | null;
    severity: string | null;
    number: number | null;
    about: string | null;
    thread_id: string | null;
    limit: number;
    offset: number;
    /** Tickets of which threads may be seen; also those whose thread is gone, where that is all. */
    seen?: AccessFilter | undefined;
  },
) => sql<Ticket & { total: number }>`
  select ${SHOWN}, count(*) over () as total
  from holdpoint.ticket t
  where t.tenant_id = ${tenant_id}
    and (${filter.status}::text is null or t.status = ${filter.status})
    and (${filter.severity}::text is null or t.severity = ${filter.severity})
    and (${filter.number}::int is null or t.number = ${filter.number}::int)
    and (${filter.about}::text is null or t.about = ${filter.about})
    and (${filter.thread_id}::text is null or t.thread_id = ${filter.thread_id})
    and (${JSON.stringify(filter.seen ?? EVERYTHING)}::jsonb = '{}' or exists (
      select 1 from holdpoint.thread th
      where th.tenant_id = t.tenant_id and th.thread_id = t.thread_id and th.deleted_at is null
        and case when th.metadata @> ${JSON.stringify(filter.seen ?? EVERYTHING)}::jsonb then true else false end))
  order by t.opened_at desc, t.ticket_id
  limit ${filter.limit}::int offset ${filter.offset}::int`;

/** One ticket. */
export const selectTicket = (tenant_id: string, ticket_id: string) => sql<Ticket>`
  select ${SHOWN} from holdpoint.ticket t where t.tenant_id = ${tenant_id} and t.ticket_id = ${ticket_id}::uuid`;

/** What was said about a ticket, the first first. */
export const ticketComments = (tenant_id: string, ticket_id: string, limit: number) => sql<TicketComment>`
  select comment_id, at, principal_id, run_id, text, status
  from holdpoint.ticket_comment
  where tenant_id = ${tenant_id} and ticket_id = ${ticket_id}::uuid
  order by at, comment_id limit ${limit}::int`;
