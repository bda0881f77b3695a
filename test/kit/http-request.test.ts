import { brotliCompressSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { isNotDone } from "../../src/kit/effects/not-done.ts";
import { httpRequest } from "../../src/kit/tools/http/request.ts";
import { createMemoryEffects, withTestPorts } from "../../src/testing.ts";
import { answering, ask, OPERATOR, openSites, refused, site } from "./http-scene.ts";

openSites();

describe("an answer", () => {
  const url = () => site.origin;

  test("is JSON as a value and text as text, without what records cannot hold", async () => {
    answering(200, { "content-type": "application/problem+json; charset=utf-8" }, '{"a":["\\u0000\\ud800",1]}');
    await expect(ask({ url: url() })).resolves.toEqual({
      status: 200,
      url: `${site.origin}/`,
      content_type: "application/problem+json",
      body: { a: ["\ufffd\ufffd", 1] },
      problem: null,
    });
    answering(200, { "content-type": "text/plain; charset=iso-8859-1" }, Buffer.from([0x5a, 0x6f, 0xeb]));
    await expect(ask({ url: url() })).resolves.toMatchObject({ body: "Zoë" });
  });

  test("is read as far as it is allowed to be, packed or not", async () => {
    const bomb = "0".repeat(5_000_000);
    for (const [encoding, bytes] of [
      [undefined, Buffer.from(bomb)],
      ["gzip", gzipSync(bomb)],
      ["br", brotliCompressSync(bomb)],
    ] as const) {
      answering(200, { "content-type": "text/plain", ...(encoding && { "content-encoding": encoding }) }, bytes);
      await expect(ask({ url: url(), max_bytes: 100_000 })).rejects.toMatchObject({
        facts: { class: "validation" },
        message: expect.stringContaining("larger than the 100000 bytes"),
      });
    }
    answering(200, { "content-type": "text/plain", "content-encoding": "gzip" }, gzipSync("small"));
    await expect(ask({ url: url() })).resolves.toMatchObject({ body: "small" });
    expect(site.requests.at(-1)?.headers["accept-encoding"]).toBe("identity");
  });

  test.each([
    ["of a type that is not read", { "content-type": "application/octet-stream" }, "x", /octet-stream/],
    ["without a type", {}, "x", /no content type/],
    ["that is no JSON", { "content-type": "application/json" }, "{", /does not/],
    ["nested without end", { "content-type": "application/json" }, "[".repeat(9_999) + "]".repeat(9_999), /too deep/],
    ["packed in a way that is not read", { "content-type": "text/plain", "content-encoding": "zip" }, "x", /zip/],
    ["that is not packed as it says", { "content-type": "text/plain", "content-encoding": "gzip" }, "x", /no gzip/],
  ])("%s is no answer to a reader", async (_what, headers, body, message) => {
    answering(200, headers, body);
    await expect(ask({ url: url() })).rejects.toMatchObject({
      facts: { class: "validation" },
      message: expect.stringMatching(message),
    });
  });

  test("that breaks off, or never comes, is the other side's fault", async () => {
    site.answer = (_request, response) => {
      response.writeHead(200, { "content-type": "text/plain", "content-length": "9" }).write("half");
      setImmediate(() => response.destroy());
    };
    await expect(ask({ url: url() })).rejects.toMatchObject({ facts: { class: "provider" } });
    site.answer = (request) => void request.socket.destroy();
    await expect(ask({ url: url() })).rejects.toMatchObject({ facts: { class: "provider" } });
    site.answer = () => {};
    await expect(ask({ url: url(), timeout_ms: 60 })).rejects.toMatchObject({ facts: { class: "timeout" } });
  });

  test.each([
    [400, "validation"],
    [401, "permission"],
    [404, "validation"],
    [408, "timeout"],
    [429, "rate_limit"],
    [500, "provider"],
    [503, "provider"],
  ])("with %i is a failure of the kind %s, told with what the server says", async (status, kind) => {
    answering(status, { "content-type": "application/json", "retry-after": "7" }, '{"error":"so\\n it is"}');
    await expect(ask({ url: url() })).rejects.toMatchObject({
      code: "tool_failed",
      facts: { class: kind, status, retry_after_ms: 7_000 },
      message: expect.stringContaining(`HTTP ${status}: {"error":"so\\n it is"}`),
    });
    await expect(ask({ url: url(), statuses: [status] })).resolves.toMatchObject({ status });
  });

  test("shows nothing of the headers that were sent, neither in a result nor in a failure", async () => {
    const headers = () => ({ Authorization: "Bearer sesame-sesame" });
    for (const status of [200, 500]) {
      site.answer = (request, response) =>
        void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(request.headers));
      const told = await ask({ url: url(), headers }).then(JSON.stringify, (error: Error) =>
        [error.message, error.stack, String(error.cause), JSON.stringify(error)].join(),
      );
      expect(told).toContain("[secret]");
      expect(told).not.toContain("sesame");
    }
  });
});

