import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { runInNewContext } from "node:vm";
import { ContextOverflowError, ModelRefusalError } from "@langchain/core/errors";
import { APIConnectionError, APIConnectionTimeoutError, APIError, APIUserAbortError } from "openai";
import pg from "pg";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { classifyError, STRATEGIES } from "../../src/policy/error-class.ts";
import { parseRetryAfter } from "../../src/policy/retry-after.ts";
import { ERROR_CLASSES, type ErrorClass } from "../../src/protocol/error-class.ts";
import { ERRORS, type ErrorCode, HoldpointError } from "../../src/protocol/errors.ts";

const NOW = Date.parse("2026-01-01T00:00:00Z");
const classOf = (error: unknown, otherwise?: ErrorClass) => classifyError(error, NOW, otherwise).class;
const withFacts = (facts: object, message = "failed", options?: ErrorOptions) =>
  Object.assign(new Error(message, options), facts);

/** The error that the SDK of OpenAI makes of a response. */
function openaiError(status: number, error: object = {}, headers: Record<string, string> = {}) {
  return APIError.generate(status, { error: { message: "scripted", ...error } }, undefined, new Headers(headers));
}

/** The error that Postgres answers with. */
function postgresError(code: string) {
  return Object.assign(new pg.DatabaseError("scripted", 8, "error"), { code });
}

test("an error classifier by substring ('rapid growth' retried, 'request timed out' not) is not this one", () => {
  const growth = new Error("the report on rapid growth and rate limits timed out of fashion: 429 503 ETIMEDOUT");
  expect(classifyError(growth, NOW)).toEqual({ class: "bug" });
  expect(classOf(growth, "tool")).toBe("tool");
  expect(STRATEGIES[classOf(growth)].retry).toBe("never");
  expect(classOf(withFacts({ code: "rate limit exceeded, rapid growth" }))).toBe("bug");
  const late = new APIConnectionTimeoutError({ message: "Request timed out." });
  expect(classifyError(late, NOW)).toEqual({ class: "timeout" });
  expect(STRATEGIES[classOf(late)].retry).toBe("back_off");
  expect(classOf(Object.assign(new Error("all is well"), { name: "TimeoutError" }))).toBe("timeout");
});

describe("what a status says", () => {
  test.each<[number, ErrorClass]>([
    [400, "validation"],
    [401, "permission"],
    [402, "budget"],
    [403, "permission"],
    [404, "validation"],
    [407, "permission"],
    [408, "timeout"],
    [409, "provider"],
    [413, "validation"],
    [418, "validation"],
    [422, "validation"],
    [423, "provider"],
    [425, "provider"],
    [429, "rate_limit"],
    [451, "permission"],
    [500, "provider"],
    [501, "provider"],
    [503, "provider"],
    [504, "timeout"],
    [529, "provider"],
    [599, "provider"],
  ])("%i is a failure of the class %s, wherever a client puts it", (status, expected) => {
    expect(classifyError(openaiError(status), NOW)).toMatchObject({ class: expected, status });
    for (const facts of [{ statusCode: status }, { response: { status } }, { $metadata: { httpStatusCode: status } }]) {
      expect(classifyError(withFacts(facts), NOW)).toEqual({ class: expected, status });
    }
  });

  test.each([0, 200, 204, 302, 600, 1006, 429.5, "429", null, Number.NaN])("%j is none of a failure", (status) => {
    expect(classOf(withFacts({ status }))).toBe("bug");
  });

  test("is not all where a code says more", () => {
    expect(classOf(openaiError(429, { code: "insufficient_quota", type: "insufficient_quota" }))).toBe("budget");
    expect(classOf(openaiError(429, { code: "rate_limit_exceeded", type: "invalid_request_error" }))).toBe(
      "rate_limit",
    );
    expect(classOf(openaiError(400, { code: "invalid_api_key" }))).toBe("permission");
    expect(classOf(openaiError(503, { code: null, type: "invalid_request_error" }))).toBe("provider");
  });

  test("comes with the wait that was asked for, from any kind of headers", () => {
    expect(classifyError(openaiError(429, {}, { "retry-after": "7" }), NOW)).toMatchObject({ retry_after_ms: 7_000 });
    const plain = { response: { status: 503, headers: { "retry-after": 3 } } };
    expect(classifyError(withFacts(plain), NOW)).toMatchObject({ class: "provider", retry_after_ms: 3_000 });
    expect(classifyError(openaiError(429), NOW)).not.toHaveProperty("retry_after_ms");
  });
});

