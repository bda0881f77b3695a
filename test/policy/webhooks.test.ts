import { createHmac, randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { DELIVERY_BACKOFF, nextWaitMs } from "../../src/policy/backoff.ts";
import { ALLOW_NONE, type AllowList, isReachable, parseAllowList } from "../../src/policy/private-address.ts";
import { signWebhook, webhookKey } from "../../src/policy/webhook-signature.ts";
import { webhookTarget } from "../../src/policy/webhook-target.ts";
import { fc } from "../support/properties.ts";

const allowed = (...entries: string[]): AllowList => {
  const list = parseAllowList(entries);
  if ("wrong" in list) throw new Error(list.wrong);
  return list;
};

describe("a signature", () => {
  test("is the one that the Standard Webhooks libraries give", () => {
    const message = { id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: 1_614_265_330, body: '{"test": 2432232314}' };
    expect(signWebhook(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], message)).toBe(
      "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    );
  });

  test("covers every byte of the body, and there is one for each secret in their order", () => {
    const keys = [randomBytes(24), randomBytes(64)];
    const secrets = keys.map((key) => `whsec_${key.toString("base64")}`);
    const message = { id: "m", timestamp: 7, body: '{"name":"Zoë \\u0000 😀"}' };
    const expected = keys.map(
      (key) => `v1,${createHmac("sha256", key).update(`m.7.${message.body}`, "utf8").digest("base64")}`,
    );
    expect(signWebhook(secrets, message).split(" ")).toEqual(expected);
  });

  test.each([
    "",
    "whsec_",
    "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "whsec_c2hvcnQ=",
    "whsec_!!!!",
    `whsec_${"A".repeat(200)}`,
  ])("%j is no secret", (secret) => expect(webhookKey(secret)).toBeUndefined());
});

describe("an address", () => {
  test.each([
    "127.0.0.1",
    "127.255.255.254",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.100.100.200",
    "168.63.129.16",
    "0.0.0.0",
    "192.0.0.192",
    "198.19.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "0:0:0:0:0:0:0:1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2001::1",
    "2001:db8::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "4000::1",
    "",
    "localhost",
    "1.2.3",
    "1.2.3.4.5",
    "256.1.1.1",
    "1::2::3",
    "12345::1",
  ])("%s is not reached", (address) => expect(isReachable(address, ALLOW_NONE)).toBe(false));

  test.each([
    "1.1.1.1",
    "172.15.255.255",
    "172.32.0.0",
    "169.253.1.1",
    "100.128.0.1",
    "223.255.255.255",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2606:4700:4700::1111",
    "2a00:1450:4001:82a::200e",
  ])("%s is reached", (address) => expect(isReachable(address, ALLOW_NONE)).toBe(true));

  test("of a range that is allowed is reached, its neighbour is not", () => {
    const list = allowed("10.20.0.0/16", "fd12::/16", "127.0.0.1");
    for (const address of ["10.20.255.1", "::ffff:10.20.0.1", "fd12:ffff::1", "127.0.0.1"])
      expect(isReachable(address, list), address).toBe(true);
    for (const address of ["10.21.0.1", "fd13::1", "127.0.0.2", "::1"])
      expect(isReachable(address, list), address).toBe(false);
  });

  test.each([
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/8/8",
    "::/129",
    "http://x",
    "a b",
    "*",
    "*.internal",
    "256.0.0.1",
  ])("%j allows nothing: it is refused", (entry) =>
    expect(parseAllowList(["ok.example", entry])).toEqual({ wrong: entry }),
  );

  test("that is written as bytes comes out as those bytes, in any spelling", () => {
    const bytes = fc.uint8Array({ minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(bytes, (four) => {
        const text = four.join(".");
        const hex = Buffer.from(four).toString("hex");
        const mapped = `::ffff:${hex.slice(0, 4)}:${hex.slice(4)}`;
        expect(isReachable(mapped, ALLOW_NONE)).toBe(isReachable(text, ALLOW_NONE));
        expect(isReachable(new URL(`http://[::ffff:${text}]/`).hostname, ALLOW_NONE)).toBe(
          isReachable(text, ALLOW_NONE),
        );
      }),
    );
  });
});

describe("the URL of a webhook", () => {
  test.each([
    "http://127.0.0.1/x",
    "http://127.1/x",
    "http://2130706433/x",
    "http://0x7f.0.0.1/x",
    "http://0177.0.0.1/x",
    "http://0/x",
    "http://[::1]:8080/x",
    "http://[::ffff:169.254.169.254]/latest",
    "http://169.254.169.254/latest/meta-data",
    "http://localhost:3000/",
    "http://LOCALHOST./",
    "http://app.localhost/",
    "http://metadata.google.internal/",
    "http://printer.local/",
    "http://ⓛocalhost/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "https://user:secret@example.com/",
    "/internal/hook",
    "example.com/hook",
    "https://",
    "",
    `https://example.com/${"x".repeat(2048)}`,
  ])("%s is refused", (url) =>
    expect(webhookTarget(url, ALLOW_NONE)).toEqual({ ok: false, reason: expect.any(String) }),
  );

  test("is taken as it will be requested, without its fragment", () => {
    expect(webhookTarget("HTTPS://Example.com:443/a b?c=ü#d", ALLOW_NONE)).toEqual({
      ok: true,
      url: "https://example.com/a%20b?c=%C3%BC",
    });
  });

  test("may be private where the host or its network is allowed", () => {
    const list = allowed("localhost", "Hooks.Internal", "10.0.0.0/8");
    for (const url of ["http://localhost:3000/", "http://hooks.internal/", "http://10.9.8.7/"])
      expect(webhookTarget(url, list)).toMatchObject({ ok: true });
    for (const url of ["http://other.internal/", "http://x.localhost/", "http://127.0.0.1/"])
      expect(webhookTarget(url, list)).toMatchObject({ ok: false });
  });
});

describe("the waits between attempts", () => {
  const THREE_DAYS = 3 * 86_400_000;

  test("grow, stay within their bounds, and end exactly when the three days do", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 60, maxLength: 60 }), (chances) => {
        let passed = 0;
        let failures = 0;
        // Bound: the waits grow to hours, and three days have few of them.
        for (;;) {
          failures += 1;
          const wait = nextWaitMs(failures, THREE_DAYS - passed, chances[failures] as number);
          if (wait === null) break;
          const plain = Math.min(DELIVERY_BACKOFF.longestMs, 10_000 * 3 ** (failures - 1));
          expect(wait).toBeLessThanOrEqual(plain * 1.25);
          if (passed + wait < THREE_DAYS) expect(wait).toBeGreaterThanOrEqual(plain * 0.75 - 1);
          passed += wait;
        }
        expect(passed).toBe(THREE_DAYS);
        expect(failures).toBeGreaterThan(12);
        expect(failures).toBeLessThan(25);
      }),
    );
  });

  test("differ by chance, so that what failed together comes back apart", () => {
    expect(nextWaitMs(3, THREE_DAYS, 0)).toBe(67_500);
    expect(nextWaitMs(3, THREE_DAYS, 1)).toBe(112_500);
  });
});
