import { invalid } from "./failure.ts";
import { checkWith, textSchema } from "./read-request.ts";
import type { Call } from "./route.ts";

const HEADER = "x-holdpoint-bypass-reason";

/**
 * Why the caller goes past the reviews of a guarded graph, this once: `bypass_reason` of the body, or a header where there
 * is no body of ours. Whoever may not do that has given no reason: for them the graph is as guarded as it was. Throws `invalid`.
 */
export function bypassOf({ principal, request }: Call, inBody?: string | null): string | undefined {
  const given = inBody ?? request.headers.get(HEADER);
  if (given === null || given === undefined) return undefined;
  const checked = checkWith(textSchema, given);
  const fault = checked.ok ? (given.trim() === "" ? "must say why" : undefined) : checked.faults[0]?.message;
  if (fault !== undefined) throw invalid([{ pointer: "/bypass_reason", message: fault }]);
  return principal.permissions.has("review:bypass") ? given.trim() : undefined;
}
