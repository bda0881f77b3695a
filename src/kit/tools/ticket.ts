import { z } from "zod";
import { HoldpointError } from "../../protocol/errors.ts";
import { SEVERITIES } from "../../protocol/finding.ts";
import { TICKET_STATUSES, type Ticket, ticketTextSchema } from "../../protocol/ticket.ts";
import { plainText } from "../plain-json.ts";
import { currentTickets } from "../tickets.ts";
import { defineTool, type Tool, type ToolOptions } from "../tool/tool.ts";

const { title, body, severity, labels, about } = ticketTextSchema.shape;
const openInput = z.strictObject({
  title,
  body,
  severity: severity.default("medium"),
  labels: labels.default([]),
  /** There is at most one open ticket about the same: a second one becomes a comment on it. */
  about: about.default(null),
});

const changeInput = z
  .strictObject({
    number: z.int().min(1).optional(),
    about: about.unwrap().optional(),
    comment: z.string().max(50_000),
    status: z.enum(TICKET_STATUSES).optional(),
  })
  .refine((given) => (given.number === undefined) !== (given.about === undefined), {
    message: "say which ticket: by its number, or by what it is about",
  });

const ticketShape = {
  ticket_id: z.string(),
  number: z.int(),
  title: z.string(),
  severity: z.enum(SEVERITIES),
  status: z.enum(TICKET_STATUSES),
};
const openOutput = z.object({ ...ticketShape, is_new: z.boolean() });
const changeOutput = z
  .object({ ...ticketShape, found: z.boolean() })
  .partial()
  .required({ found: true });

type Terms<Name extends string, Input extends z.ZodType, Output extends z.ZodType> = Omit<
  ToolOptions<Name, Input, Output>,
  "name" | "description" | "input" | "output" | "effect" | "run"
>;

/** How tickets are opened. */
export interface TicketOptions<Name extends string> extends Terms<Name, typeof openInput, typeof openOutput> {
  /** `ticket` unless given. */
  name?: Name;
  description?: string;
}

/** How tickets are changed. */
export interface TicketUpdateOptions<Name extends string> extends Terms<Name, typeof changeInput, typeof changeOutput> {
  /** `ticket_update` unless given. */
  name?: Name;
  description?: string;
}

/** A tool that opens tickets: rows of the server's own database, which `holdpoint tickets` shows. */
export function ticket<const Name extends string = "ticket">(
  options: TicketOptions<Name> = {},
): Tool<Name, typeof openInput, typeof openOutput> {
  const { name = "ticket" as Name, description, ...terms } = options;
  return defineTool({
    ...terms,
    name,
    description: description ?? "Opens a ticket, or comments on the open one about the same.",
    input: openInput,
    output: openOutput,
    effect: "idempotent",
    async run(asked, { effect_id }) {
      const opened = await currentTickets().open(effect_id, {
        ...asked,
        title: plainText(asked.title),
        body: plainText(asked.body),
        labels: asked.labels.map(plainText),
        about: asked.about === null ? null : plainText(asked.about),
      });
      return { ...shown(opened.ticket), is_new: opened.isNew };
    },
  });
}

/** A tool that comments on a ticket, and closes it or opens it again. One that is not there is an answer, no failure. */
export function ticketUpdate<const Name extends string = "ticket_update">(
  options: TicketUpdateOptions<Name> = {},
): Tool<Name, typeof changeInput, typeof changeOutput> {
  const { name = "ticket_update" as Name, description, ...terms } = options;
  return defineTool({
    ...terms,
    name,
    description: description ?? "Comments on a ticket, closes it, or opens it again.",
    input: changeInput,
    output: changeOutput,
    effect: "idempotent",
    async run({ number, about: of, comment, status }, { effect_id }) {
      if (number === undefined && of === undefined) throw new HoldpointError("invalid", "say which ticket");
      const which = number === undefined ? { about: plainText(of ?? "") } : { number };
      const changed = await currentTickets().change(effect_id, { which, comment: plainText(comment), status });
      return changed === undefined ? { found: false } : { ...shown(changed), found: true };
    },
  });
}

function shown({ ticket_id, number, title: says, severity: weight, status }: Ticket) {
  return { ticket_id, number, title: says, severity: weight, status };
}
