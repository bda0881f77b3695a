import type { z } from "zod";
import type { KeyedRequest } from "../postgres/idempotency.ts";
import type { ErrorCode, HoldpointError } from "../protocol/errors.ts";
import type { Permission, Principal } from "../protocol/principal.ts";
import type { Answer } from "./answers.ts";
import type { Access } from "./auth/access.ts";
import type { AuthEvent } from "./auth/events.ts";
import type { HttpDeps } from "./deps.ts";

/** One request, before anybody knows who asks. */
export interface PublicCall<Names extends string = never, Query = unknown> {
  deps: HttpDeps;
  request: Request;
  url: URL;
  /** The path's parameters, decoded, as path-parameters.ts has them. */
  params: Readonly<Record<Names, string>>;
  /** The query, as the route declares it. */
  query: Query;
  /** How long ago the request arrived. */
  elapsedMs: () => number;
  /** Aborted when the server stops: open streams end then. */
  draining: AbortSignal;
}

/** One request of somebody who may make it, with what it carries as its route declares it. */
export interface Call<Names extends string = never, Body = unknown, Query = unknown> extends PublicCall<Names, Query> {
  principal: Principal;
  /** Which things whoever asks may see. */
  access: Access;
  /** Asks again whether the request may be answered, for answers that go on for long. Throws what refuses it. */
  again: () => Promise<void>;
  body: Body;
  /** Who the request is when it comes again; only where the route takes a key and one was sent. */
  keyed: KeyedRequest | undefined;
}

type Reply = Promise<Response> | Response;

interface Declared<Path extends string, Query> {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  path: Path;
  /** What it is for, in one line. */
  summary: string;
  /** What one line does not hold. */
  description?: string;
  /** Parses the query, and is shown as its description. */
  query?: z.ZodType<Query>;
  /** What it answers with when all is well, by status. */
  answers: Readonly<Record<number, Answer>>;
  /** Refusals of its own, beside those that follow from what is declared. */
  refuses?: readonly ErrorCode[];
}

interface PublicDeclaration<Path extends string, Query> extends Declared<Path, Query> {
  handle(call: PublicCall<NamesIn<Path>, Query>): Reply;
}

interface Declaration<Path extends string, Body, Query> extends Declared<Path, Query> {
  /** Who may call it: holders of one permission, of one of several, or whoever is known at all. */
  permission: "authenticated" | Permission | readonly Permission[];
  /**
   * What the Auth of a project is asked about a request of one of its users. Where it knows no such thing, why not: then
   * users of a project are let in only as operators, with `admin`.
   */
  event: AuthEvent | readonly AuthEvent[] | { none: string };
  /** How it is said that what the path names is not there for a user of a project; `not_found` unless given. */
  hidden?(refusal: HoldpointError): Response;
  /** Parses the body, and is shown as its description. Without it no body is read. */
  body?: z.ZodType<Body>;
  /** A body as it may be sent. */
  example?: unknown;
  /** Whether an Idempotency-Key is taken. */
  keyed?: boolean;
  handle(call: Call<NamesIn<Path>, Body, Query>): Reply;
}

/** A route anybody may call; it must give nothing away. */
export interface PublicRoute extends PublicDeclaration<string, unknown> {
  permission: "public";
}

/** A route for callers that may, with what they may send. */
export interface ProtectedRoute extends Declaration<string, unknown, unknown> {}

/** What is answered where, and to whom. */
export type Route = PublicRoute | ProtectedRoute;

/** The names of a path's parameters. */
type NamesIn<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Name | NamesIn<`/${Rest}`>
  : Path extends `${string}:${infer Name}`
    ? Name
    : never;

/** Declares a route: what it declares is what is parsed, in the order who asks, path, body, query, and what is told of it. */
export function defineRoute<const Path extends string, Body = undefined, Query = undefined>(
  declaration: Declaration<Path, Body, Query>,
): ProtectedRoute {
  return declaration as unknown as ProtectedRoute;
}

/** Declares a route that anybody may call. */
export function definePublicRoute<const Path extends string, Query = undefined>(
  declaration: PublicDeclaration<Path, Query>,
): PublicRoute {
  return { ...(declaration as unknown as PublicRoute), permission: "public" };
}
