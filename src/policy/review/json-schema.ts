import { Ajv2020 } from "ajv/dist/2020.js";
import type { Fault } from "../../protocol/fault.ts";
import type { Json } from "../../protocol/json.ts";

// zod writes draft 2020-12; unknown formats and keywords come from other people's schemas and are not our business.
// Without a precision 1.1 is no multiple of 0.01, and an amount of money could not be edited.
// Without a precision, 13.86 is no multiple of 0.01 in binary floating point.
const ajv = new Ajv2020({ allErrors: true, strict: false, validateFormats: false, multipleOfPrecision: 9 });
const compiled = new Map<string, ReturnType<typeof ajv.compile>>();
const CACHED_SCHEMAS = 500;

/** Every way in which `value` does not match `schema`; no schema, no faults. */
export function validateAgainst(schema: Record<string, Json> | undefined, value: unknown, pointer: string): Fault[] {
  if (schema === undefined) return [];
  const validate = compile(schema);
  if (validate(value)) return [];
  return (validate.errors ?? []).map((error) => ({
    pointer: `${pointer}${error.instancePath}`,
    message: error.message ?? "does not match the schema",
  }));
}

function compile(schema: Record<string, Json>) {
  const text = JSON.stringify(schema);
  const known = compiled.get(text);
  if (known !== undefined) return known;
  const { $id: _id, ...anonymous } = schema;
  const validate = ajv.compile(anonymous);
  if (compiled.size >= CACHED_SCHEMAS) compiled.clear();
  compiled.set(text, validate);
  return validate;
}
