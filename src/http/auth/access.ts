import { type AccessFilter, EVERYTHING, readAccessFilter } from "../../policy/access-filter.ts";
import type { ProjectUser } from "../../protocol/principal.ts";
import type { Log } from "../../telemetry/log.ts";
import { type AuthEvent, type AuthResource, resourceOf } from "./events.ts";
import type { ProjectAuth } from "./project-auth.ts";
import { AuthRefusal, refusalOf } from "./refusal.ts";

/** What whoever asks may see. */
export interface Access {
  /** Of what the route has asked about. Throws where it has not asked: nothing is let through because of a slip. */
  of(resource: AuthResource): AccessFilter;
  /** Asks about something more than the route says. Throws the refusal of the project's Auth. */
  ask(event: AuthEvent, value: Record<string, unknown>): Promise<AccessFilter>;
}

/** Who is no user of a project's Auth sees what their permissions say: the hooks are about the project's own users. */
export const OPEN_ACCESS: Access = { of: () => EVERYTHING, ask: async () => EVERYTHING };

/** What a user may see, with the answers to what was asked so far. */
export function accessOf(
  filters: ReadonlyMap<AuthResource, AccessFilter>,
  ask: (event: AuthEvent, value: Record<string, unknown>) => Promise<AccessFilter>,
): Access {
  return {
    of(resource) {
      const filter = filters.get(resource);
      if (filter === undefined) throw new Error(`the route asks about ${resource} but declares no event of it`);
      return filter;
    },
    ask,
  };
}

/** Asks the project's Auth about one event. Throws its refusal; what it does not mention it allows, as LangGraph has it. */
export async function askAuth(
  auth: ProjectAuth,
  user: ProjectUser,
  event: AuthEvent,
  value: Record<string, unknown>,
  log: Log,
): Promise<AccessFilter> {
  const resource = resourceOf(event);
  const action = event.slice(resource.length + 1);
  const handler = auth.handlerOf(resource, action);
  if (handler === undefined) return EVERYTHING;
  let answer: unknown;
  try {
    answer = await handler({ event, resource, action, value, user, permissions: user.permissions });
  } catch (error) {
    const refusal = refusalOf(error, 403);
    if (refusal === undefined) throw error;
    log.debug({ event, status: refusal.status }, "the project's Auth refused a request");
    throw refusal;
  }
  if (answer === undefined || answer === null || answer === true) return EVERYTHING;
  if (answer === false) throw new AuthRefusal(403, "Forbidden");
  return readAccessFilter(answer);
}
