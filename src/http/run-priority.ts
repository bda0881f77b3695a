import { prioritySchema, type RunCreate } from "../protocol/run.ts";
import { invalid } from "./failure.ts";
import type { Call } from "./route.ts";

const HEADER = "Holdpoint-Priority";

/**
 * How urgent a run is: the body says so, or a header, because the LangGraph clients send no member that they do not
 * know but any header. Undefined where neither does.
 */
export function priorityOf({ request }: Call, { priority }: RunCreate): number | undefined {
  if (priority != null) return priority;
  const text = request.headers.get(HEADER);
  if (text === null) return undefined;
  const parsed = prioritySchema.safeParse(/^\d{1,3}$/.test(text) ? Number(text) : text);
  if (parsed.success) return parsed.data;
  const message = `the header ${HEADER} is ${JSON.stringify(text.slice(0, 80))}; send a whole number from 0 to 100`;
  throw invalid([{ pointer: "/priority", message }]);
}
