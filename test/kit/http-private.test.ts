import type { lookup } from "node:dns";
import { describe, expect, test } from "vitest";
import { httpRequest } from "../../src/kit/tools/http/request.ts";
import { withTestPorts } from "../../src/testing.ts";
import { answering, ask, inside, network, OPERATOR, openSites, refused, resolving, site } from "./http-scene.ts";

openSites();

describe("nobody is connected to", () => {
  test.each([
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0x7F.0x0.0x0.0x1",
    "017700000001",
    "0177.0.0.1",
    "0177.0.0.0x1",
    "127.0.0.1.",
    "127.255.255.254",
    "0",
    "0.0.0.0",
    "１２７.０.０.１",
    "127。0。0。1",
    "%31%32%37.0.0.1",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::]",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:7f00:0001]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2001::7f00:1]",
    "[2001:db8::1]",
    "[fe80::1]",
    "[fe80::1%25lo]",
    "[fe80::1%lo]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fec0::1]",
    "[ff02::1]",
    "169.254.169.254",
    "2852039166",
    "[::ffff:a9fe:a9fe]",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "100.64.0.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "app.localhost",
    "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
    "metadata.google.internal",
    "printer.local",
    "router.home.arpa",
  ])("at %s", async (host) => {
    const before = [site.connections(), inside.connections()];
    const call = ask({ url: `http://${host}:${site.port}/` }, network());
    await expect(call).rejects.toMatchObject({ facts: { class: expect.stringMatching(/^(permission|validation)$/) } });
    expect([site.connections(), inside.connections()]).toEqual(before);
  });

  test.each([
    ["this machine", [["127.0.0.1"]]],
    ["this machine in version 6", [["::1"]]],
    ["this machine, mapped", [["::ffff:127.0.0.1"]]],
    ["the metadata of a cloud", [["169.254.169.254"]]],
    ["several private addresses", [["10.0.0.1", "fd00::1", "127.0.0.1"]]],
    ["no address at all", [[]]],
    ["something that is no address", [["localhost"]]],
  ])("by a name that leads to %s", async (_where, answers) => {
    const before = site.connections();
    const call = ask({ url: `http://api.example.com:${site.port}/` }, { ...network(), resolve: resolving(...answers) });
    await expect(call).rejects.toMatchObject({ ...refused, message: expect.stringContaining("HOLDPOINT_TOOL_ALLOW") });
    expect(site.connections()).toBe(before);
  });

  test.each([
    "http://user:secret@127.0.0.1/",
    "http://api.example.com@127.0.0.1/",
    "http://127.0.0.1\\@api.example.com/",
    "http://127.0.0.1#@api.example.com/",
    "http:127.0.0.1",
    "//127.0.0.1/",
    "file:///etc/passwd",
    "ftp://127.0.0.1/",
    "gopher://127.0.0.1/_x",
    "unix:/var/run/docker.sock",
    "data:text/plain,x",
    "",
  ])("by the URL %j", async (url) => {
    const tool = httpRequest({ allow: ["http://api.example.com"], attempts: 1 });
    const before = site.connections();
    await expect(withTestPorts({ network: OPERATOR }, () => tool.call({ url }))).rejects.toMatchObject({
      code: "tool_failed",
      facts: { class: expect.stringMatching(/^(permission|validation)$/) },
    });
    expect(site.connections()).toBe(before);
  });

  test("by a name that says an address of the internet when it is asked first, and a private one when it is asked again", async () => {
    const before = inside.connections();
    const asked: string[] = [];
    const resolve = ((name: string, _options: object, callback: (error: null, found: object[]) => void) => {
      asked.push(name);
      callback(null, [{ address: asked.length === 1 ? "127.0.0.1" : "127.0.0.2", family: 4 }]);
    }) as unknown as typeof lookup;
    const at = { ...OPERATOR, resolve };
    answering(200, { "content-type": "text/plain" }, "outside");
    const url = `http://api.example.com:${site.port}/`;
    // The connection is made to what was looked at, and nobody looks twice.
    await expect(ask({ url }, at)).resolves.toMatchObject({ body: "outside" });
    expect(asked).toEqual(["api.example.com"]);
    await expect(ask({ url }, at)).rejects.toMatchObject(refused);
    expect(inside.connections()).toBe(before);
  });
});

