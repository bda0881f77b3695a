import { Ajv2020 } from "ajv/dist/2020.js";
import OpenAI from "openai";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { fitSchema } from "../../src/testing/fit-schema.ts";
import { readFault } from "../../src/testing/model-fault.ts";
import { type ModelServer, startModelServer } from "../../src/testing/model-server.ts";
import { scriptedModel } from "../../src/testing.ts";

let server: ModelServer;
let openai: OpenAI;
beforeAll(async () => {
  server = await startModelServer();
  openai = new OpenAI({ apiKey: "mock", baseURL: server.url, maxRetries: 0 });
});
afterAll(() => server.close());
beforeEach(() => server.script());

const messages = [{ role: "user" as const, content: "What does it cost?" }];

describe("a script", () => {
  test("gives its steps in order, those that say when before them, and makes up what is missing", async () => {
    const ask = async (content: string, model = "m") =>
      (await openai.chat.completions.create({ model, messages: [{ role: "user", content }] })).choices[0]?.message
        .content;
    server.script(
      { text: "first", times: 2 },
      { when: "PRICE", text: "by a word" },
      { when: "/^total\\s/i", text: "by a pattern", times: 1 },
      { when: { model: "small" }, text: "by the model" },
      ({ question }) => ({ text: `made of ${question}` }),
    );
    expect(await ask("a")).toBe("first");
    expect(await ask("the price?")).toBe("by a word");
    expect(await ask("Total of all")).toBe("by a pattern");
    expect(await ask("Total of all")).toBe("first");
    expect(await ask("b", "small")).toBe("by the model");
    expect(await ask("c")).toBe("made of c");
    expect(server.left).toBe(0);
    expect(await ask("d")).toMatch(/^\[mock\]/);
    expect(server.overrun).toBe(1);
  });

  test.each<[unknown, RegExp]>([
    [{ status: 200 }, /at \/0\/status is 200/],
    [{ text: 5 }, /at \/0\/text is 5/],
    [{ txet: "x" }, /at \/0\/txet is no member of a step/],
    [{ text: "a", status: 500 }, /at \/0 answers with text and status/],
    [{ json: {}, tool_calls: [{ name: "x" }] }, /answers with json and tool_calls/],
    [{ hang: true, cut: 1 }, /has cut beside hang/],
    [{ cut: 1, malformed: "body", text: "x" }, /is cut and malformed/],
    [{ text: "a", headers: { a: "b" } }, /has headers, which goes with status only/],
    [{ when: "/(/", text: "x" }, /at \/0\/when .*regular expression/],
    [{ tool_calls: [{ args: {} }] }, /at \/0\/tool_calls\/0\/name/],
    [{ text: "a", slow: { first_byte_ms: -1 } }, /at \/0\/slow\/first_byte_ms is -1/],
    [null, /at \/0 is null/],
    ["text", /at \/0 is "text"/],
  ])("with the step %j is refused at its place", (step, why) => {
    expect(() => server.script(step as never)).toThrow(why);
  });
});

test("what is made up fits its schema", () => {
  const ajv = new Ajv2020({ strict: false, logger: false });
  const Tree: z.ZodType = z.lazy(() => z.object({ name: z.string().min(8).max(12), children: z.array(Tree).min(0) }));
  const List: z.ZodType = z.lazy(() => z.object({ next: List.nullable() }));
  for (const schema of [
    Tree,
    List,
    z.object({ a: z.number().gt(2).lt(2.5), b: z.int().multipleOf(7).min(8), c: z.number().max(-3), d: z.literal(4) }),
    z.object({ at: z.iso.date(), mail: z.email(), id: z.uuid(), site: z.url(), code: z.string().regex(/^[A-Z]{2}$/) }),
    z.union([z.object({ kind: z.literal("a"), n: z.int() }), z.object({ kind: z.literal("b") })]),
    z.intersection(z.object({ a: z.string() }), z.object({ b: z.array(z.boolean()).min(2) })),
    z.tuple([z.string(), z.int().min(2)]),
    z.record(z.string(), z.int()),
  ]) {
    const json = z.toJSONSchema(schema);
    const made = fitSchema(json);
    expect({ made, fits: ajv.validate(json, made) }).toMatchObject({ fits: true });
  }
  for (const strange of [
    null,
    5,
    {},
    { $ref: "#/nowhere" },
    { $ref: "#" },
    { type: "string", pattern: "(" },
    { anyOf: [] },
  ])
    expect(() => fitSchema(strange)).not.toThrow();
});

