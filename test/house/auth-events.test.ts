import { expect, test } from "vitest";
import { AUTH_EVENTS } from "../../src/http/auth/events.ts";
import { GATED_PARAMETERS } from "../../src/http/auth/gate.ts";
import type { ProtectedRoute, Route } from "../../src/http/route.ts";
import { routes } from "../../src/http/routes.ts";

const label = ({ method, path }: { method: string; path: string }) => `${method} ${path}`;
const isProtected = (route: Route): route is ProtectedRoute => route.permission !== "public";
const guarded = routes.filter(isProtected);
const asksNothing = ({ event }: ProtectedRoute) => typeof event === "object" && "none" in event;

// What is of the server and not of anybody's, so that the Auth of a project knows no event of it.
const WITHOUT_EVENT = [
  "POST /api-keys",
  "GET /api-keys",
  "DELETE /api-keys/:api_key_id",
  "GET /insights/graphs/:graph_id",
  "GET /queue",
  "GET /usage",
  "GET /workers",
  "GET /metrics",
  "GET /whoami",
];

// What makes something, or gives or takes many things: each hands its filter to the database, and
// test/http/auth-owners.test.ts and auth-store.test.ts ask each of them as somebody else.
const OF_MANY = [
  "POST /assistants",
  "POST /assistants/search",
  "POST /assistants/count",
  "POST /threads",
  "POST /threads/search",
  "POST /threads/count",
  "POST /threads/prune",
  "POST /runs",
  "POST /runs/wait",
  "POST /runs/stream",
  "POST /runs/batch",
  "POST /runs/cancel",
  "POST /runs/crons",
  "POST /runs/crons/search",
  "POST /runs/crons/count",
  "GET /runs",
  "GET /insights/runs",
  "GET /deliveries",
  "GET /effects",
  "GET /tickets",
  "GET /reviews",
  "GET /reviews/counts",
  "GET /reviews/stream",
  "GET /audit/reviews",
  "PUT /store/items",
  "GET /store/items",
  "DELETE /store/items",
  "POST /store/items/search",
  "POST /store/namespaces",
];

// Parameters that name nothing of its own: a part of what another parameter names.
const PARTS = ["checkpoint_id", "namespace"];

const parametersOf = ({ path }: Route) => [...path.matchAll(/:(\w+)/g)].map(([, name]) => name ?? "");

test.each(guarded.map((route) => ({ label: label(route), route })))(
  "$label says what the Auth of a project is asked about it",
  ({ route }) => {
    const { event } = route;
    if (typeof event === "object" && "none" in event) expect(event.none.length).toBeGreaterThan(10);
    else for (const one of [event].flat()) expect(AUTH_EVENTS).toContain(one);
  },
);

test("only what is known to be nobody's own asks nothing", () => {
  expect(guarded.filter(asksNothing).map(label).toSorted()).toEqual(WITHOUT_EVENT.toSorted());
});

test("what a path names is looked at before it is answered, or is known to be of many things", () => {
  const asking = guarded.filter((route) => !asksNothing(route));
  const named = (route: Route) => parametersOf(route).some((name) => GATED_PARAMETERS.includes(name));
  expect(
    asking
      .filter((route) => !named(route))
      .map(label)
      .toSorted(),
  ).toEqual(OF_MANY.toSorted());
  const strangers = asking.flatMap((route) =>
    parametersOf(route).filter((name) => !GATED_PARAMETERS.includes(name) && !PARTS.includes(name)),
  );
  expect(strangers).toEqual([]);
});

test("each parameter that names something is asked about by an event of what it is seen by", () => {
  const resources: Record<string, string> = { assistant_id: "assistants", cron_id: "crons" };
  const wrong = guarded
    .filter((route) => !asksNothing(route))
    .flatMap((route) => {
      const asked = [route.event].flat().map((event) => String(event).split(":")[0]);
      const needed = parametersOf(route).filter((name) => GATED_PARAMETERS.includes(name));
      return needed
        .filter((name) => !asked.includes(resources[name] ?? "threads"))
        .map((name) => `${label(route)} ${name}`);
    });
  expect(wrong).toEqual([]);
});
