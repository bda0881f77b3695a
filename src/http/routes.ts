import type { Route } from "./route.ts";
import { apiKeyRoutes } from "./routes/api-keys.ts";
import { assistantRoutes } from "./routes/assistants.ts";
import { deliveryRoutes } from "./routes/deliveries.ts";
import { loginRoutes } from "./routes/login.ts";
import { reviewRoutes } from "./routes/reviews.ts";
import { runStreamRoutes } from "./routes/run-streams.ts";
import { runRoutes } from "./routes/runs.ts";
import { systemRoutes } from "./routes/system.ts";
import { threadStateRoutes } from "./routes/thread-state.ts";
import { threadRoutes } from "./routes/threads.ts";

/** Everything that is answered. Each route states who may call it. */
export const routes: readonly Route[] = [
  ...systemRoutes,
  ...loginRoutes,
  ...apiKeyRoutes,
  ...assistantRoutes,
  ...threadRoutes,
  ...threadStateRoutes,
  ...runRoutes,
  ...runStreamRoutes,
  ...reviewRoutes,
  ...deliveryRoutes,
];
