import { database } from "holdpoint";
import type { Customer, Invoice } from "./flow.ts";

/** The customer with this e-mail address. */
export async function findCustomer(email: string): Promise<Customer | null> {
  const { rows } = await database("chinook").query<Customer>(
    `select customer_id, first_name || ' ' || last_name as name, email
     from chinook.customer where lower(email) = lower($1) order by customer_id limit 1`,
    [email],
  );
  return rows[0] ?? null;
}

/** The invoice with this number, whoever it belongs to. */
export async function findInvoice(invoice_id: number): Promise<Invoice | null> {
  const { rows } = await database("chinook").query<Invoice>(`${INVOICE} where i.invoice_id = $1::bigint`, [invoice_id]);
  return rows[0] ?? null;
}

/** The customer's newest invoice of which something is left. */
export async function newestInvoice(customer_id: number): Promise<Invoice | null> {
  const { rows } = await database("chinook").query<Invoice>(
    `${INVOICE} where i.customer_id = $1 and i.total > coalesce(r.amount, 0)
     order by i.invoice_date desc, i.invoice_id desc limit 1`,
    [customer_id],
  );
  return rows[0] ?? null;
}

// Whole cents are made by the database, from exact decimals.
const INVOICE = `
  select i.invoice_id, i.customer_id, to_char(i.invoice_date, 'YYYY-MM-DD') as date,
    (i.total * 100)::int as total_cents, (coalesce(r.amount, 0) * 100)::int as refunded_cents,
    (select coalesce(json_agg(json_build_object('track', t.name, 'quantity', l.quantity, 'unit_price', l.unit_price::text)
        order by l.invoice_line_id), '[]')
      from chinook.invoice_line l join chinook.track t using (track_id) where l.invoice_id = i.invoice_id) as lines
  from chinook.invoice i
  left join lateral (select sum(amount) as amount from chinook.refund where invoice_id = i.invoice_id) r on true`;