describe("what a code says", () => {
  test.each<[string, ErrorClass]>([
    ["ETIMEDOUT", "timeout"],
    ["UND_ERR_HEADERS_TIMEOUT", "timeout"],
    ["ECONNREFUSED", "provider"],
    ["ENOTFOUND", "provider"],
    ["CERT_HAS_EXPIRED", "provider"],
    ["EACCES", "permission"],
    ["ERR_INVALID_URL", "validation"],
    ["57014", "timeout"],
    ["55P03", "timeout"],
    ["40001", "provider"],
    ["40P01", "provider"],
    ["08006", "provider"],
    ["53300", "provider"],
    ["57P01", "provider"],
    ["28P01", "permission"],
    ["42501", "permission"],
    ["22P02", "validation"],
    ["23505", "validation"],
    ["25006", "validation"],
    ["42P01", "validation"],
    ["P0001", "validation"],
    ["E2BIG", "bug"],
    ["EBUSY", "bug"],
    ["etimedout", "bug"],
    ["xECONNRESETx", "bug"],
    ["__proto__", "bug"],
    ["constructor", "bug"],
  ])("%s is of the class %s", (code, expected) => {
    expect(classifyError(withFacts({ code }), NOW).class).toBe(expected);
    expect(classOf(postgresError(code))).toBe(expected);
  });

  test.each<[string, ErrorClass]>([
    ["server_error", "provider"],
    ["rate_limit_exceeded", "rate_limit"],
    ["insufficient_quota", "budget"],
    ["context_length_exceeded", "validation"],
    ["something_new", "provider"],
  ])("%s in the middle of a stream, where there is no status, is of the class %s", (code, expected) => {
    expect(classOf(new APIError(undefined, { code, message: "scripted" }, undefined, new Headers()))).toBe(expected);
  });

  test("is also found where Anthropic puts it", () => {
    const overloaded = { error: { type: "error", error: { type: "overloaded_error" } } };
    expect(classOf(withFacts(overloaded))).toBe("provider");
  });
});

describe("what a type says", () => {
  test.each<[string, unknown, ErrorClass]>([
    ["a time-out of a signal", AbortSignal.abort(new DOMException("late", "TimeoutError")).reason, "timeout"],
    ["a signal that was aborted", AbortSignal.abort().reason, "timeout"],
    ["a call of OpenAI's SDK that was stopped", new APIUserAbortError(), "timeout"],
    ["a connection of OpenAI's SDK that failed", new APIConnectionError({ message: "Connection error." }), "provider"],
    ["zod, thrown", thrownBy(() => z.string().parse(1)), "validation"],
    ["zod, given", z.string().safeParse(1).error, "validation"],
    ["a second copy of zod", Object.assign(new Error("[]"), { name: "$ZodError", issues: [] }), "validation"],
    ["JSON that is none", thrownBy(() => JSON.parse("{")), "validation"],
    ["too long a prompt", ContextOverflowError.fromError(openaiError(400) as Error), "validation"],
    ["a refusal", new ModelRefusalError("no"), "validation"],
    ["wrong code", thrownBy(() => (undefined as unknown as { a: string }).a), "bug"],
    ["another realm's wrong code", thrownBy(() => runInNewContext("undefined.a")), "bug"],
  ])("%s", (_name, error, expected) => {
    expect(classOf(error, expected === "bug" ? "provider" : "bug")).toBe(expected);
  });

  test("of a class that extends one that is known, is that one's", () => {
    class Late extends APIConnectionTimeoutError {}
    expect(classOf(new Late())).toBe("timeout");
  });

  test.each([undefined, null, "ETIMEDOUT", 429, {}, { status: 429 }, []])("%j is what the caller says", (thrown) => {
    expect([classOf(thrown), classOf(thrown, "tool")]).toEqual(["bug", "tool"]);
  });
});

