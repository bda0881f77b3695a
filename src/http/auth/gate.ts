import type { AccessFilter } from "../../policy/access-filter.ts";
import {
  noHiddenThread,
  seenAssistant,
  seenCron,
  seenThread,
  threadOfDelivery,
  threadOfEffect,
  threadOfReview,
  threadOfReviewGroup,
  threadOfRun,
  threadOfTicket,
} from "../../postgres/access.sql.ts";
import type { Queryable } from "../../postgres/database.ts";
import type { Statement } from "../../postgres/sql.ts";
import { assistantIdOf } from "../../protocol/assistant.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import { uuidSchema } from "../../protocol/json.ts";
import type { AuthResource } from "./events.ts";

type Params = Readonly<Record<string, string>>;

/** What is about a thread, and is seen by whoever sees that. */
const OF_THREADS: Readonly<
  Record<string, { noun: string; threadOf: (tenant_id: string, id: string) => Statement<{ thread_id: string }> }>
> = {
  run_id: { noun: "Run", threadOf: threadOfRun },
  review_id: { noun: "Review", threadOf: threadOfReview },
  group_id: { noun: "Review group", threadOf: threadOfReviewGroup },
  delivery_id: { noun: "Delivery", threadOf: threadOfDelivery },
  effect_id: { noun: "Effect", threadOf: threadOfEffect },
  ticket_id: { noun: "Ticket", threadOf: threadOfTicket },
};

/** The parameters of a path that name something with an owner. */
export const GATED_PARAMETERS: readonly string[] = ["thread_id", ...Object.keys(OF_THREADS), "assistant_id", "cron_id"];

/** What a path names, as a handler is told of it: the ids, and the thread that it is about where the path does not name it. */
export async function namedThings(database: Queryable, tenant_id: string, params: Params): Promise<Params> {
  const { assistant_id } = params;
  const things = assistant_id === undefined ? params : { ...params, assistant_id: assistantOf(assistant_id) };
  if (params["thread_id"] !== undefined) return things;
  for (const [name, { threadOf }] of Object.entries(OF_THREADS)) {
    const id = uuidSchema.safeParse(params[name]);
    const row = id.success ? await database.maybeOne(threadOf(tenant_id, id.data)) : undefined;
    if (row !== undefined) return { ...things, thread_id: row.thread_id };
  }
  return things;
}

/**
 * Refuses what is named and may not be seen, as what is not there. A run may be what its thread is made for: then there is
 * none yet, and the run's own transaction looks again. Throws `not_found`.
 */
export async function refuseUnseen(
  database: Queryable,
  tenant_id: string,
  things: Params,
  filters: ReadonlyMap<AuthResource, AccessFilter>,
  isCreatingRun: boolean,
): Promise<void> {
  const lookAt = async (resource: AuthResource, noun: string, id: string, look: LookAt | undefined) => {
    const filter = filters.get(resource);
    if (filter === undefined || Object.keys(filter).length === 0) return;
    const seen = look === undefined ? undefined : await database.maybeOne(look(filter));
    if (seen === undefined) throw new HoldpointError("not_found", `${noun} with ID ${id} not found`);
  };
  const { thread_id, assistant_id, cron_id } = things;
  const part = Object.keys(OF_THREADS).find((name) => things[name] !== undefined);
  if (thread_id !== undefined) {
    const look = isCreatingRun && part === undefined ? noHiddenThread : seenThread;
    await lookAt("threads", ...nameOf(things, part), (filter) => look(tenant_id, thread_id, filter));
  } else if (part !== undefined) await lookAt("threads", ...nameOf(things, part), undefined);
  if (assistant_id !== undefined) {
    await lookAt("assistants", "Assistant", assistant_id, (filter) => seenAssistant(tenant_id, assistant_id, filter));
  }
  if (cron_id !== undefined) {
    await lookAt("crons", "Cron", cron_id, (filter) => seenCron(tenant_id, cron_id, filter));
  }
}

type LookAt = (filter: AccessFilter) => Statement<{ seen: true }>;

/** In the words of what the path names: where that is not there the thread is known to nobody. */
function nameOf(things: Params, part: string | undefined): [noun: string, id: string] {
  return part === undefined
    ? ["Thread", things["thread_id"] as string]
    : [OF_THREADS[part]?.noun as string, things[part] as string];
}

/** The id of an assistant; a graph's own may be named by the graph. */
export function assistantOf(named: string): string {
  return uuidSchema.safeParse(named).data ?? assistantIdOf(named);
}
