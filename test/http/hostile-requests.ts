import { routes } from "../../src/http/routes.ts";
import { fc } from "../support/properties.ts";

/** Values that have broken servers before. */
const nasty = fc.constantFrom<unknown>(
  null,
  "",
  "\0",
  "\ud800",
  "x\u2028y",
  "__proto__",
  -1,
  0,
  1e308,
  2 ** 53,
  -0.5,
  true,
  [],
  {},
  [[]],
  [null],
  { __proto__: null },
  "a".repeat(5_000),
  "'; drop table holdpoint.run; --",
  "%00",
  "../../etc/passwd",
  "sha256:0",
  crypto.randomUUID(),
  "00000000-0000-0000-0000-000000000000",
  { type: "approve" },
  [{ type: "approve" }],
  [{ type: "edit", args: { __proto__: 1 } }],
  [{ type: "reject", message: "\0" }],
  { checkpoint_id: "x" },
  { goto: "\0" },
);
/** Anything a member may hold. */
export const value = fc.oneof(
  { weight: 4, arbitrary: nasty },
  fc.jsonValue({ maxDepth: 4 }),
  fc.string({ unit: "binary" }),
);
const key = fc.constantFrom(
  "assistant_id",
  "input",
  "command",
  "config",
  "context",
  "metadata",
  "checkpoint",
  "checkpoint_id",
  "stream_mode",
  "multitask_strategy",
  "after_seconds",
  "if_not_exists",
  "limit",
  "offset",
  "status",
  "before",
  "thread_id",
  "values",
  "as_node",
  "decisions",
  "comment",
  "seen_digest",
  "idempotency_key",
  "name",
  "principal",
  "permissions",
  "graph_id",
  "resume",
  "__proto__",
  "constructor",
  "subgraphs",
  "if_exists",
  "interrupt_before",
  "on_disconnect",
  "webhook",
  "to",
  "until",
  "text",
  "question",
  "answers",
  "review_id",
  "reason",
  "reason_code",
  "bypass_reason",
);
const object = fc.dictionary(key, value, { maxKeys: 6 });
const rawText = fc.oneof(
  object.map((body) => JSON.stringify(body)),
  // Own properties of that name, as only a parser makes them.
  value.map((inner) => `{"__proto__":${JSON.stringify(inner) ?? "null"},"constructor":{"prototype":1}}`),
  value.map((body) => JSON.stringify(body) ?? ""),
  fc.string({ unit: "binary" }),
  fc.integer({ min: 1, max: 100_000 }).map((depth) => "[".repeat(depth)),
);
const query = fc
  .array(
    fc.tuple(
      fc.constantFrom(
        "limit",
        "offset",
        "status",
        "graph_id",
        "thread_id",
        "subgraphs",
        "wait",
        "action",
        "before",
        "stream_mode",
        "checkpoint_ns",
        "risk",
        "assignee",
        "group",
        "mine",
        "overdue",
        "due_before",
        "q",
        "sort",
        "x",
      ),
      value,
    ),
    { maxLength: 4 },
  )
  .map((pairs) =>
    pairs
      .map(([name, content]) => `${name}=${encode(typeof content === "string" ? content : JSON.stringify(content))}`)
      .join("&"),
  );
const segment = fc.oneof(
  fc.string({ minLength: 1, unit: "binary" }),
  fc.constantFrom("%00", "%ff", "%", "x", "..", "search", "a%2Fb"),
);

function encode(text: string | undefined): string {
  return encodeURIComponent((text ?? "undefined").toWellFormed());
}

/** A request nobody should send. */
export const hostileRequest = fc.record({
  route: fc.constantFrom(...routes),
  method: fc.oneof(
    { weight: 6, arbitrary: fc.constant(undefined) },
    fc.constantFrom("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"),
  ),
  known: fc.boolean(),
  segments: fc.array(segment, { minLength: 3, maxLength: 3 }),
  query,
  body: rawText,
  type: fc.oneof(
    { weight: 5, arbitrary: fc.constant("application/json") },
    fc.constantFrom("text/plain", "application/json; charset=x", "x/y", ""),
  ),
  ifMatch: fc.option(fc.constantFrom('"1"', "*", 'W/"2"', "x", "9".repeat(30)), { nil: undefined }),
  lastEventId: fc.option(fc.constantFrom("-1", "0", "9".repeat(40), "x"), { nil: undefined }),
});

/** A hostile request as its generator makes it. */
export type HostileRequest = typeof hostileRequest extends fc.Arbitrary<infer Value> ? Value : never;

/** The request, with ids of things that exist where it asks for them; undefined where it has no address at all. */
export function toRequest(hostile: HostileRequest, ids: Readonly<Record<string, string>>): Request | undefined {
  const { route, known, segments } = hostile;
  let position = 0;
  const path = route.path.replaceAll(/:(\w+)/g, (_parameter, name: string) => {
    const existing = ids[name];
    const thrown = segments[position++ % segments.length] as string;
    return known && existing !== undefined ? existing : thrown.startsWith("%") ? thrown : encode(thrown);
  });
  const method = hostile.method ?? route.method;
  const url = `http://127.0.0.1${path}?${hostile.query}`;
  if (!URL.canParse(url)) return undefined;
  const headers = new Headers({ "content-type": hostile.type });
  if (hostile.ifMatch !== undefined) headers.set("if-match", hostile.ifMatch);
  if (hostile.lastEventId !== undefined) headers.set("last-event-id", hostile.lastEventId);
  const hasBody = method !== "GET" && method !== "HEAD";
  return new Request(url, { method, headers, ...(hasBody ? { body: hostile.body } : {}) });
}
