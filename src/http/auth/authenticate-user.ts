import type { Database } from "../../postgres/database.ts";
import { keepUser } from "../../postgres/identity.ts";
import { HoldpointError, isHoldpointError } from "../../protocol/errors.ts";
import type { Principal } from "../../protocol/principal.ts";
import type { Log } from "../../telemetry/log.ts";
import type { ProjectAuth } from "./project-auth.ts";
import { principalOfUser, readProjectUser } from "./project-user.ts";
import { refusalOf } from "./refusal.ts";

/** Who the project's Auth says asks. Throws its refusal, `auth_unavailable`, and otherwise `authentication_required`. */
export async function authenticateUser(
  { auth, database, log }: { auth: ProjectAuth; database: Database; log: Log },
  request: Request,
): Promise<Principal> {
  const principal = await named(auth, log, request);
  if (await isKept(database, principal)) return principal;
  log.warn(
    { principal_id: principal.principal_id },
    "a user has the name of a principal of this server and is refused",
  );
  throw nobody(`${principal.principal_id} is a principal of this server itself and logs in by its own key`);
}

async function named(auth: ProjectAuth, log: Log, request: Request): Promise<Principal> {
  try {
    // Without its body: that is for the route, and can be read once only.
    const { url, method, headers } = request;
    return principalOfUser(readProjectUser(await auth.authenticate(new Request(url, { method, headers }))));
  } catch (error) {
    const refusal = refusalOf(error, 401);
    if (refusal !== undefined) throw refusal;
    if (isHoldpointError(error) && error.code === "auth_unavailable") throw error;
    // What went wrong may say too much of who is who: it is for the log alone.
    log.info({ err: error }, "the project's Auth knows nobody who asks so");
    throw nobody("the credentials were not accepted");
  }
}

function nobody(message: string): HoldpointError {
  return new HoldpointError("authentication_required", message);
}

const MOST_KEPT = 10_000;
const kept = new WeakMap<Database, Set<string>>();

/** Writes a user down once for as long as nothing of them changes; false where the name is another's. */
async function isKept(database: Database, user: Principal): Promise<boolean> {
  const known = kept.get(database) ?? new Set<string>();
  kept.set(database, known);
  const { tenant_id, principal_id, kind, display_name, groups } = user;
  const key = JSON.stringify([tenant_id, principal_id, kind, display_name, groups]);
  if (known.has(key)) return true;
  if (!(await keepUser(database, user))) return false;
  if (known.size >= MOST_KEPT) known.clear();
  known.add(key);
  return true;
}
