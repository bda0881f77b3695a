import jsonPatch from "fast-json-patch";
import type { CanonicalDecision } from "../../protocol/decision.ts";
import type { ReviewAction } from "../../protocol/interrupt.ts";
import type { Json } from "../../protocol/json.ts";

/** The JSON pointers at which two values differ. */
export function changedPaths(before: Json, after: Json): string[] {
  // Wrapped, because a patch between two scalars or between a scalar and an object has the path "".
  return jsonPatch.compare({ value: before }, { value: after }).map(({ path }) => path.slice("/value".length));
}

/** RFC 6902 patch from the proposed arguments to the decided ones, paths starting with the action's index. */
export function decisionDiff(actions: readonly ReviewAction[], decisions: readonly CanonicalDecision[]): Json {
  const proposed = Object.fromEntries(actions.map((action) => [action.index, action.args]));
  const decided = Object.fromEntries(
    decisions.map((decision) => [
      decision.action,
      decision.type === "edit" ? decision.args : proposed[decision.action],
    ]),
  );
  return jsonPatch.compare(proposed, decided) as unknown as Json;
}