describe("a change", () => {
  test("carries the id of its effect, is recorded without its headers, and is done whatever its answer looks like", async () => {
    answering(201, { "content-type": "image/png" }, "x");
    site.requests.length = 0;
    const effects = createMemoryEffects();
    const headers = ({ effect_id }: { effect_id: string }) => ({ "x-key": "sesame-sesame", "x-effect": effect_id });
    const tool = httpRequest({ allow: [site.origin], effect: "idempotent", headers });
    const result = await withTestPorts({ network: OPERATOR, effects }, () =>
      tool.call({ url: `${site.origin}/items`, query: { a: "b&c", n: 1 }, body: { name: "Zoë" } }),
    );
    expect(result).toMatchObject({ status: 201, body: null, problem: expect.stringContaining("image/png") });
    const [sent] = site.requests;
    expect(sent).toMatchObject({ method: "POST", url: "/items?a=b%26c&n=1" });
    expect(sent?.headers).toMatchObject({ "content-type": "application/json", "x-key": "sesame-sesame" });
    expect(sent?.headers["idempotency-key"]).toBe(effects.recorded[0]?.effect_id);
    expect(sent?.headers["x-effect"]).toBe(effects.recorded[0]?.effect_id);
    expect(JSON.stringify(effects.recorded)).not.toContain("sesame");
  });

  const failure = (status: number, headers: Record<string, string> = {}) => {
    answering(status, headers);
    return ask({ url: `${site.origin}/pay`, methods: ["POST"] }).catch((error: unknown) => error);
  };

  test.each([400, 401, 403, 404, 405, 413, 415, 422, 429])(
    "that is refused with %i surely was not made",
    async (status) => expect(isNotDone(await failure(status))).toBe(true),
  );

  test.each([402, 408, 409, 500, 502, 503, 504])("that is answered with %i may have been made", async (status) =>
    expect(isNotDone(await failure(status))).toBe(false),
  );

  test("surely was not made where nothing of it was sent, and may have been where it was", async () => {
    const refusedBefore = await ask({ url: "http://10.0.0.1/", methods: ["POST"] }).catch((error: unknown) => error);
    const nobody = await ask({ url: "http://127.0.0.1:1/", methods: ["POST"] }).catch((error: unknown) => error);
    site.answer = (request) => void request.socket.destroy();
    const cut = await ask({ url: site.origin, methods: ["POST"] }).catch((error: unknown) => error);
    expect([refusedBefore, nobody, cut].map(isNotDone)).toEqual([true, true, false]);
  });

  test("that was made and is answered with where to look was made, whatever is there", async () => {
    for (const location of ["/gone", "http://10.0.0.1/", "http://127.0.0.1:1/"]) {
      site.answer = (request, response) =>
        void (request.method === "POST" ? response.writeHead(303, { location }) : response.writeHead(404)).end();
      const allow = [site.origin, "http://10.0.0.1", "http://127.0.0.1:1"];
      const error = await ask({ url: site.origin, methods: ["POST"], allow }).catch((caught: unknown) => caught);
      expect([location, (error as { code?: string }).code, isNotDone(error)]).toEqual([location, "tool_failed", false]);
    }
  });

  test("is made by the methods of the tool alone", async () => {
    const before = site.connections();
    await expect(ask({ url: site.origin, input: { method: "DELETE" } })).rejects.toMatchObject(refused);
    expect(site.connections()).toBe(before);
  });
});

test.each([
  ["nothing", { allow: [] }],
  ["everybody", { allow: ["*"] }],
  ["a URL with a password", { allow: ["https://u:p@example.com"] }],
  ["no byte", { allow: ["example.com"], max_bytes: 0 }],
  ["no method", { allow: ["example.com"], methods: [] }],
])("a tool that allows %s is refused when it is made", (_what, options) =>
  expect(() => httpRequest(options)).toThrow(expect.objectContaining({ code: "invalid" })),
);
