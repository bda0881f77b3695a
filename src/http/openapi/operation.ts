import type { JsonSchema } from "../../protocol/assistant.ts";
import type { Answer } from "../answers.ts";
import { PATH_PARAMETERS } from "../path-parameters.ts";
import type { Route } from "../route.ts";
import { shownSchema } from "../shown-as.ts";
import type { SchemaWriter } from "./json-schema.ts";
import { type Refused, refusedResponses } from "./refusals.ts";

/** A parameter of the path, the query or a header. */
export interface Parameter {
  name: string;
  in: "path" | "query" | "header";
  required: boolean;
  description?: string;
  schema: JsonSchema;
}

/** What may be asked at one address by one method. */
export interface Operation {
  operationId: string;
  tags: [string];
  summary: string;
  description: string;
  parameters: Parameter[];
  requestBody?: { required: boolean; content: { "application/json": { schema: JsonSchema; example?: unknown } } };
  responses: Record<string, unknown>;
  security?: [];
  /** Permissions of which the caller needs one. */
  "x-permissions"?: readonly string[];
}

// The first that fits.
const TAGS: readonly [RegExp, string][] = [
  [/^\/assistants/, "Assistants"],
  [/\/crons/, "Crons"],
  [/^\/(threads\/:thread_id\/)?runs/, "Runs"],
  [/^\/threads/, "Threads"],
  [/^\/store/, "Store"],
  [/^\/(reviews|review-groups|audit)/, "Reviews"],
  [/^\/(queue|workers|deliveries|tickets|insights|usage)/, "Operations"],
];

/** What a route is, as OpenAPI has it. */
export function operationOf(route: Route, schemas: SchemaWriter, refused: Refused): Operation {
  const permissions = route.permission === "public" ? undefined : [route.permission].flat();
  const needed = permissions === undefined ? "Anybody may." : `Needs ${permissions.join(" or ")}.`;
  return {
    operationId: idOf(route),
    tags: [TAGS.find(([pattern]) => pattern.test(route.path))?.[1] ?? "Server"],
    summary: route.summary,
    description: [route.description, permissions?.[0] === "authenticated" ? "Needs a caller who is known." : needed]
      .filter((text) => text !== undefined)
      .join(" "),
    parameters: [...pathParameters(route, schemas), ...queryParameters(route, schemas), ...headerParameters(route)],
    ...bodyOf(route, schemas),
    responses: {
      ...Object.fromEntries(
        Object.entries(route.answers).map(([status, answer]) => [status, answered(answer, schemas)]),
      ),
      ...refusedResponses(route, refused),
    },
    ...(permissions === undefined ? { security: [] } : { "x-permissions": permissions }),
  };
}

/** An address with its parameters as OpenAPI writes them. */
export const templateOf = ({ path }: Pick<Route, "path">) => path.replaceAll(/:(\w+)/g, "{$1}");

function idOf({ method, path }: Route): string {
  const words = path.split(/[/_.-]/).map((word) => word.replace(/^:(\w)/, (_all, letter: string) => `by-${letter}`));
  return [
    method.toLowerCase(),
    ...words
      .flatMap((word) => word.split("-"))
      .filter((word) => word !== "")
      .map(capital),
  ].join("");
}

const capital = (word: string) => word.slice(0, 1).toUpperCase() + word.slice(1);

function pathParameters({ path }: Route, schemas: SchemaWriter): Parameter[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name = ""]) => {
    const { schema, description = "" } = PATH_PARAMETERS[name] ?? {};
    const shape = schema === undefined ? { type: "string" } : schemas.write(schema);
    return { name, in: "path", required: true, description, schema: shape };
  });
}

function queryParameters({ query }: Route, schemas: SchemaWriter): Parameter[] {
  if (query === undefined) return [];
  const { properties = {}, required = [] } = schemas.write(query) as {
    properties?: Record<string, JsonSchema>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: "query",
    required: required.includes(name),
    ...(typeof description === "string" ? { description } : {}),
    schema,
  }));
}

function headerParameters(route: Route): Parameter[] {
  const isKeyed = "keyed" in route && route.keyed === true;
  const isFollowed = route.method === "GET" && route.answers[200]?.type === "text/event-stream";
  return [
    ...(isKeyed ? [header("Idempotency-Key", "The same request with the same key is answered as before.")] : []),
    ...(isFollowed ? [header("Last-Event-ID", "The last event that was received: what came after it is sent.")] : []),
  ];
}

const header = (name: string, description: string): Parameter => ({
  name,
  in: "header",
  required: false,
  description,
  schema: { type: "string", maxLength: 200 },
});

function bodyOf(route: Route, schemas: SchemaWriter): Pick<Operation, "requestBody"> | undefined {
  if (!("body" in route) || route.body === undefined) return undefined;
  const schema = schemas.write(route.body);
  const example = route.example === undefined ? {} : { example: route.example };
  const required = !shownSchema(route.body).safeParse({}).success;
  return { requestBody: { required, content: { "application/json": { schema, ...example } } } };
}

function answered({ description, schema, type = "application/json", headers = [] }: Answer, schemas: SchemaWriter) {
  const isEmpty = schema === undefined && type === "application/json";
  return {
    description,
    ...(headers.length === 0 ? {} : { headers: Object.fromEntries(headers.map((name) => [name, TEXT_HEADER])) }),
    ...(isEmpty
      ? {}
      : { content: { [type]: { schema: schema === undefined ? { type: "string" } : schemas.write(schema) } } }),
  };
}

const TEXT_HEADER = { schema: { type: "string" } };
