import type { JsonSchema } from "../../protocol/assistant.ts";
import type { Route } from "../route.ts";
import { createSchemaWriter } from "./json-schema.ts";
import { type Operation, operationOf, templateOf } from "./operation.ts";
import { REFUSAL, type Refused } from "./refusals.ts";

/** What the API is, as OpenAPI 3.1 has it. */
export interface OpenApi {
  openapi: "3.1.0";
  info: { title: string; version: string; description: string };
  servers: { url: string }[];
  tags: { name: string; description: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, JsonSchema>; responses: Refused; securitySchemes: Record<string, unknown> };
  security: Record<string, []>[];
}

const DESCRIPTION = `The API of the LangGraph server, so that its clients need no change, and of reviews beside it.

A refusal says its code in the header x-holdpoint-error. On the paths of the LangGraph API its body is the message alone, as text; elsewhere it is JSON. Members of a body that are not known here are ignored.

A server that listens on the loopback address only takes a caller without credentials for its owner.`;

const TAGS = {
  Assistants: "Graphs with a configuration.",
  Threads: "What runs of a graph go on from: their state and its history.",
  Runs: "One execution of a graph, on a thread or without one.",
  Crons: "Runs that start by the clock.",
  Store: "What graphs remember across threads.",
  Reviews: "What waits for a person, what they say, and the record of it.",
  Operations: "What an operator looks at.",
  Server: "The server itself, and who may talk to it.",
};

/** Describes routes, and where they are served. */
export function describeApi(routes: readonly Route[], version: string, server = "/"): OpenApi {
  const schemas = createSchemaWriter();
  const responses: Refused = {};
  const paths: OpenApi["paths"] = {};
  for (const route of routes) {
    const path = templateOf(route);
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route, schemas, responses) };
  }
  return {
    openapi: "3.1.0",
    info: { title: "Holdpoint", version, description: DESCRIPTION },
    servers: [{ url: server }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: { schemas: { ...schemas.named(), Refusal: REFUSAL }, responses, securitySchemes: SECURITY },
    security: [{ apiKey: [] }, { bearer: [] }, { session: [] }],
  };
}

const SECURITY = {
  apiKey: { type: "apiKey", in: "header", name: "x-api-key" },
  bearer: { type: "http", scheme: "bearer", description: "An API key." },
  session: { type: "apiKey", in: "cookie", name: "holdpoint_session", description: "Of who has logged in by a link." },
};
