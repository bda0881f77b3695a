import { localOwner, principalByApiKey, principalBySession } from "../postgres/identity.ts";
import { HoldpointError } from "../protocol/errors.ts";
import type { Permission, Principal } from "../protocol/principal.ts";
import { authenticateUser } from "./auth/authenticate-user.ts";
import type { HttpDeps } from "./deps.ts";
import { nameOn } from "./in-name-of.ts";
import { refuseForeignPage, refuseStrangeHost } from "./origin.ts";

/** The cookie that carries a session. */
export const SESSION_COOKIE = "holdpoint_session";

/** A key of our own; what else is sent as one is for the Auth of the project, where there is one. */
const OWN_KEY = /^hp_[\w-]{43}$/;

type Asked = Pick<HttpDeps, "database" | "settings" | "auth" | "log">;

/**
 * Who asks: whoever this process itself asks for, the holder of an API key, of a session, who the project's own Auth says, or, without one and on a server that
 * only its own machine can reach, the owner.
 * A key travels only where somebody put it; a cookie and the machine itself are lent to every page a browser shows, so
 * these two are believed only when no foreign page can be behind the request. Throws `authentication_required`.
 */
export async function authenticate({ database, settings, auth, log }: Asked, request: Request): Promise<Principal> {
  const name = nameOn(request);
  if (name !== undefined) return await name();
  const key = apiKey(request.headers);
  if (key !== undefined && (auth === undefined || OWN_KEY.test(key))) {
    const holder = await principalByApiKey(database, key);
    if (holder !== undefined) return holder;
    throw new HoldpointError(
      "authentication_required",
      "the API key is unknown here or revoked; the LangGraph clients send LANGSMITH_API_KEY and its like when they are set",
    );
  }
  const session = key === undefined ? sessionSecret(request.headers) : undefined;
  const person = session === undefined ? undefined : await principalBySession(database, session);
  if (person === undefined && auth !== undefined) {
    if (key === undefined) refuseLentCredentials(settings, request);
    return await authenticateUser({ auth, database, log }, request);
  }
  if (person === undefined && !settings.loopbackOwner) {
    throw new HoldpointError(
      "authentication_required",
      'send an API key as "x-api-key" or "Authorization: Bearer", or log in',
    );
  }
  if (person === undefined) refuseStrangeHost(request);
  refuseForeignPage(request);
  return person ?? localOwner();
}

/** Refuses who does not hold the permission, or one of several. Throws `permission_denied`. */
export function authorise(
  principal: Principal,
  permission: "authenticated" | Permission | readonly Permission[],
): void {
  if (permission === "authenticated") return;
  const accepted: readonly Permission[] = typeof permission === "string" ? [permission] : permission;
  if (accepted.some((one) => principal.permissions.has(one))) return;
  throw new HoldpointError("permission_denied", `${principal.principal_id} does not hold ${accepted.join(" or ")}`, {
    facts: { principal_id: principal.principal_id, permission: accepted },
  });
}

/** A handler may read a cookie, which a browser lends to every page; a page of an origin that is let in brings none. */
function refuseLentCredentials({ corsOrigins }: HttpDeps["settings"], request: Request): void {
  const origin = request.headers.get("origin");
  const isLetIn = origin !== null && (corsOrigins === "*" || corsOrigins?.has(origin) === true);
  if (isLetIn && request.headers.get("cookie") === null) return;
  refuseForeignPage(request);
}

function apiKey(headers: Headers): string | undefined {
  const header = headers.get("x-api-key");
  if (header !== null) return header;
  const authorization = headers.get("authorization");
  if (authorization === null) return undefined;
  return /^bearer +(\S+) *$/i.exec(authorization)?.[1] ?? "";
}

function sessionSecret(headers: Headers): string | undefined {
  const cookies = headers.get("cookie")?.split(/; */) ?? [];
  const prefix = `${SESSION_COOKIE}=`;
  return cookies.find((cookie) => cookie.startsWith(prefix))?.slice(prefix.length);
}
