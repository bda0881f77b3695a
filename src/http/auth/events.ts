/** What the Auth of a project is asked about: the events of LangGraph's own server. */
export const AUTH_EVENTS = [
  "threads:create",
  "threads:read",
  "threads:update",
  "threads:delete",
  "threads:search",
  "threads:create_run",
  "assistants:create",
  "assistants:read",
  "assistants:update",
  "assistants:delete",
  "assistants:search",
  "crons:create",
  "crons:read",
  "crons:update",
  "crons:delete",
  "crons:search",
  "store:put",
  "store:get",
  "store:search",
  "store:list_namespaces",
  "store:delete",
] as const;

/** One of them. */
export type AuthEvent = (typeof AUTH_EVENTS)[number];

type ResourceOf<Event> = Event extends `${infer Resource}:${string}` ? Resource : never;

/** What an event is about. */
export type AuthResource = ResourceOf<AuthEvent>;

/** What an event is about. */
export const resourceOf = (event: AuthEvent) => event.split(":", 1)[0] as AuthResource;
