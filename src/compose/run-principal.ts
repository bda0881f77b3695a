import { principalOfUser } from "../http/auth/project-user.ts";
import type { HttpDeps } from "../http/deps.ts";
import { localOwner, lookAgain, standing } from "../postgres/identity.ts";
import { HoldpointError, isHoldpointError } from "../protocol/errors.ts";
import { LOCAL_OWNER, mayUse, type Permission, type Principal } from "../protocol/principal.ts";
import type { StartedWith } from "../protocol/run.ts";
import type { RunStarter } from "../runtime/runner.ts";

// To decide is for the person, not for code that runs in their name.
const NEVER_FOR_CODE: ReadonlySet<Permission> = new Set(["review:decide", "review:bypass", "review:admin", "admin"]);

/**
 * Who started a run, with what they may do now: rights that were taken away since are gone for the run too.
 * Throws `authentication_required`.
 */
export async function principalOfRun(deps: HttpDeps, run: RunStarter): Promise<Principal> {
  const principal = await starterOf(deps, run);
  const permissions = [...principal.permissions].filter((permission) => !NEVER_FOR_CODE.has(permission));
  return { ...principal, permissions: new Set(permissions) };
}

/** Whether who started a run may use what asks for this permission of a tool, as their rights are now. */
export async function mayUseOf(deps: HttpDeps, run: RunStarter, permission: string): Promise<boolean> {
  try {
    return mayUse(await starterOf(deps, run), permission);
  } catch (error) {
    // Their key or their session has ended: they may nothing any more.
    if (isHoldpointError(error) && error.code === "authentication_required") return false;
    throw error;
  }
}

async function starterOf({ auth, database, settings }: HttpDeps, run: RunStarter): Promise<Principal> {
  const { tenant_id, user, started_with } = run;
  if (user !== undefined && auth !== undefined) return principalOfUser(user, tenant_id);
  const credential = started_with && credentialOf(started_with);
  if (started_with !== undefined && credential !== undefined) {
    const { principal_id, permissions = [] } = started_with;
    const shown: Principal = {
      tenant_id,
      principal_id,
      kind: "user",
      display_name: principal_id,
      groups: [],
      permissions: new Set(permissions),
      credential,
    };
    return standing(shown, await database.maybeOne(lookAgain(shown)));
  }
  if (started_with?.principal_id === LOCAL_OWNER && settings.loopbackOwner) return localOwner(tenant_id);
  throw new HoldpointError("authentication_required", `nobody is known any more in whose name run ${run.run_id} asks`);
}

function credentialOf({ api_key_id, session_sha256 }: StartedWith): Principal["credential"] {
  if (api_key_id !== undefined) return { api_key_id };
  return session_sha256 === undefined ? undefined : { session_sha256: Buffer.from(session_sha256, "hex") };
}