test("faults strike at the requests they say, and leave the script alone", async () => {
  const faulty = await startModelServer({
    steps: [{ text: "one" }, { text: "two" }],
    faults: [readFault("429:every=3,retry_after=2"), readFault("cut:first=1,after=0")],
  });
  const client = new OpenAI({ apiKey: "mock", baseURL: faulty.url, maxRetries: 0 });
  const ask = async () =>
    await client.chat.completions.create({ model: "m", messages }).then(
      ({ choices }) => choices[0]?.message.content,
      (error: { status?: number; headers?: Headers }) => [error.status, error.headers?.get("retry-after")],
    );
  expect([await ask(), await ask(), await ask()]).toEqual([[undefined, undefined], "two", [429, "2"]]);
  await faulty.close();
});

test.each([
  "",
  "200",
  "429:every=0",
  "429:every=x",
  "429:sometimes",
  "cut:retry_after=1",
  "600",
  "429:every=1e9",
  "toString",
])("the fault %j is refused in one line", (written) =>
  expect(() => readFault(written)).toThrow(/^the fault ".*" (has|begins with) /),
);

const strictly = (properties: object, more: object = {}) => ({
  type: "object",
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
  ...more,
});

test.each<[string, object, RegExp | undefined]>([
  ["whole", strictly({ a: { type: ["string", "null"] }, b: { anyOf: [strictly({}), { type: "null" }] } }), undefined],
  ["open", strictly({ a: strictly({}, { additionalProperties: true }) }), /In context=\('a'\), 'additionalProperties'/],
  ["with a member that may be left out", strictly({ a: { type: "string" } }, { required: [] }), /Missing 'a'/],
  [
    "a choice of one",
    strictly({ a: { type: "array", items: { oneOf: [] } } }),
    /In context=\('a', 'items'\), 'oneOf' is not/,
  ],
  ["of parts", strictly({ a: { $ref: "#/$defs/x" } }, { $defs: { x: { allOf: [] } } }), /'allOf' is not permitted/],
  ["no object", { type: "string" }, /must have type 'object'/],
])("a strict schema that is %s is taken as the provider takes it", async (_what, schema, why) => {
  const asked = openai.chat.completions.create({
    model: "m",
    messages,
    response_format: { type: "json_schema", json_schema: { name: "x", strict: true, schema: schema as never } },
  });
  const format = { type: "json_schema" as const, name: "x", strict: true, schema: schema as never };
  const responded = openai.responses.create({ model: "m", input: "x", text: { format } });
  for (const one of [asked, responded]) {
    if (why === undefined) await expect(one).resolves.toBeDefined();
    else await expect(one).rejects.toMatchObject({ status: 400, message: expect.stringMatching(why) });
  }
});

test("a scripted model of this process says what it has to before it is cut, and fails as over a connection", async () => {
  const model = scriptedModel([
    { text: "one two three", cut: 2 },
    { text: "one", cut: 0 },
    { text: "one", cut: 5 },
  ]);
  const chat = await model.chat();
  const heard: string[] = [];
  const listen = async () => {
    for await (const part of await chat.stream("x")) heard.push(part.text);
  };
  await expect(listen()).rejects.toThrow("terminated");
  expect(heard.join("")).toBe("one two ");
  await expect(chat.invoke("x")).rejects.toThrow("Connection error");
  await expect(listen()).rejects.toThrow("terminated");
  expect(heard.join("")).toBe("one two one");
  expect(model.left).toBe(0);
});
