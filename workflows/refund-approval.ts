import { analyze } from "./refund-approval/analyze.ts";
import { finalize } from "./refund-approval/finalize.ts";
import { flow } from "./refund-approval/flow.ts";
import { refund } from "./refund-approval/refund.ts";
import { refuse } from "./refund-approval/refuse.ts";
import { validate } from "./refund-approval/validate.ts";

/**
 * A customer asks for a refund. What is impossible is refused, what is small and certain is paid, and everything else
 * waits for a person. Proposing, asking and paying are three nodes: what was approved is then, byte for byte, what is
 * paid, and a crash between any two of them repeats neither the question nor the payment.
 */
export default flow.graph({
  nodes: { analyze, validate, refuse, propose: refund, finalize },
  // `validate` chooses itself what comes next, and a decision does: where they lead stands with them.
  edges: { start: "analyze", analyze: "validate", refuse: "finalize", finalize: "end" },
});
