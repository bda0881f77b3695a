import { type AccessFilter, stamped } from "../../policy/access-filter.ts";
import { HoldpointError, isHoldpointError } from "../../protocol/errors.ts";
import { type Principal, type ProjectUser, projectUserOf } from "../../protocol/principal.ts";
import type { HttpDeps } from "../deps.ts";
import type { Parts } from "../read-parts.ts";
import type { ProtectedRoute } from "../route.ts";
import { type Access, accessOf, askAuth, OPEN_ACCESS } from "./access.ts";
import { type AuthEvent, type AuthResource, resourceOf } from "./events.ts";
import { namedThings, refuseUnseen } from "./gate.ts";
import type { ProjectAuth } from "./project-auth.ts";
import { changedBy, type Said, shownValue } from "./values.ts";

/** What a request may do and see, and what the project's Auth has made of what it says; or the answer to it. */
export type Admitted = { parts: Parts; access: Access } | { refused: Response };

interface Asking {
  deps: HttpDeps;
  principal: Principal;
  parts: Parts;
}

/**
 * Asks the project's Auth about a request of one of its users, before it is answered: every route declares what about.
 * What its path names has to be among what the answer lets be seen. Throws the refusal, `permission_denied`, `not_found`.
 */
export async function admit(route: ProtectedRoute, { deps, principal, parts }: Asking): Promise<Admitted> {
  const { auth } = deps;
  const user = projectUserOf(principal);
  if (user === undefined) return { parts, access: OPEN_ACCESS };
  if (auth === undefined) throw new Error("a user of a project's Auth where there is none");
  const { event } = route;
  if (typeof event === "object" && "none" in event) {
    refuseUsers(route, principal);
    return { parts, access: OPEN_ACCESS };
  }
  const { tenant_id } = principal;
  const things = await namedThings(deps.database, tenant_id, parts.params);
  const asked = await askAll([event].flat() as AuthEvent[], { auth, user, deps, parts, things });
  try {
    const isCreatingRun = event === "threads:create_run";
    await refuseUnseen(deps.database, tenant_id, things, asked.filters, isCreatingRun);
  } catch (error) {
    const refused = isHoldpointError(error) && error.code === "not_found" ? route.hidden?.(error) : undefined;
    if (refused === undefined) throw error;
    return { refused };
  }
  const ask: Access["ask"] = (another, value) => askAuth(auth, user, another, value, deps.log);
  return { parts: asked.parts, access: accessOf(asked.filters, ask) };
}

/** What the project's Auth is not asked about is about the server and not about its users' things. */
function refuseUsers({ permission }: ProtectedRoute, { principal_id, permissions }: Principal): void {
  if (permission === "authenticated" || permissions.has("admin")) return;
  throw new HoldpointError("permission_denied", `${principal_id} does not hold admin`, {
    facts: { principal_id, permission: ["admin"] },
  });
}

interface Question {
  auth: ProjectAuth;
  user: ProjectUser;
  deps: HttpDeps;
  parts: Parts;
  things: Readonly<Record<string, string>>;
}

async function askAll(
  events: readonly AuthEvent[],
  { auth, user, deps, parts, things }: Question,
): Promise<{ filters: Map<AuthResource, AccessFilter>; parts: Parts }> {
  const filters = new Map<AuthResource, AccessFilter>();
  let changed = parts;
  for (const event of events) {
    // Of several things that are made at once each is asked about.
    const bodies = Array.isArray(changed.body) ? (changed.body as unknown[]) : [changed.body];
    const made: unknown[] = [];
    let query = changed.query;
    for (const body of bodies) {
      const said: Said = { params: things, body: members(body), query: members(query) };
      const value = shownValue(event, said);
      const filter = await askAuth(auth, user, event, value, deps.log);
      const after = changedBy(event, value, said);
      made.push(body === undefined ? body : marked(event, filter, after.body));
      if (query !== undefined) query = after.query;
      filters.set(resourceOf(event), both(filters.get(resourceOf(event)), filter));
    }
    changed = { ...changed, query, body: Array.isArray(changed.body) ? made : made[0] };
  }
  return { filters, parts: changed };
}

const members = (value: unknown) => (typeof value === "object" && value !== null ? (value as Said["body"]) : {});

/** What is made or changed stays among what its maker may see, and is made in nobody else's name. */
function marked(event: AuthEvent, filter: AccessFilter, body: Said["body"]): Said["body"] {
  const action = event.slice(event.indexOf(":") + 1);
  const { metadata } = body as { metadata?: Record<string, unknown> | null };
  if (event.startsWith("store:") || (action !== "create" && (action !== "update" || metadata == null))) {
    return body;
  }
  const made = stamped(filter, metadata ?? {});
  if (made !== undefined) return { ...body, metadata: made };
  throw new HoldpointError("permission_denied", "the metadata is of something that is not yours to make", {
    facts: { permission: [event] },
  });
}

/** Of things that are made together all are seen by the same rule: the events of one route have one filter. */
function both(before: AccessFilter | undefined, filter: AccessFilter): AccessFilter {
  if (before === undefined || JSON.stringify(before) === JSON.stringify(filter)) return filter;
  throw new HoldpointError(
    "invalid",
    "what is made here at once is not all for the same people; make one after the other",
  );
}
