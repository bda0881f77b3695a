import { checkedRequest } from "./check-request.ts";
import { flow } from "./flow.ts";
import { inWords, toCents } from "./money.ts";
import { isConnectionLost } from "./transaction.ts";

/** Up to this much, a request without any finding is paid without asking. */
const SMALL_REFUND_CENTS = 500;

const choose = flow.route({
  routes: ["refuse", "execute", "propose"],
  async choose(state) {
    const update = await checkedRequest(state);
    if (update.refund === undefined) return { to: "refuse", reason: "it cannot be paid", update };
    if (update.findings.length > 0) return { to: "propose", reason: "a person has to look at the findings", update };
    const limit = inWords(SMALL_REFUND_CENTS);
    return (toCents(update.refund.amount) ?? Number.POSITIVE_INFINITY) <= SMALL_REFUND_CENTS
      ? { to: "execute", reason: `nothing speaks against it, and it is not more than ${limit}`, update }
      : { to: "propose", reason: `it is more than ${limit}`, update };
  },
});

/** Checks the request against the shop's books: impossible is refused, small and certain is paid, all else is a person's. */
export const validate = flow.node(choose, {
  // A database that restarts is worth another try; anything else is a fault to look at.
  retry: { first_ms: 200, when: isConnectionLost },
});
