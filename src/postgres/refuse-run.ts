import { HoldpointError } from "../protocol/errors.ts";
import type { CreateRun } from "./create-run.ts";
import type { Queryable } from "./database.ts";
import { unansweredBreakpoint } from "./reviews.sql.ts";
import type { RunRow } from "./runs.sql.ts";
import { selectHeadCheckpoint, type ThreadRow } from "./threads.sql.ts";

/** Another graph's run on a thread of a guarded graph would write the state that its reviews are about. */
export async function refuseOtherGraph(
  tx: Queryable,
  request: CreateRun,
  { graph_id }: ThreadRow,
  openRuns: readonly RunRow[],
): Promise<void> {
  if (graph_id === null || graph_id === request.graph_id) return;
  if (!request.guarded && request.isGuarded?.(graph_id) === false) return;
  const isFresh =
    openRuns.length === 0 &&
    (await tx.maybeOne(selectHeadCheckpoint(request.tenant_id, request.thread_id))) === undefined;
  if (isFresh) return;
  throw new HoldpointError(
    "guarded",
    `thread ${request.thread_id} is of graph "${graph_id}"; start a new thread for "${request.graph_id}"`,
  );
}

/** To go on from a static breakpoint is to approve it, also when its time is over; new input begins again at the start. */
export async function refuseBreakpoint(tx: Queryable, request: CreateRun): Promise<void> {
  const { may_decide, kind, kwargs, tenant_id, thread_id, principal_id } = request;
  const isNewInput = kwargs.input != null && kwargs.command == null;
  if (may_decide !== false || kind !== "run" || isNewInput) return;
  const asked = await tx.maybeOne(unansweredBreakpoint(tenant_id, thread_id, kwargs.checkpoint?.checkpoint_id ?? null));
  if (asked === undefined) return;
  throw new HoldpointError(
    "permission_denied",
    `thread ${thread_id} stands at a breakpoint that nobody has let go on (review ${asked.id} is ${asked.status}): ${principal_id} does not hold review:decide; send new input, or let somebody go on who may decide`,
    { facts: { principal_id, permission: ["review:decide"], review_id: asked.id } },
  );
}
