import { expect, test } from "vitest";
import { headersForGraph } from "../../src/policy/configurable-headers.ts";

const HEADERS: [string, string][] = [
  ["Authorization", "s"],
  ["Cookie", "s"],
  ["Proxy-Authorization", "s"],
  ["X-Api-Key", "s"],
  ["x-tenant-id", "s"],
  ["x-service-key", "s"],
  ["x-auth-token", "s"],
  ["X-Github-Pat", "p"],
  ["X-User-Id", "u"],
  ["user-agent", "a"],
  ["accept", "*"],
];

test.each<[string, Parameters<typeof headersForGraph>[1], string[]]>([
  ["nothing is said", {}, ["x-github-pat", "x-user-id", "user-agent"]],
  ["some are left out", { excludes: ["X-GITHUB-*"] }, ["x-user-id", "user-agent"]],
  ["all are left out", { excludes: ["*"] }, []],
  ["some are named", { includes: ["x-user-*", "accept"] }, ["x-user-id", "accept"]],
  ["what looks like a secret is named", { includes: ["x-auth-token"] }, ["x-auth-token"]],
  [
    "all are named, which never names proofs",
    { includes: ["*"] },
    ["x-auth-token", "x-github-pat", "x-user-id", "user-agent", "accept"],
  ],
  ["one is named and left out", { includes: ["x-*"], excludes: ["x-user-id"] }, ["x-auth-token", "x-github-pat"]],
  ["none is named", { includes: [] }, []],
])("where %s, graphs are told of %j", (_case, rule, names) => {
  expect(Object.keys(headersForGraph(HEADERS, rule)).sort()).toEqual([...names].sort());
});

test("what a client makes large ends somewhere, and a name is no member of every object", () => {
  const large: [string, string][] = Array.from({ length: 100 }, (_, index) => [`x-${index}`, "v".repeat(1_000)]);
  expect(Object.keys(headersForGraph(large, {})).length).toBeLessThan(20);
  expect(headersForGraph([[`x-${"n".repeat(500)}`, "v"]], {})).toEqual({});
  expect(headersForGraph([["x-__proto__", "v"]], {})).toEqual({ "x-__proto__": "v" });
});
