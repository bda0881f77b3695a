import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readProject } from "../../src/graphs/project/read-project.ts";
import { isHoldpointError } from "../../src/protocol/errors.ts";
import { createProject } from "../support/project-folder.ts";

const ENVIRONMENT = new Set(["PRESENT"]);

async function refusalOf(content: string | object): Promise<string> {
  const { directory } = await createProject({ "langgraph.json": content });
  try {
    readProject(directory, ENVIRONMENT);
  } catch (error) {
    if (!isHoldpointError(error)) throw error;
    expect(error.code).toBe("configuration_invalid");
    const lines = error.message.split("\n");
    for (const line of lines) {
      expect(line.startsWith(`${join(directory, "langgraph.json")}: `)).toBe(true);
      expect(line).not.toMatch(/[\u0000-\u001f\u007f]/);
    }
    return lines.map((line) => line.slice(directory.length + "/langgraph.json: ".length)).join("\n");
  }
  throw new Error("it was taken");
}

describe("a langgraph.json that cannot be used is refused, and says where", () => {
  test.each<[string, string | object, RegExp]>([
    ["is empty", "", /^it is no JSON: /],
    ["is no JSON", "{ graphs: 1 }", /^it is no JSON: /],
    ["is a list", "[]", /^the file: expected object, received array$/],
    ["is null", "null", /^the file: /],
    ["is text", '"graphs"', /^the file: /],
    ["has no graphs", {}, /^graphs: /],
    ["has a list of graphs", { graphs: ["./a.ts:a"] }, /^graphs: /],
    ["has a graph that is a number", { graphs: { a: 1 } }, /^graphs\.a: /],
    ["has a graph without a path", { graphs: { a: { description: "x" } } }, /^graphs\.a: /],
    ["has an empty path", { graphs: { a: "" } }, /^graphs\.a: /],
    ["leads out of its folder", { graphs: { a: "../a.ts:a" } }, /^graphs\.a is "\.\.\/a\.ts:a", which is not inside/],
    ["leads out by a detour", { graphs: { a: "./b/../../a.ts:a" } }, /^graphs\.a is .* not inside/],
    ["leads to an absolute path", { graphs: { a: "/etc/passwd:a" } }, /^graphs\.a is "\/etc\/passwd:a", which is not/],
    ["names its folder", { graphs: { a: ".:a" } }, /^graphs\.a is .* not inside/],
    ["names Python", { graphs: { a: "./a.py:graph" } }, /^graphs\.a is .* which is Python/],
    ["leads out for Auth", { graphs: {}, auth: { path: "../auth.ts:auth" } }, /^auth\.path is .* not inside/],
    ["leads out for its app", { graphs: {}, http: { app: "../../app.ts:app" } }, /^http\.app is .* not inside/],
    ["has one id twice", '{"graphs": {"a": "./a.ts:a", "\\u0061": "./b.ts:b"}}', /^the key "a" stands twice/],
    [
      "has a key twice further in",
      '{"graphs": {}, "http": {"app": "./a.ts:a", "app": "./b.ts"}}',
      /"app" stands twice/,
    ],
    [
      "names an env file that is missing",
      { graphs: {}, env: ".env" },
      /^env names the file "\.env", which cannot be read/,
    ],
    ["has a number among its variables", { graphs: {}, env: { A: 1 } }, /^env/],
    [
      "has an odd time to live",
      { graphs: {}, checkpointer: { ttl: { default_ttl: -1 } } },
      /^checkpointer\.ttl\.default_ttl/,
    ],
    [
      "has an odd strategy",
      { graphs: {}, checkpointer: { ttl: { strategy: "burn" } } },
      /^checkpointer\.ttl\.strategy/,
    ],
    ["has an odd order", { graphs: {}, http: { middleware_order: "last" } }, /^http\.middleware_order/],
    ["has a prefix without a slash", { graphs: {}, http: { mount_prefix: "api" } }, /^http\.mount_prefix: must begin/],
    [
      "has a pattern that is none",
      { graphs: {}, http: { cors: { allow_origin_regex: "(" } } },
      /no regular expression/,
    ],
    ["writes to the terminal", { graphs: { "\u001b[31m": 1 } }, /^graphs\./],
    ["is nested deeply", `${"[".repeat(100_000)}${"]".repeat(100_000)}`, /^/],
    [
      "is too large",
      `{"graphs": {}, "x": "${"x".repeat(1_048_576)}"}`,
      /^it cannot be read: it is larger than 1024 KB$/,
    ],
  ])("it %s", async (_name, content, expected) => {
    expect(await refusalOf(content)).toMatch(expected);
  });

  test("all that is wrong is told at once", async () => {
    const told = await refusalOf({ graphs: { a: "../a.ts", b: "../b.ts" }, auth: { path: "../c.ts" } });
    expect(told.split("\n")).toHaveLength(3);
  });

  test("bytes that are no UTF-8, and a file that is not there", async () => {
    const { directory } = await createProject({});
    expect(() => readProject(directory, ENVIRONMENT)).toThrow(/langgraph\.json: it cannot be read: ENOENT/);
    await writeFile(join(directory, "langgraph.json"), Buffer.from([0x7b, 0xff, 0x7d]));
    expect(() => readProject(directory, ENVIRONMENT)).toThrow(/langgraph\.json: it cannot be read: /);
  });
});

test("keys without effect are a line each, those that lose nothing none, and what is in them is not looked at", async () => {
  const { directory } = await createProject({
    "langgraph.json": {
      $schema: "x",
      node_version: "20",
      graphs: {},
      dockerfile_lines: 7,
      __proto__x: 1,
      constructor: { prototype: 1 },
      auth: { path: "./a.ts:a", disable_studio_auth: true, cache: {} },
      http: {
        disable_mcp: true,
        logging_headers: 5,
        cors: { allow_methods: ["GET"], allow_credentials: true, allow_everything: true },
      },
      store: { index: { dims: 3, embed: "openai:x" }, speed: 1 },
    },
  });
  expect(readProject(directory, ENVIRONMENT).warnings).toEqual([
    "langgraph.json: dockerfile_lines has no effect: only says how an image is built",
    "langgraph.json: __proto__x has no effect: it is not known here",
    "langgraph.json: constructor has no effect: it is not known here",
    "langgraph.json: auth.cache has no effect: every request is authenticated",
    "langgraph.json: http.logging_headers has no effect: no headers are logged",
    "langgraph.json: http.cors.allow_credentials has no effect: pages of other origins send a key, and no cookie of theirs is believed",
    "langgraph.json: http.cors.allow_everything has no effect: it is not known here",
    "langgraph.json: store.speed has no effect: it is not known here",
  ]);
});

test("variables come from a file, from the file itself, or are only named", async () => {
  const { directory, write } = await createProject({ ".env": "A=1\nB='two words'\n" });
  const envOf = async (env: unknown) => {
    await write("langgraph.json", JSON.stringify({ graphs: {}, env }));
    const { env: variables, warnings } = readProject(directory, ENVIRONMENT);
    return { variables, warnings };
  };
  expect(await envOf("./.env")).toEqual({ variables: { A: "1", B: "two words" }, warnings: [] });
  expect(await envOf({ C: "3" })).toEqual({ variables: { C: "3" }, warnings: [] });
  expect(await envOf(["PRESENT", "ABSENT"])).toEqual({
    variables: {},
    warnings: ["langgraph.json: env names ABSENT, which the environment does not have"],
  });
});
