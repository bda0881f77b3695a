import { ProtocolFault } from "./asked-model.ts";

const NOT_PERMITTED = [
  "allOf",
  "oneOf",
  "not",
  "if",
  "then",
  "else",
  "dependentRequired",
  "dependentSchemas",
  "patternProperties",
];
const DEEPEST = 100;

/** Refuses what OpenAI refuses of a schema that is to be kept to strictly, so that a test meets it before production does. */
export function requireStrict(schema: unknown, param: string, name: unknown): void {
  const refuse = (context: string, what: string) =>
    new ProtocolFault(param, `Invalid schema for '${String(name)}': In context=(${context}), ${what}`);
  const root = schema as Record<string, unknown> | null | undefined;
  if (typeof root !== "object" || root === null || root["type"] !== "object")
    throw refuse("", "schema must have type 'object'");
  visit(root, "", 0, refuse);
}

type Refuse = (context: string, what: string) => ProtocolFault;

function visit(node: unknown, context: string, depth: number, refuse: Refuse): void {
  if (typeof node !== "object" || node === null || depth > DEEPEST) return;
  const schema = node as Record<string, unknown>;
  const wrong = NOT_PERMITTED.find((keyword) => Object.hasOwn(schema, keyword));
  if (wrong !== undefined) throw refuse(context, `'${wrong}' is not permitted`);
  const properties = (schema["properties"] ?? {}) as Record<string, unknown>;
  const types = [schema["type"]].flat();
  if (types.includes("object") || schema["properties"] !== undefined) {
    if (schema["additionalProperties"] !== false)
      throw refuse(context, "'additionalProperties' is required to be supplied and to be false");
    const required = Array.isArray(schema["required"]) ? schema["required"] : [];
    const missing = Object.keys(properties).find((key) => !required.includes(key));
    if (missing !== undefined)
      throw refuse(context, `'required' is required to include every key in properties. Missing '${missing}'`);
  }
  const inside = (key: string, one: unknown) =>
    visit(one, [context, `'${key}'`].filter(Boolean).join(", "), depth + 1, refuse);
  for (const [key, one] of Object.entries(properties)) inside(key, one);
  for (const group of ["$defs", "definitions"])
    for (const [key, one] of Object.entries((schema[group] ?? {}) as object)) inside(key, one);
  for (const list of ["anyOf", "prefixItems"])
    for (const one of Array.isArray(schema[list]) ? schema[list] : []) inside(list, one);
  inside("items", schema["items"]);
}
