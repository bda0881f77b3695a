import { types } from "node:util";
import { isDeltaSnapshot } from "@langchain/langgraph-checkpoint";
import { HoldpointError } from "../../protocol/errors.ts";
import { messageClassName, messageFields } from "./messages.ts";

/**
 * Marks what plain JSON cannot say: `{"$hp": "date", "value": …}`. An object of the user's that has this key itself
 * is wrapped, so that nothing a model or a client wrote is ever taken for one of ours.
 */
export const TAG = "$hp";

/** The typed arrays that can be stored, besides Uint8Array, which is `bytes`. */
export const TYPED_ARRAYS = {
  BigInt64Array,
  BigUint64Array,
  Float32Array,
  Float64Array,
  Int8Array,
  Int16Array,
  Int32Array,
  Uint8ClampedArray,
  Uint16Array,
  Uint32Array,
} as const;

/** Deeper than any real state, shallow enough for every JSON parser. */
const MAX_DEPTH = 2_000;

/** The JSON text of any value a graph can hold. It contains no raw line feed, NUL or lone surrogate: all are escaped. */
export function encode(value: unknown): string {
  const plain = toPlain(value, 0);
  return JSON.stringify(plain === undefined ? tagged("undefined") : plain);
}

/** The same for an element of a list, where what JSON leaves out is null. */
export function encodeElement(value: unknown): string {
  return encodeMember(value) ?? "null";
}

/** The same for a member of an object; undefined for what JSON leaves out. */
export function encodeMember(value: unknown): string | undefined {
  return JSON.stringify(toPlain(value, 1));
}

/** True for an object that is stored member by member: a plain one, that says nothing about its JSON form. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Object.hasOwn(value, TAG)) return false;
  const prototype = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) && !hasJsonForm(value);
}

/**
 * What JSON.stringify renders faithfully: the value itself, untouched and uncopied, wherever it is plain already.
 * Returns undefined for what JSON leaves out (functions and symbols).
 */
function toPlain(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0) ? value : tagged("number", numberName(value));
    case "undefined":
      return tagged("undefined");
    case "bigint":
      return tagged("bigint", value.toString());
    case "object":
      break;
    default:
      return undefined;
  }
  if (value === null) return null;
  if (depth > MAX_DEPTH) {
    throw new HoldpointError(
      "invalid",
      `a value in the state is nested deeper than ${MAX_DEPTH} levels or contains itself; store plain data without cycles`,
    );
  }
  if (Array.isArray(value)) return plainArray(value, depth);
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) {
    return hasJsonForm(value)
      ? toPlain(value.toJSON(), depth + 1)
      : plainObject(value as Record<string, unknown>, depth);
  }
  return plainInstance(value, depth);
}

function plainArray(value: readonly unknown[], depth: number): unknown {
  let plain: unknown[] | undefined;
  for (let index = 0; index < value.length; index += 1) {
    const item = toPlain(value[index], depth + 1) ?? null;
    if (item !== value[index]) {
      plain ??= value.slice();
      plain[index] = item;
    }
  }
  return plain ?? value;
}

function plainObject(value: Record<string, unknown>, depth: number): unknown {
  let plain: Record<string, unknown> | undefined;
  for (const key of Object.keys(value)) {
    const item = toPlain(value[key], depth + 1);
    if (item === value[key]) continue;
    plain ??= { ...value };
    // JSON.stringify leaves out what is undefined, which is what functions became.
    setOwn(plain, key, item);
  }
  return Object.hasOwn(value, TAG) ? tagged("object", plain ?? value) : (plain ?? value);
}

/** Instances of classes; those we do not know are stored as their own fields, as JSON does. */
function plainInstance(value: object, depth: number): unknown {
  const deeper = (inner: unknown) => toPlain(inner, depth + 1);
  const message = messageClassName(value);
  if (message !== undefined) return tagged("message", deeper(messageFields(value)), message);
  if (types.isDate(value)) return tagged("date", Number.isNaN(value.getTime()) ? null : value.toISOString());
  if (types.isMap(value)) return tagged("map", deeper([...value]));
  if (types.isSet(value)) return tagged("set", deeper([...value]));
  if (types.isTypedArray(value)) return typedArray(value);
  if (types.isRegExp(value)) return tagged("regexp", [value.source, value.flags]);
  if (types.isNativeError(value)) return tagged("error", { name: textOf(value.name), message: textOf(value.message) });
  if (types.isBoxedPrimitive(value)) return toPlain(value.valueOf(), depth);
  if (types.isAnyArrayBuffer(value) || types.isDataView(value))
    throw unstorable(value[Symbol.toStringTag], "Uint8Array");
  if (isDeltaSnapshot(value)) return tagged("delta_snapshot", deeper(value.value));
  if ("lg_name" in value && value.lg_name === "Send") return deeper(plainSend(value as unknown as SendLike));
  return deeper(hasJsonForm(value) ? value.toJSON() : { ...value });
}

interface SendLike {
  readonly node: unknown;
  readonly args: unknown;
  readonly timeout?: unknown;
}

const plainSend = ({ node, args, timeout }: SendLike) => ({
  node,
  args,
  ...(timeout === undefined ? {} : { timeout }),
});

function typedArray(value: NodeJS.TypedArray): unknown {
  const base64 = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
  if (types.isUint8Array(value)) return tagged("bytes", base64);
  const name = value[Symbol.toStringTag];
  if (name in TYPED_ARRAYS) return tagged("typed_array", base64, name);
  throw unstorable(name, "Float32Array");
}

const unstorable = (name: string, instead: string) =>
  new HoldpointError("invalid", `a value in the state is a ${name}, which cannot be stored; store a ${instead}`);

/** The name or the message of an error, which code may set to anything. */
const textOf = (text: unknown) => (typeof text === "string" ? text : (JSON.stringify(text) ?? ""));

const hasJsonForm = (value: object): value is { toJSON(): unknown } =>
  "toJSON" in value && typeof value.toJSON === "function";

const numberName = (value: number) => (Object.is(value, -0) ? "-0" : String(value));

function tagged(type: string, value?: unknown, name?: string): unknown {
  return { [TAG]: type, ...(name === undefined ? {} : { name }), ...(value === undefined ? {} : { value }) };
}

/** Sets a property even where its name is `__proto__`, which an assignment would take for the prototype. */
export function setOwn(target: object, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  } else (target as Record<string, unknown>)[key] = value;
}
