import { Ajv2020 } from "ajv/dist/2020.js";
import { describeApi } from "../../src/http/openapi/document.ts";
import type { Operation } from "../../src/http/openapi/operation.ts";
import { routes } from "../../src/http/routes.ts";

type Schema = Record<string, unknown>;

const document = describeApi(routes, "0.0.0-test");
const formats = {
  uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
  "date-time": (text: string) => /^\d{4}-\d\d-\d\dT/.test(text) && !Number.isNaN(Date.parse(text)),
};
const ajv = new Ajv2020({ strict: false, formats }).addSchema({ $id: "api", ...document });

/** A route as it is told of, for tests that ask it what it says it takes, and what it says it does not. */
export interface Declared {
  label: string;
  method: string;
  path: string;
  operation: Operation;
  /** What the body may be; undefined where none is read. */
  body: Schema | undefined;
}

/** Every route. */
export const declared: readonly Declared[] = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    label: `${method.toUpperCase()} ${path}`,
    method: method.toUpperCase(),
    path,
    operation,
    body: operation.requestBody?.content["application/json"].schema,
  })),
);

/** The schema itself, where it is only named. */
export function resolved(schema: Schema): Schema {
  const { $ref } = schema;
  if (typeof $ref !== "string") return schema;
  return document.components.schemas[$ref.split("/").at(-1) ?? ""] as Schema;
}

const checks = new Map<string, (value: unknown) => boolean>();

/** Whether a route says that it may refuse so. */
export function mayRefuse({ operation }: Declared, status: number, code: string): boolean {
  const { $ref, ...own } = (operation.responses[status] ?? {}) as { $ref?: string; headers?: Schema };
  const { headers = {} } =
    $ref === undefined ? own : (document.components.responses[$ref.split("/").at(-1) ?? ""] ?? {});
  const { schema } = (headers["x-holdpoint-error"] ?? {}) as { schema?: { enum: readonly string[] } };
  return schema?.enum.includes(code) === true;
}

/** Whether a value is what the schema asks for. */
export function fits(schema: Schema, value: unknown): boolean {
  const text = JSON.stringify(schema).replaceAll('"#/', '"api#/');
  const check = checks.get(text) ?? (ajv.compile(JSON.parse(text) as Schema) as (value: unknown) => boolean);
  checks.set(text, check);
  return check(value);
}

/** The least that a schema takes; members in `known` are what they are there, wherever they stand. */
export function least(named: Schema, known: Readonly<Record<string, unknown>>, name = ""): unknown {
  const schema = resolved(named);
  if (name in known) return known[name];
  const { type, anyOf, oneOf, enum: words, const: only, properties, required, items, format, minItems } = schema;
  if (only !== undefined) return only;
  if (Array.isArray(words)) return words[0];
  const [choice] = (anyOf ?? oneOf ?? []) as Schema[];
  if (choice !== undefined) return least(choice, known);
  const kind = Array.isArray(type) ? type[0] : type;
  if (kind === "object") {
    const members = (required ?? []) as string[];
    const schemas = (properties ?? {}) as Record<string, Schema>;
    return Object.fromEntries(members.map((member) => [member, least(schemas[member] ?? {}, known, member)]));
  }
  if (kind === "array") return Array.from({ length: Number(minItems ?? 0) }, () => least(items as Schema, known));
  if (kind === "integer" || kind === "number") return schema["minimum"] ?? 1;
  if (kind === "boolean") return true;
  if (format === "date-time") return "2027-01-31T09:00:00Z";
  return format === "uuid" ? "00000000-0000-4000-8000-000000000000" : "x";
}

// Of every type, and some that are of the right one and still are wrong.
const VALUES: readonly unknown[] = [
  null,
  true,
  0,
  -1.5,
  1e308,
  "",
  "\u0000",
  "x".repeat(12_000),
  "not-a-uuid",
  [],
  [[null]],
  {},
  { __proto__: null, x: [{}] },
];

/** Values that a schema does not take. */
export const wrongFor = (schema: Schema): unknown[] => VALUES.filter((value) => !fits(schema, value));

/** Every place of a value that its schema has members for, with the schema of the member. */
export function places(named: Schema, path: readonly string[] = []): { path: readonly string[]; schema: Schema }[] {
  const schema = resolved(named);
  const { properties = {}, anyOf = [] } = schema as { properties?: Record<string, Schema>; anyOf?: Schema[] };
  if (path.length > 3) return [];
  const own = Object.entries(properties).flatMap(([name, member]) => [
    { path: [...path, name], schema: member },
    ...places(member, [...path, name]),
  ]);
  return [
    ...own,
    ...anyOf.filter((one) => resolved(one)["properties"] !== undefined).flatMap((one) => places(one, path)),
  ];
}

/** The value with another one at a place; what leads there is made where it is not there. */
export function withAt(value: unknown, [name, ...rest]: readonly string[], inner: unknown): unknown {
  if (name === undefined) return inner;
  const object = typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Schema) : {};
  return { ...object, [name]: withAt(object[name], rest, inner) };
}
