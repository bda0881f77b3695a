import { selectTtl, setTtl } from "../postgres/thread-ttl.sql.ts";
import type { HttpSettings } from "./deps.ts";
import type { Call } from "./route.ts";

/** Says how long a new thread stays: what its maker says, or else what every thread has; one that has a time keeps it. */
export async function startTtl(
  { deps, principal: { tenant_id } }: Pick<Call, "deps" | "principal">,
  thread_id: string,
  asked?: HttpSettings["threadTtl"] | null,
): Promise<void> {
  const ttl = asked ?? deps.settings.threadTtl;
  if (ttl === undefined) return;
  const found = await deps.database.maybeOne(selectTtl(tenant_id, thread_id));
  if (found?.ttl_minutes === null) await deps.database.run(setTtl(tenant_id, thread_id, ttl.ttl, ttl.strategy));
}
