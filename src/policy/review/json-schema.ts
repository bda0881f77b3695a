import { Ajv2020 } from "ajv/dist/2020.js";
import type { Fault } from "../../protocol/fault.ts";
import type { Json } from "../../protocol/json.ts";

// zod writes draft 2020-12; unknown formats and keywords come from other people's schemas and are not our business.
// Without a precision 13.86 is no multiple of 0.01 in binary floating point, and with nine digits 1234567.89 is none.
const ajv = new Ajv2020({
  allErrors: true,
  strict: false,
  validateFormats: false,
  multipleOfPrecision: 6,
  addUsedSchema: false,
});
const compiled = new Map<string, ReturnType<typeof ajv.compile> | null>();
const CACHED_SCHEMAS = 500;

/**
 * Every way in which `value` does not match `schema`; no schema, no faults. A schema that cannot be compiled faults
 * nothing either: the graph that sent it checks the answer itself.
 */
export function validateAgainst(schema: Record<string, Json> | undefined, value: unknown, pointer: string): Fault[] {
  if (schema === undefined) return [];
  const validate = compile(schema);
  if (validate === null || validate(value)) return [];
  return (validate.errors ?? []).map((error) => ({
    pointer: `${pointer}${error.instancePath}`,
    message: error.message ?? "does not match the schema",
  }));
}

function compile(schema: Record<string, Json>) {
  const text = JSON.stringify(schema);
  const known = compiled.get(text);
  if (known !== undefined) return known;
  const validate = tryToCompile(schema);
  if (compiled.size >= CACHED_SCHEMAS) {
    compiled.clear();
    // It keeps every schema it has seen until it is told to forget them.
    ajv.removeSchema();
  }
  compiled.set(text, validate);
  return validate;
}

function tryToCompile({ $id: _id, ...anonymous }: Record<string, Json>) {
  try {
    return ajv.compile(anonymous);
  } catch {
    return null;
  }
}
