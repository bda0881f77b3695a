import { isHoldpointError, notify, ticketUpdate } from "holdpoint";
import type { State, Update } from "./flow.ts";

const tellPeople = notify();
const comment = ticketUpdate({ name: "ticket_comment" });
// What says that nobody could be told. Everything else is none of the notification's.
const UNTOLD = new Set(["tool_failed", "breaker_open", "rate_limited", "permission_denied"]);

/** Says on the ticket what was decided, and tells people. That nobody could be told is said, and hides nothing else. */
export async function tell(state: State): Promise<Update> {
  const { incident, outcome, severity, ticket, approval, orders } = state;
  if (incident === null) throw new Error("tell was reached without an incident");
  const decision = approval?.decision ?? null;
  if (ticket !== null && decision?.type === "reject") {
    const said = decision.message === null ? "" : `: ${decision.message}`;
    await comment.call({ number: ticket.number, comment: `A person has said no to the destructive steps${said}` });
  }
  const isOver = outcome === "resolved";
  const title = `${isOver ? "Resolved" : `Incident (${severity})`}: ${incident.name}`.slice(0, 200).toWellFormed();
  const text = [
    ticket === null ? "There is no ticket." : `Ticket ${ticket.number}.`,
    ...(isOver ? [] : [`${incident.firing} firing since ${incident.started_at}.`]),
    ...orders.map(({ action, target }) => `To do: ${action} on ${target}.`),
    ...(decision?.type === "reject" ? ["The destructive steps were rejected."] : []),
  ].join("\n");
  try {
    const { deliveries } = await tellPeople.call({ title, text, severity: isOver ? "info" : severity });
    return { notification: { sent: deliveries.length, problem: null } };
  } catch (error) {
    if (!isHoldpointError(error) || !UNTOLD.has(error.code)) throw error;
    return { notification: { sent: 0, problem: error.message.toWellFormed() } };
  }
}
