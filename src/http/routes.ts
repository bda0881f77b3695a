import type { Route } from "./route.ts";
import { apiKeyRoutes } from "./routes/api-keys.ts";
import { assistantGraphRoutes } from "./routes/assistant-graph.ts";
import { assistantVersionRoutes } from "./routes/assistant-versions.ts";
import { assistantRoutes } from "./routes/assistants.ts";
import { auditRoutes } from "./routes/audit.ts";
import { cronRoutes } from "./routes/crons.ts";
import { deliveryRoutes } from "./routes/deliveries.ts";
import { effectRoutes } from "./routes/effects.ts";
import { insightRoutes } from "./routes/insights.ts";
import { loginRoutes } from "./routes/login.ts";
import { describingRoutes } from "./routes/openapi.ts";
import { queueRoutes } from "./routes/queue.ts";
import { reviewAttendRoutes } from "./routes/review-attend.ts";
import { reviewDecisionRoutes } from "./routes/review-decisions.ts";
import { reviewHistoryRoutes } from "./routes/review-history.ts";
import { reviewRetryRoutes } from "./routes/review-retry.ts";
import { reviewStreamRoutes } from "./routes/review-stream.ts";
import { reviewRoutes } from "./routes/reviews.ts";
import { runCancelRoutes } from "./routes/run-cancel.ts";
import { runListRoutes } from "./routes/run-list.ts";
import { runProcessRoutes } from "./routes/run-processes.ts";
import { runRetryRoutes } from "./routes/run-retry.ts";
import { runStreamRoutes } from "./routes/run-streams.ts";
import { runRoutes } from "./routes/runs.ts";
import { statelessRunRoutes } from "./routes/stateless-runs.ts";
import { storeRoutes } from "./routes/store.ts";
import { systemRoutes } from "./routes/system.ts";
import { threadSearchRoutes } from "./routes/thread-search.ts";
import { threadStateRoutes } from "./routes/thread-state.ts";
import { threadStreamRoutes } from "./routes/thread-stream.ts";
import { threadRoutes } from "./routes/threads.ts";
import { ticketRoutes } from "./routes/tickets.ts";
import { usageRoutes } from "./routes/usage.ts";
import { workerRoutes } from "./routes/workers.ts";

/** Everything that is answered. Each route states who may call it. */
export const routes: readonly Route[] = [
  ...systemRoutes,
  ...describingRoutes(() => routes),
  ...loginRoutes,
  ...apiKeyRoutes,
  ...assistantRoutes,
  ...assistantVersionRoutes,
  ...assistantGraphRoutes,
  ...threadSearchRoutes,
  ...threadRoutes,
  ...threadStateRoutes,
  ...threadStreamRoutes,
  ...runRoutes,
  ...statelessRunRoutes,
  ...cronRoutes,
  ...runCancelRoutes,
  ...runStreamRoutes,
  ...reviewStreamRoutes,
  ...reviewRoutes,
  ...reviewHistoryRoutes,
  ...auditRoutes,
  ...reviewDecisionRoutes,
  ...reviewAttendRoutes,
  ...reviewRetryRoutes,
  ...deliveryRoutes,
  ...effectRoutes,
  ...ticketRoutes,
  ...runListRoutes,
  ...runProcessRoutes,
  ...runRetryRoutes,
  ...queueRoutes,
  ...insightRoutes,
  ...usageRoutes,
  ...workerRoutes,
  ...storeRoutes,
];
