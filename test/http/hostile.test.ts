import { connect } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { routes } from "../../src/http/routes.ts";
import { fc } from "../support/properties.ts";
import { contents } from "./contents.ts";
import { hostileRequest, toRequest, value } from "./hostile-requests.ts";
import { openServer, type TestServer } from "./server.ts";

const SCALE = Number(process.env["HOLDPOINT_TEST_SCALE"] ?? 1);

let server: TestServer;
/** Ids of things that exist, so that what is thrown also reaches what lies behind. */
let ids: { thread_id: string; run_id: string; review_id: string; group_id: string; assistant_id: string };
beforeAll(async () => {
  server = await openServer({ writeWaitMs: 20 });
  const { thread_id } = await server.client.threads.create();
  const { run_id } = await server.client.runs.create(thread_id, "http-pay", { input: { amount: 5 } });
  await server.client.runs.join(thread_id, run_id);
  const [review] = (await (await server.ask("/reviews")).json()) as { id: string; group_id: string }[];
  const { id: review_id, group_id } = review as { id: string; group_id: string };
  ids = { thread_id, run_id, review_id, group_id, assistant_id: "http-pay" };
  await server.house.worker.stop();
});
afterAll(async () => await server.close());

// What may succeed with a body of nonsense in it, because unknown members are ignored.
const MAY_CHANGE = new Set([
  "PATCH /assistants/:assistant_id",
  "POST /threads",
  "PATCH /threads/:thread_id",
  "PATCH /threads/:thread_id/state",
  "POST /threads/:thread_id/runs/:run_id/cancel",
  "POST /threads/:thread_id/copy",
  // For whoever may bypass: with a reason, an edit of nothing.
  "POST /threads/:thread_id/state",
  "POST /reviews/:review_id/claim",
  "POST /reviews/:review_id/release",
  "POST /reviews/:review_id/view",
  "POST /reviews/:review_id/ask",
  "POST /reviews/:review_id/answer",
  "POST /reviews/:review_id/comment",
  "POST /reviews/:review_id/escalate",
]);

// What takes no body removes what it names.
const REMOVES = new Set(["DELETE /threads/:thread_id"]);

/** True for any answer but a failure of the server; that no worker runs here is none. */
const isAnswer = ({ status, headers }: Response) => status < 500 || headers.get("x-holdpoint-error") === "no_worker";

it("answers anything at any route without failing, and changes nothing", async () => {
  const before = await contents(server.house.database);
  const property = fc.asyncProperty(hostileRequest, async (hostile) => {
    const request = toRequest(hostile, ids);
    const name = `${hostile.method ?? hostile.route.method} ${hostile.route.path}`;
    if (request === undefined || MAY_CHANGE.has(name) || (hostile.known && REMOVES.has(name))) return;
    const response = await server.app.fetch(request);
    await response.body?.cancel();
    expect([isAnswer(response), response.status]).toEqual([true, response.status]);
  });
  await fc.assert(property, { numRuns: 1_500 * SCALE });
  expect(await contents(server.house.database)).toEqual(before);
}, 120_000);

it("answers anything at the routes that take almost anything without failing", async () => {
  const creating = routes.filter(({ method, path }) => MAY_CHANGE.has(`${method} ${path}`));
  const property = fc.asyncProperty(hostileRequest, fc.constantFrom(...creating), async (hostile, route) => {
    const request = toRequest({ ...hostile, route, method: undefined }, ids);
    if (request === undefined) return;
    const response = await server.app.fetch(request);
    await response.body?.cancel();
    expect([isAnswer(response), response.status]).toEqual([true, response.status]);
  });
  await fc.assert(property, { numRuns: 300 * SCALE });
}, 120_000);

it("takes a run or refuses it, whatever is thrown in beside what is right", async () => {
  const member = fc.constantFrom(
    "input",
    "command",
    "config",
    "context",
    "metadata",
    "checkpoint",
    "checkpoint_id",
    "durability",
    "after_seconds",
    "interrupt_before",
    "stream_mode",
    "if_not_exists",
    "multitask_strategy",
    "webhook",
  );
  const inner = fc.oneof(
    value,
    fc.dictionary(
      fc.constantFrom(
        "configurable",
        "tags",
        "recursion_limit",
        "resume",
        "goto",
        "update",
        "checkpoint_id",
        "checkpoint_ns",
        "thread_id",
        "text",
        "metadata",
        "__proto__",
      ),
      value,
      { maxKeys: 3 },
    ),
    fc.record({
      configurable: fc.dictionary(fc.constantFrom("checkpoint_id", "thread_id", "__pregel_resuming", "x"), value),
    }),
    fc.record({ resume: value }),
  );
  const body = fc.dictionary(member, inner, { maxKeys: 4 });
  const { thread_id } = await server.client.threads.create();
  const property = fc.asyncProperty(
    body,
    fc.constantFrom("http-words", "http-pay", "http-ask"),
    fc.constantFrom("", "/wait", "/stream"),
    fc.boolean(),
    async (thrown, assistant_id, kind, existing) => {
      const thread = existing ? thread_id : crypto.randomUUID();
      const response = await server.ask(`/threads/${thread}/runs${kind}`, {
        method: "POST",
        body: { input: { text: "x", amount: 1 }, ...thrown, assistant_id },
      });
      await response.body?.cancel();
      expect([response.status < 500, response.status]).toEqual([true, response.status]);
    },
  );
  await fc.assert(property, { numRuns: 600 * SCALE });
}, 120_000);

it("survives requests that are no HTTP", async () => {
  const { port } = server.listening;
  for (const bytes of [
    "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n",
    "\x16\x03\x01",
    "GET / HTTP/1.1\r\n\r\n",
    `GET /${"a".repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
  ]) {
    const answer = await new Promise<string>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => socket.end(bytes));
      let text = "";
      socket.on("data", (chunk) => (text += chunk.toString("latin1")));
      socket.on("close", () => resolve(text));
      socket.on("error", () => {});
    });
    expect(answer).toMatch(/^(HTTP\/1\.1 4\d\d |$)/);
  }
  expect((await fetch(`${server.listening.url}/ok`)).status).toBe(200);
});
