import { describe, expect, test } from "vitest";
import { answerOptions } from "../../src/cli/answer-example.ts";
import { CommandError, describeError } from "../../src/cli/command-error.ts";
import { exitCodeOf } from "../../src/cli/exit-codes.ts";
import {
  formatAmount,
  formatDue,
  formatDuration,
  formatSecond,
  formatSince,
  formatSpan,
} from "../../src/cli/format.ts";
import { exampleInput } from "../../src/cli/shell-word.ts";
import { ERRORS, HoldpointError } from "../../src/protocol/errors.ts";
import type { Json } from "../../src/protocol/json.ts";

const now = new Date("2026-11-21T12:00:00Z");

test.each([
  [0, "0s"],
  [999, "0s"],
  [45_000, "45s"],
  [61_000, "1m 1s"],
  [3_600_000, "1h"],
  [12 * 3_600_000 + 60_000, "12h"],
  [26 * 3_600_000, "1d 2h"],
  [-5, "0s"],
])("a span of %d ms reads %s", (ms, text) => {
  expect(formatSpan(ms)).toBe(text);
});

test("moments are told by how far they are away", () => {
  expect(formatSince("2026-11-21T11:58:00Z", now)).toBe("2m");
  expect(formatDue("2026-11-22T12:00:00Z", now)).toBe("in 1d");
  expect(formatDue("2026-11-21T11:00:00Z", now)).toBe("overdue 1h");
  expect(formatDue(null, now)).toBe("");
  expect([12, 1500, 65_000].map(formatDuration)).toEqual(["12 ms", "1.5 s", "1m 5s"]);
});

test.each([
  [{ amount: 12.5, currency: "EUR" }, "12.50 EUR"],
  [{ amount: 5 }, "5.00"],
  [{ amount: 12.345, currency: "USD" }, "12.345 USD"],
  [{ amount: "7.10", currency: "USD" }, "7.10 USD"],
  [{ amount: null }, ""],
  [{ total: 5 }, ""],
  [[1], ""],
  ["text", ""],
  [null, ""],
])("the amount of %j reads %j", (args, text) => {
  expect(formatAmount(args)).toBe(text);
});

describe("exit codes", () => {
  test.each([
    ["already_decided", 3],
    ["cancelled", 3],
    ["thread_busy", 3],
    ["authentication_required", 4],
    ["permission_denied", 4],
    ["invalid", 5],
    ["precondition_required", 5],
    ["body_too_large", 5],
    ["stale", 6],
    ["superseded", 6],
    ["digest_mismatch", 6],
    ["precondition_failed", 6],
    ["not_found", 1],
    ["configuration_invalid", 2],
    ["database_unreachable", 2],
  ] as const)("%s ends a command with %d", (code, exitCode) => {
    expect(exitCodeOf(code, ERRORS[code].status)).toBe(exitCode);
    expect(describeError(new HoldpointError(code, "why"))).toEqual({ message: "why", exitCode });
  });

  test("a code of a newer server is judged by its status", () => {
    expect([409, 403, 422, 404, 500].map((status) => exitCodeOf("something_new", status))).toEqual([3, 4, 5, 1, 1]);
  });

  test("a fault of ours keeps its stack, an error that was meant does not", () => {
    expect(describeError(new Error("oops")).message).toContain("format.test.ts");
    expect(describeError(new CommandError(3, "somebody was first"))).toEqual({
      message: "somebody was first",
      exitCode: 3,
    });
  });
});

test("a moment that is soon is told to the second", () => {
  expect(formatSecond("2026-11-21T12:00:07.900Z")).toMatch(/^2026-11-2[012] \d\d:\d\d:07$/);
  expect(formatSecond("soon")).toBe("soon");
});

test.each<[unknown[] | undefined, string]>([
  [undefined, "'{}'"],
  [[], "'{}'"],
  [[{ question: "who's first?" }, { question: "?" }], `'{"question":"who'\\''s first?"}'`],
  [[{ question: "x".repeat(200) }], "'{}'"],
  [[{ question: "a\u202eb" }], "'{}'"],
  [[() => 1], "'{}'"],
])("a graph with the examples %j is started with %s", (examples, input) => {
  expect(exampleInput(examples)).toBe(input);
});

describe("the answer that a question suggests", () => {
  const asks = (response_schema: Record<string, Json> | undefined, more = {}) =>
    answerOptions({ index: 0, name: "ask", args: {}, allowed: ["respond", "reject"], response_schema, ...more });
  const object = (properties: Record<string, Json>) => ({
    type: "object",
    properties,
    required: Object.keys(properties),
  });

  test("is one for each kind that its schema takes, with a place for what only a person knows", () => {
    const result = { description: "its result", anyOf: [{ type: "null" }, { type: "string" }, { type: "number" }] };
    const anyOf = [object({ happened: result }), object({ try_again: { type: "boolean", const: true } })];
    expect(asks({ anyOf })).toEqual([`--value '{"happened": <its result>}'`, `--value '{"try_again": true}'`]);
    const place = { description: "d".repeat(99), type: "string" };
    const order = { street: place, urgent: { type: "boolean" }, items: { type: "array", items: { enum: [2, 3] } } };
    expect(asks(object(order))).toEqual([`--value '{"street": "<street>", "urgent": true, "items": [2]}'`]);
  });

  test.each([
    [undefined],
    [{}],
    [{ type: "string", minLength: 3 }],
    [{ type: ["string", "null"] }],
    [{ anyOf: [{ type: "number" }, { type: "string" }] }],
  ])("is words where %j takes them", (schema) => {
    expect(asks(schema)).toEqual(['-m "…"']);
  });

  test("is held against the schema of the arguments where a response is the only answer", () => {
    const args_schema = object({ total: { type: "number" } });
    expect(asks(undefined, { allowed: ["respond"], args_schema })).toEqual([`--value '{"total": <total>}'`]);
    expect(asks(undefined, { args_schema })).toEqual(['-m "…"']);
  });

  test("is safe to paste, and no longer than a line", () => {
    expect(asks({ const: "it's" })).toEqual([`--value '"it'\\''s"'`]);
    expect(asks({ const: "\u202e" })).toEqual(["--value answer.json"]);
    expect(asks({ const: "x".repeat(500) })).toEqual(["--value answer.json"]);
    let deep: Record<string, Json> = { type: "array" };
    for (let depth = 0; depth < 50; depth += 1) deep = { type: "array", items: deep };
    expect(asks(deep)).toEqual(["--value '[[[[[<value>]]]]]'"]);
  });
});