describe("a redirect", () => {
  const to = (location: string, status = 302) => answering(status, { location });
  const inwards = () => [
    `http://127.0.0.2:${inside.port}/`,
    `//127.0.0.2:${inside.port}/`,
    `http://2130706434:${inside.port}/`,
    `http://[::ffff:127.0.0.2]:${inside.port}/`,
    `http://user:secret@127.0.0.1:${site.port}/`,
    "file:///etc/passwd",
    "http://169.254.169.254/latest/meta-data",
    "http://",
  ];

  test.each([0, 1, 2, 3, 4, 5, 6, 7])("of kind %i leads to nobody that may not be reached", async (at) => {
    const before = inside.connections();
    for (const status of [301, 302, 303, 307, 308]) {
      to(inwards()[at] as string, status);
      // Also where the list of the tool names the host: the network has a word to say too.
      const allow = [site.origin, inside.origin, "http://169.254.169.254"];
      await expect(ask({ url: `${site.origin}/`, allow })).rejects.toMatchObject(refused);
    }
    expect(inside.connections()).toBe(before);
  });

  test("is followed where it leads to what is allowed, three times and no further", async () => {
    const steps = (most: number) => {
      let left = most;
      site.answer = (_request, response) => {
        left -= 1;
        if (left >= 0) response.writeHead(302, { location: `/step-${left}` }).end();
        else response.writeHead(200, { "content-type": "text/plain" }).end("arrived");
      };
    };
    steps(3);
    await expect(ask({ url: site.origin })).resolves.toMatchObject({ body: "arrived", url: `${site.origin}/step-0` });
    steps(4);
    await expect(ask({ url: site.origin })).rejects.toMatchObject(refused);
  });

  test("to another page than the tool's list has is not followed", async () => {
    to("/admin");
    const allow = [`${site.origin}/v1/*`];
    await expect(ask({ url: `${site.origin}/v1/a`, allow })).rejects.toMatchObject(refused);
    await expect(ask({ url: `${site.origin}/admin`, allow })).rejects.toMatchObject(refused);
  });

  test("to another origin does not take along what opens doors at the first", async () => {
    to(`http://localhost:${site.port}/elsewhere`);
    const other = site.answer;
    site.answer = (request, response, body) => {
      if (request.url === "/elsewhere") response.writeHead(200, { "content-type": "text/plain" }).end("there");
      else other(request, response, body);
    };
    site.requests.length = 0;
    const headers = () => ({ authorization: "Bearer sesame-sesame", "x-api-key": "sesame-sesame" });
    const allow = [site.origin, `http://localhost:${site.port}`];
    const at = { ...network("127.0.0.1", "localhost"), resolve: resolving(["127.0.0.1"]) };
    await expect(ask({ url: site.origin, allow, headers }, at)).resolves.toMatchObject({ body: "there" });
    expect(site.requests.map(({ headers: sent }) => sent["authorization"] ?? sent["x-api-key"] ?? null)).toEqual([
      "Bearer sesame-sesame",
      null,
    ]);
  });

  test.each([
    [303, "GET", ""],
    [302, "GET", ""],
    [307, "POST", '{"a":1}'],
    [308, "POST", '{"a":1}'],
  ])("with %i of a POST is a %s", async (status, method, sent) => {
    const seen: string[] = [];
    site.answer = (request, response, body) => {
      seen.push(`${request.method} ${request.url} ${body}`);
      if (request.url === "/first") response.writeHead(status, { location: "/second" }).end();
      else response.writeHead(200).end();
    };
    await ask({ url: `${site.origin}/first`, methods: ["POST"], input: { body: { a: 1 } } });
    expect(seen).toEqual(['POST /first {"a":1}', `${method} /second ${sent}`]);
  });
});
