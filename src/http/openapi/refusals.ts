import type { JsonSchema } from "../../protocol/assistant.ts";
import { ERRORS, type ErrorCode } from "../../protocol/errors.ts";
import { isLangGraphPath } from "../failure.ts";
import type { Route } from "../route.ts";

const ANYWHERE: readonly ErrorCode[] = ["database_unreachable", "shutting_down"];
const OF_A_CALLER: readonly ErrorCode[] = ["authentication_required", "permission_denied", "invalid"];
const OF_A_BODY: readonly ErrorCode[] = ["bad_request", "body_too_large", "invalid", "unsupported_media_type"];
const OF_A_KEY: readonly ErrorCode[] = ["bad_request", "idempotency_key_reused"];

/** Every code that a route may refuse with: what follows from its declaration, and what it says itself. */
function refusalsOf(route: Route): ErrorCode[] {
  if (route.permission === "public") return [...(route.refuses ?? [])];
  const { body, keyed = false, path, query, refuses = [] } = route;
  return [
    ...ANYWHERE,
    ...OF_A_CALLER,
    ...(body === undefined ? [] : OF_A_BODY),
    ...(keyed ? OF_A_KEY : []),
    ...(query === undefined ? [] : (["invalid"] as const)),
    ...(path.includes(":") ? (["not_found"] as const) : []),
    ...refuses,
  ];
}

/** How a route refuses with one status. */
export interface RefusedResponse {
  description: string;
  headers: Record<string, unknown>;
  content: Record<string, { schema: JsonSchema }>;
}

/** Refusals that many routes share, by their names. */
export type Refused = Record<string, RefusedResponse>;

// What has more codes is not shared by many.
const MOST_SHARED = 2;

/** The refusals of a route by their status, as OpenAPI has them; those that others have too are put among the shared ones. */
export function refusedResponses(route: Route, shared: Refused): Record<string, unknown> {
  const byStatus = Map.groupBy([...new Set(refusalsOf(route))].sort(), (code) => ERRORS[code].status);
  return Object.fromEntries([...byStatus].map(([status, codes]) => [String(status), refusal(route, codes, shared)]));
}

function refusal(route: Route, codes: readonly ErrorCode[], shared: Refused) {
  const response = refused(route, codes);
  if (codes.length > MOST_SHARED) return response;
  const name = [...codes, ...(isLangGraphPath(route.path) ? ["as_text"] : [])].join("-");
  shared[name] = response;
  return { $ref: `#/components/responses/${name}` };
}

function refused({ path }: Route, codes: readonly ErrorCode[]): RefusedResponse {
  return {
    description: codes.join(", "),
    headers: { "x-holdpoint-error": { description: "The code.", schema: { type: "string", enum: codes } } },
    content: isLangGraphPath(path)
      ? { "text/plain": { schema: { type: "string", description: "The message." } } }
      : { "application/json": { schema: { $ref: "#/components/schemas/Refusal" } } },
  };
}

/** The body of a refusal, where the path is none of LangGraph's. */
export const REFUSAL = {
  type: "object",
  required: ["error"],
  properties: {
    error: {
      type: "object",
      required: ["code", "message", "facts", "retryable"],
      properties: {
        code: { type: "string", enum: Object.keys(ERRORS) },
        message: { type: "string", description: "What failed, the value seen, and what to do." },
        facts: {
          type: "object",
          description: "What a program can read: who won, what changed, which pointer is wrong.",
        },
        retryable: { type: "boolean", description: "Whether the same request may succeed later." },
      },
    },
  },
};
