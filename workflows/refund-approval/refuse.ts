import { isBlocking } from "./check-request.ts";
import { flow } from "./flow.ts";

/** What cannot be paid is not put before a person: the findings are the reason. */
export const refuse = flow.node(({ findings }) => {
  const reason = findings.filter(isBlocking).map(({ text }) => text);
  return { receipt: { status: "refused", reason: reason.join(" ") } };
});
