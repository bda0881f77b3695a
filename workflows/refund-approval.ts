import { END, START, StateGraph } from "@langchain/langgraph";
import { guarded } from "holdpoint";
import { analyze } from "./refund-approval/analyze.ts";
import { execute } from "./refund-approval/execute.ts";
import { finalize } from "./refund-approval/finalize.ts";
import { propose } from "./refund-approval/propose.ts";
import { refuse } from "./refund-approval/refuse.ts";
import { reviewRefund } from "./refund-approval/review.ts";
import { RefundInput, RefundState } from "./refund-approval/state.ts";
import { isConnectionLost } from "./refund-approval/transaction.ts";
import { routeAfterReview, routeAfterValidation, validate } from "./refund-approval/validate.ts";

// A database that restarts is worth another try; anything else is a fault to look at.
const retryPolicy = { maxAttempts: 3, initialInterval: 200, retryOn: isConnectionLost, logWarning: false };

/**
 * A customer asks for a refund. What is impossible is refused, what is small and certain is paid, and everything else
 * waits for a person. Proposing, asking and paying are three nodes: what was approved is then, byte for byte, what is
 * paid, and a crash between any two of them repeats neither the question nor the payment.
 */
const graph = new StateGraph({ state: RefundState, input: RefundInput })
  .addNode("analyze", analyze)
  .addNode("validate", validate, { retryPolicy })
  .addNode("refuse", refuse)
  .addNode("propose", propose)
  .addNode("review", reviewRefund)
  .addNode("execute", execute, { retryPolicy })
  .addNode("finalize", finalize)
  .addEdge(START, "analyze")
  .addEdge("analyze", "validate")
  .addConditionalEdges("validate", routeAfterValidation, { refuse: "refuse", execute: "execute", review: "propose" })
  .addEdge("propose", "review")
  .addConditionalEdges("review", routeAfterReview, { execute: "execute", finalize: "finalize" })
  .addEdge("execute", "finalize")
  .addEdge("refuse", "finalize")
  .addEdge("finalize", END);

export default guarded(
  graph.compile({
    name: "refund-approval",
    description:
      "Reads a customer's message, checks the invoice, and refunds it: small and certain at once, else after a review.",
  }),
);
