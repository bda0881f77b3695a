import { describe, expect, test } from "vitest";
import { type HttpRule, httpTarget, parseHttpRule } from "../../src/policy/http-target.ts";

const rules = (...entries: string[]): HttpRule[] =>
  entries.map((entry) => {
    const rule = parseHttpRule(entry);
    if (rule === undefined) throw new Error(entry);
    return rule;
  });

test.each([
  "",
  "*",
  "*.",
  "/v1",
  "https://",
  "ftp://example.com",
  "https://user:secret@example.com",
  "user@example.com",
  "https://example.com/v1?x=1",
  "https://example.com/v1#x",
  "https://example.com/*/admin",
  "https://example.com/**",
  "api.*.com",
  "example.com:99999",
  "*.10.0.0.1",
  "*.[::1]",
  "a b.example",
  "https:\\\\example.com",
])("%j is no rule", (entry) => expect(parseHttpRule(entry)).toBeUndefined());

describe("a rule", () => {
  test.each([
    ["api.example.com", "https://api.example.com/any/page?q=1"],
    ["api.example.com", "HTTPS://API.EXAMPLE.COM.:443/"],
    ["API.Example.com", "https://api.example.com/"],
    ["api.example.com:8443", "https://api.example.com:8443/"],
    ["http://api.example.com", "http://api.example.com/"],
    ["*.example.com", "https://a.b.example.com/"],
    ["https://example.com/v1/*", "https://example.com/v1/"],
    ["https://example.com/v1/*", "https://example.com/v1/a/b?c=%2f"],
    ["https://example.com/v1/*", "https://example.com/other/../v1/a"],
    ["https://example.com/health", "https://example.com/health"],
    ["https://example.com/*", "https://example.com/a%2fb"],
    ["bücher.example", "https://xn--bcher-kva.example/"],
    ["https://[2606:4700::1]", "https://[2606:4700:0::1]/"],
    ["1.1.1.1", "https://0x1.1.1.1/"],
  ])("%s allows %s", (rule, url) => expect(httpTarget(url, rules(rule))).toMatchObject({ ok: true }));

  test.each([
    ["api.example.com", "http://api.example.com/"],
    ["api.example.com", "https://api.example.com:8443/"],
    ["api.example.com", "https://example.com/"],
    ["api.example.com", "https://api.example.com.evil.example/"],
    ["api.example.com", "https://evil.example/api.example.com"],
    ["api.example.com", "https://api.example.com@evil.example/"],
    ["api.example.com", "https://evil.example#@api.example.com"],
    ["api.example.com", "https://evil.example\\@api.example.com/"],
    ["api.example.com", "https://user:secret@api.example.com/"],
    ["api.example.com", "https://user@api.example.com/"],
    ["api.example.com", "//api.example.com/"],
    ["api.example.com", "api.example.com"],
    ["api.example.com", "/page"],
    ["api.example.com", "file:///etc/passwd"],
    ["api.example.com", "gopher://api.example.com/"],
    ["api.example.com", "javascript:alert(1)"],
    ["api.example.com", "data:text/plain,x"],
    ["api.example.com", `https://api.example.com/${"x".repeat(4_096)}`],
    ["*.example.com", "https://example.com/"],
    ["*.example.com", "https://notexample.com/"],
    ["https://example.com/v1/*", "https://example.com/v1"],
    ["https://example.com/v1/*", "https://example.com/v10/a"],
    ["https://example.com/v1/*", "https://example.com/v1/../admin"],
    ["https://example.com/v1/*", "https://example.com/v1/%2e%2e/admin"],
    ["https://example.com/v1/*", "https://example.com/v1/.%2E/admin"],
    ["https://example.com/v1/*", "https://example.com/v1/..%2fadmin"],
    ["https://example.com/v1/*", "https://example.com/v1/..%5cadmin"],
    ["https://example.com/v1/*", "https://example.com/v1/%252e%252e%252fadmin"],
    ["https://example.com/v1/*", "https://example.com/v1/..;/admin"],
    ["https://example.com/v1/*", "https://example.com/v1/%00"],
    ["https://example.com/v1/*", "https://example.com/v1/%u002e%u002e/admin"],
    ["https://example.com/v1/*", "https://example.com/v1/%c0%ae%c0%ae/admin"],
    ["https://example.com/v1/*", "https://example.com/v1/..%3b/admin"],
    ["https://example.com/health", "https://example.com/health/"],
    ["https://example.com/health", "https://example.com/healthy"],
  ])("%s does not allow %s", (rule, url) =>
    expect(httpTarget(url, rules(rule))).toEqual({ ok: false, reason: expect.any(String) }),
  );

  test("leaves a URL as it will be requested: without its fragment and without a dot behind the host", () => {
    const target = httpTarget("https://API.example.com./a b#c", rules("api.example.com"));
    expect(target.ok && target.url.href).toBe("https://api.example.com/a%20b");
  });
});
