import { HoldpointError } from "../../protocol/errors.ts";
import { portsIfAny } from "../ports.ts";
import type { Tool } from "./tool.ts";

/** Refuses a call that whoever started the run may not have made. Throws `permission_denied`. */
export async function refuseForbidden({ name, options: { permission } }: Tool): Promise<void> {
  if (permission === undefined) return;
  // Called by itself there is nobody who has started a run: it is its author's own code that calls it.
  const ports = portsIfAny();
  if (ports === undefined || (await ports.may(permission))) return;
  throw new HoldpointError(
    "permission_denied",
    `${name} needs the permission "${permission}", which who started this run does not hold now; an approval by ` +
      `somebody else does not give it. Give it to a key with "holdpoint keys create --permission tool:${permission}", ` +
      `to a user of the project's Auth by "${permission}" among their permissions`,
    { facts: { permission, tool: name } },
  );
}
