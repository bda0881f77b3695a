import { type RunCreate, timeoutSchema } from "../protocol/run.ts";
import { invalid } from "./failure.ts";
import type { Call } from "./route.ts";

const HEADER = "Holdpoint-Timeout";

/** How many seconds a run may execute: in the body, or in a header as for the priority. Undefined where neither says so. */
export function timeoutOf({ request }: Call, { timeout }: RunCreate): number | undefined {
  if (timeout != null) return timeout;
  const text = request.headers.get(HEADER);
  if (text === null) return undefined;
  const parsed = timeoutSchema.safeParse(/^\d{1,9}(\.\d{1,6})?$/.test(text) ? Number(text) : text);
  if (parsed.success) return parsed.data;
  const message = `the header ${HEADER} is ${JSON.stringify(text.slice(0, 80))}; send a number of seconds above 0`;
  throw invalid([{ pointer: "/timeout", message }]);
}
