type Schema = Readonly<Record<string, unknown>>;

/** What every text says that nobody has scripted. */
export const MADE_UP = "mock";

// A schema may contain itself; what is asked of it is finite below this.
const DEEPEST = 12;
const FORMATS: Readonly<Record<string, string>> = {
  date: "2000-01-01",
  "date-time": "2000-01-01T00:00:00Z",
  time: "00:00:00Z",
  duration: "PT0S",
  email: "mock@example.com",
  hostname: "example.com",
  ipv4: "192.0.2.1",
  ipv6: "2001:db8::1",
  uri: "https://example.com/mock",
  "uri-reference": "/mock",
  uuid: "00000000-0000-4000-8000-000000000000",
};
const GUESSES = [
  "",
  MADE_UP,
  "a",
  "A",
  "0",
  "1",
  "00",
  "AA",
  "a1",
  "A1",
  "000",
  "AAA",
  "0000",
  "00000",
  "1.00",
  "mock-1",
];

/** A small value that fits a JSON Schema, the same each time. What no pattern or bound can be met for is a best try. */
export function fitSchema(schema: unknown): unknown {
  return sample(schema, schema, 0);
}

function sample(node: unknown, root: unknown, depth: number): unknown {
  if (typeof node !== "object" || node === null || Array.isArray(node)) return null;
  const schema = resolve(node as Schema, root);
  if (Object.hasOwn(schema, "const")) return schema["const"];
  if (Array.isArray(schema["enum"])) return schema["enum"][0] ?? null;
  const choices = schema["anyOf"] ?? schema["oneOf"];
  if (Array.isArray(choices)) return fitChoice(choices, root, depth);
  if (Array.isArray(schema["allOf"])) return sample(merged(schema, root), root, depth + 1);
  return fitType(schema, root, depth);
}

function fitChoice(choices: readonly unknown[], root: unknown, depth: number): unknown {
  const nothing = choices.find((choice) => (choice as Schema | null)?.["type"] === "null");
  // Below a few levels whatever ends soonest is taken.
  if (nothing !== undefined && depth > DEEPEST / 2) return null;
  return sample(choices.find((choice) => choice !== nothing) ?? nothing, root, depth + 1);
}

function fitType(schema: Schema, root: unknown, depth: number): unknown {
  const types = Array.isArray(schema["type"]) ? schema["type"] : [schema["type"]];
  const type = types.find((name) => name !== "null") ?? types[0];
  if (depth >= DEEPEST) return types.includes("null") ? null : type === "array" ? [] : type === "object" ? {} : null;
  if (type === "object" || (type === undefined && schema["properties"] !== undefined))
    return fitObject(schema, root, depth);
  if (type === "array") {
    const first = Array.isArray(schema["prefixItems"]) ? schema["prefixItems"] : [];
    const least = Math.min(numberIn(schema, "minItems") ?? 0, 1_000);
    return Array.from({ length: Math.max(least, first.length) }, (_, index) =>
      sample(first[index] ?? schema["items"], root, depth + 1),
    );
  }
  if (type === "string") return fitText(schema);
  if (type === "integer" || type === "number") return fitNumber(schema, type === "integer");
  return type === "boolean" ? false : null;
}

function fitObject(schema: Schema, root: unknown, depth: number): Record<string, unknown> {
  const properties = (schema["properties"] ?? {}) as Record<string, unknown>;
  const required = Array.isArray(schema["required"]) ? (schema["required"] as string[]) : [];
  return Object.fromEntries(required.map((name) => [name, sample(properties[name], root, depth + 1)]));
}

function fitText(schema: Schema): string {
  const least = Math.min(numberIn(schema, "minLength") ?? 0, 10_000);
  const most = numberIn(schema, "maxLength") ?? Number.POSITIVE_INFINITY;
  const fits = (text: string) => text.length >= least && text.length <= most;
  const known = FORMATS[String(schema["format"])];
  const tries = [...(known === undefined ? [] : [known]), MADE_UP, MADE_UP.padEnd(least, "."), "x".repeat(least)];
  const pattern = patternOf(schema["pattern"]);
  if (pattern === undefined) return tries.find(fits) ?? "";
  return [...tries, ...GUESSES].find((text) => fits(text) && pattern.test(text)) ?? MADE_UP;
}

function patternOf(source: unknown): RegExp | undefined {
  if (typeof source !== "string") return undefined;
  try {
    return new RegExp(source, "u");
  } catch {
    return undefined;
  }
}

function fitNumber(schema: Schema, isWhole: boolean): number {
  const step = numberIn(schema, "multipleOf") ?? (isWhole ? 1 : undefined);
  const above = numberIn(schema, "exclusiveMinimum");
  const below = numberIn(schema, "exclusiveMaximum");
  const least = Math.max(numberIn(schema, "minimum") ?? Number.NEGATIVE_INFINITY, above ?? Number.NEGATIVE_INFINITY);
  const most = Math.min(numberIn(schema, "maximum") ?? Number.POSITIVE_INFINITY, below ?? Number.POSITIVE_INFINITY);
  const fits = (value: number) =>
    value >= least && value <= most && value !== above && value !== below && (step === undefined || value % step === 0);
  const up = step === undefined ? least : Math.ceil(least / step) * step;
  const down = step === undefined ? most : Math.floor(most / step) * step;
  const tries = [0, up, up + (step ?? 1), down, down - (step ?? 1), (least + most) / 2];
  return tries.find((value) => Number.isFinite(value) && fits(value)) ?? 0;
}

const numberIn = (schema: Schema, name: string) =>
  typeof schema[name] === "number" ? (schema[name] as number) : undefined;

// Bound: as many references in a row as may stand inside one another.
function resolve(schema: Schema, root: unknown): Schema {
  let current = schema;
  for (let hops = 0; hops < DEEPEST && typeof current["$ref"] === "string"; hops += 1) {
    const steps = current["$ref"].replace(/^#\/?/, "").split("/").filter(Boolean);
    const found = steps.reduce<unknown>(
      (at, step) =>
        (at as Schema | null | undefined)?.[decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~")],
      root,
    );
    if (typeof found !== "object" || found === null) return {};
    current = found as Schema;
  }
  return current;
}

function merged({ allOf, ...rest }: Schema, root: unknown): Schema {
  const parts = [rest, ...(allOf as Schema[]).map((part) => resolve(part, root))];
  const properties = parts.map((part) => (part["properties"] ?? {}) as object);
  const required = parts.flatMap((part) => (part["required"] ?? []) as string[]);
  return { ...Object.assign({}, ...parts), properties: Object.assign({}, ...properties), required };
}
