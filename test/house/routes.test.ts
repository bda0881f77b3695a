import { expect, test } from "vitest";
import { z } from "zod";
import { PATH_PARAMETERS } from "../../src/http/path-parameters.ts";
import { routes } from "../../src/http/routes.ts";
import { shownSchema } from "../../src/http/shown-as.ts";
import { PERMISSIONS } from "../../src/protocol/principal.ts";

const label = ({ method, path }: { method: string; path: string }) => `${method} ${path}`;

// What anybody may call, because it gives nothing away or is how one signs in.
const PUBLIC = [
  "GET /ok",
  "GET /info",
  "GET /livez",
  "GET /healthz",
  "GET /readyz",
  "GET /openapi.json",
  "GET /docs",
  "GET /docs/style.css",
  "GET /login/:secret",
  "POST /login/:secret",
];

test.each(routes.map((route) => ({ label: label(route), route })))("$label says who may call it", ({ route }) => {
  const { permission } = route;
  const needed = typeof permission === "string" ? [permission] : permission;
  expect(needed.length).toBeGreaterThan(0);
  for (const one of needed) expect(["public", "authenticated", ...PERMISSIONS]).toContain(one);
});

test.each(routes.map((route) => ({ label: label(route), route })))(
  "$label says what it takes and gives",
  ({ route }) => {
    expect(route.summary).toMatch(/^[A-Z][^\n]{5,90}[^.]$/);
    const names = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => name as string);
    expect(names.filter((name) => PATH_PARAMETERS[name] === undefined)).toEqual([]);
    const { query, body } = { body: undefined, ...route };
    for (const schema of [query, body].filter((one) => one !== undefined)) {
      const shown = z.toJSONSchema(shownSchema(schema), { io: "input", unrepresentable: "any" });
      expect(Object.keys(shown).length, label(route)).toBeGreaterThan(route.path.endsWith("/copy") ? 0 : 1);
    }
    expect(Object.keys(route.answers).length).toBeGreaterThan(0);
  },
);

test("only what is known to be harmless is public", () => {
  const open = routes.filter(({ permission }) => permission === "public").map(label);
  expect(open.filter((route) => !PUBLIC.includes(route))).toEqual([]);
});

test("each method and path is answered once", () => {
  const shapes = routes.map(({ method, path }) => `${method} ${path.replaceAll(/:\w+/g, ":x")}`);
  expect(shapes.filter((shape, index) => shapes.indexOf(shape) !== index)).toEqual([]);
});

test("whatever decides a review needs the right to decide, and starting runs does not give it", () => {
  const deciding = routes.filter(({ path }) => /decision|decide/.test(path));
  expect(deciding.length).toBeGreaterThan(0);
  for (const route of deciding) expect([route.permission].flat(), label(route)).toEqual(["review:decide"]);
});
