import type { AccessFilter } from "../../policy/access-filter.ts";
import {
  noHiddenThread,
  seenAssistant,
  seenCron,
  seenDelivery,
  seenReview,
  seenReviewGroup,
  seenRun,
  seenThread,
} from "../../postgres/access.sql.ts";
import type { Statement } from "../../postgres/sql.ts";
import { assistantIdOf } from "../../protocol/assistant.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import { uuidSchema } from "../../protocol/json.ts";
import type { AuthResource } from "./events.ts";

type Seen = Statement<{ seen: true }>;
type Look = (tenant_id: string, id: string, filter: AccessFilter) => Seen;

interface Gate {
  resource: AuthResource;
  look: Look;
  noun: string;
}

/** What a path can name, and by whose metadata it is seen: everything about a thread by the thread's. */
const GATES: Readonly<Record<string, Gate>> = {
  thread_id: { resource: "threads", look: seenThread, noun: "Thread" },
  run_id: { resource: "threads", look: seenRun, noun: "Run" },
  review_id: { resource: "threads", look: seenReview, noun: "Review" },
  group_id: { resource: "threads", look: seenReviewGroup, noun: "Review group" },
  delivery_id: { resource: "threads", look: seenDelivery, noun: "Delivery" },
  assistant_id: { resource: "assistants", look: seenAssistant, noun: "Assistant" },
  cron_id: { resource: "crons", look: seenCron, noun: "Cron" },
};

/** The parameters of a path that name something with an owner. */
export const GATED_PARAMETERS: readonly string[] = Object.keys(GATES);

/** A look at what a path names, and what is said when it is not seen. */
export interface GateLook {
  statement: Seen;
  hidden: HoldpointError;
}

/** What has to be looked at before a request is answered: everything that its path names and a filter speaks of. */
export function looksOf(
  params: Readonly<Record<string, string>>,
  tenant_id: string,
  filters: ReadonlyMap<AuthResource, AccessFilter>,
  isCreatingRun: boolean,
): GateLook[] {
  return Object.entries(params).flatMap(([name, given]) => {
    const gate = Object.hasOwn(GATES, name) ? GATES[name] : undefined;
    const filter = gate === undefined ? undefined : filters.get(gate.resource);
    if (gate === undefined || filter === undefined || Object.keys(filter).length === 0) return [];
    const id = idOf(name, given);
    // What is no id at all is said by the route, as it is to everybody.
    if (id === undefined) return [];
    const hidden = new HoldpointError("not_found", `${gate.noun} with ID ${id} not found`);
    // A run may be what its thread is made for: then there is none yet, and the run's own transaction looks again.
    const look = isCreatingRun && name === "thread_id" ? noHiddenThread : gate.look;
    return [{ statement: look(tenant_id, id, filter), hidden }];
  });
}

function idOf(name: string, given: string): string | undefined {
  const id = uuidSchema.safeParse(given);
  if (id.success) return id.data;
  return name === "assistant_id" ? assistantIdOf(given) : undefined;
}