describe("what lies underneath", () => {
  test("speaks for an error that says nothing itself", () => {
    const chain = new Error("the tool failed", { cause: new Error("asking failed", { cause: openaiError(503) }) });
    expect(classifyError(chain, NOW)).toEqual({ class: "provider", status: 503 });
    expect(classOf(new TypeError("fetch failed", { cause: withFacts({ code: "ECONNRESET" }) }))).toBe("provider");
    const failed = new APIConnectionError({ message: "Connection error.", cause: withFacts({ code: "ETIMEDOUT" }) });
    expect(classifyError(failed, NOW)).toEqual({ class: "timeout", code: "ETIMEDOUT" });
    expect(classOf(new AggregateError([withFacts({ code: "ETIMEDOUT" }), new Error("x")]))).toBe("timeout");
  });

  test("does not speak for one that says more", () => {
    expect(classOf(withFacts({ status: 401 }, "no", { cause: withFacts({ code: "ECONNRESET" }) }))).toBe("permission");
  });

  test("tells a failed fetch from a bug", () => {
    expect(classOf(new TypeError("fetch failed", { cause: new Error("odd") }), "provider")).toBe("provider");
    expect(classOf(new TypeError("x is no function"), "provider")).toBe("bug");
    expect(classOf(new Error("wrapped", { cause: new RangeError("odd") }), "provider")).toBe("bug");
  });

  test("may go round in a circle", () => {
    const circle = new Error("a");
    circle.cause = new Error("b", { cause: circle });
    expect(classOf(circle, "tool")).toBe("tool");
  });

  test("of what fetch throws for real is the class of what happened", async () => {
    const server = createServer((_request, response) => response.socket?.destroy());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const failed = async (url: string) => classOf(await fetch(url).catch((error: unknown) => error), "tool");
    expect(await failed(`http://127.0.0.1:${port}`)).toBe("provider");
    await new Promise((resolve) => server.close(resolve));
    expect(await failed(`http://127.0.0.1:${port}`)).toBe("provider");
    expect(await failed("http://")).toBe("validation");
  });
});

describe("an error of the register", () => {
  test("states its class, or its code does", () => {
    const stated = new HoldpointError("tool_failed", "failed", { facts: { class: "rate_limit", retry_after_ms: 5 } });
    expect(classifyError(stated, NOW)).toEqual({ class: "rate_limit", code: "tool_failed", retry_after_ms: 5 });
    expect(classOf(new HoldpointError("tool_failed", "failed"))).toBe("tool");
    expect(classOf(new HoldpointError("model_failed", "x", { facts: { class: "toString" } }))).toBe("provider");
    const caused = new HoldpointError("budget_exceeded", "no more", { cause: openaiError(500) });
    expect(classOf(caused)).toBe("budget");
  });

  test.each<[ErrorCode, ErrorClass]>([
    ["breaker_open", "provider"],
    ["lease_lost", "bug"],
    ["loop_limit", "bug"],
    ["permission_denied", "permission"],
    ["effect_recalled", "permission"],
    ["unknown_state_key", "bug"],
  ])("%s is of the class %s", (code, expected) => {
    expect(classOf(new HoldpointError(code, "failed"))).toBe(expected);
  });

  test("is never tried again where its own word is that it cannot succeed", () => {
    const codes = (Object.keys(ERRORS) as ErrorCode[]).filter((code) => !ERRORS[code].retryable);
    const retried = codes.filter((code) => STRATEGIES[classOf(new HoldpointError(code, "failed"))].retry !== "never");
    // What a tool was doing failed for a reason that its facts tell; a stopped call has no class of its own.
    expect(retried).toEqual(["cancelled", "effect_given_up", "effect_in_doubt", "effect_settled", "tool_failed"]);
  });
});

test("every class has one strategy, and only providers are at fault for their breaker", () => {
  expect(Object.keys(STRATEGIES).sort()).toEqual([...ERROR_CLASSES].sort());
  expect(ERROR_CLASSES.filter((name) => STRATEGIES[name].isProviderFault)).toEqual(["timeout", "provider"]);
});

describe("the wait a server asks for", () => {
  test.each<[Record<string, string>, number | undefined]>([
    [{ "retry-after": "2" }, 2_000],
    [{ "retry-after": "0.5" }, 500],
    [{ "retry-after-ms": "30", "retry-after": "9" }, 30],
    [{ "retry-after-ms": "soon", "retry-after": "9" }, 9_000],
    [{ "retry-after": "Thu, 01 Jan 2026 00:00:03 GMT" }, 3_000],
    [{ "retry-after": "Thursday, 01-Jan-26 00:00:03 GMT" }, 3_000],
    [{ "retry-after": "Thu, 01 Jan 2020 00:00:00 GMT" }, 0],
    [{ "retry-after": "soon" }, undefined],
    [{ "retry-after": "Maybe 5" }, undefined],
    [{ "retry-after": "-5" }, undefined],
    [{ "retry-after-ms": "-5" }, undefined],
    [{ "retry-after-ms": "Infinity" }, undefined],
    [{ "retry-after": "1e3" }, undefined],
    [{}, undefined],
  ])("of %j is %s ms", (headers, expected) => {
    expect(parseRetryAfter(new Headers(headers), NOW)).toBe(expected);
    expect(parseRetryAfter(headers, NOW)).toBe(expected);
  });
});

function thrownBy(body: () => unknown): unknown {
  try {
    body();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}
