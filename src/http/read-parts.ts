import type { KeyedRequest } from "../postgres/idempotency.ts";
import type { Principal } from "../protocol/principal.ts";
import { keyedRequest } from "./idempotency.ts";
import { readParameters } from "./path-parameters.ts";
import { parseQuery, parseWith, readJson } from "./read-request.ts";
import type { ProtectedRoute, PublicCall, Route } from "./route.ts";

/** A request as it arrives, with the parameters of its path as they were sent. */
export type Arrived = Omit<PublicCall<string>, "query">;

/** What a request carries, as its route declares it. */
export interface Parts {
  params: Readonly<Record<string, string>>;
  body: unknown;
  query: unknown;
  keyed: KeyedRequest | undefined;
}

/** Reads what a request carries: path, body, query. Throws what is wrong with it. */
export async function readParts(route: ProtectedRoute, call: Arrived & { principal: Principal }): Promise<Parts> {
  const params = readParameters(call.params);
  const { body, keyed } = await readBody(route, call);
  return { params, body, keyed, query: readQuery(route, call) };
}

/** The query, as the route declares it; undefined where it declares none. Throws `invalid`. */
export function readQuery({ query }: Route, { url }: Pick<PublicCall, "url">): unknown {
  return query === undefined ? undefined : parseQuery(url, query);
}

async function readBody(
  { body: schema, keyed: takesKey = false }: ProtectedRoute,
  call: Arrived & { principal: Principal },
): Promise<Pick<Parts, "body" | "keyed">> {
  if (schema === undefined) return { body: undefined, keyed: undefined };
  const keyedBy = takesKey ? keyedRequest(call) : undefined;
  const sent = await readJson(call);
  return { body: parseWith(sent, schema), keyed: keyedBy?.(sent) };
}
