/**
 * A graph's value as JSON text for the wire and for what is shown: messages flattened with their type, as the LangGraph
 * clients expect, and whatever else JSON cannot carry in a readable form. Never read back into a graph.
 */
export function wireJson(value: unknown): string {
  return JSON.stringify(value ?? null, function (this: Record<string, unknown>, key, encoded: unknown) {
    // The value before its own toJSON, which for a message gives LangChain's envelope.
    return flatten(this[key], encoded);
  })
    .replaceAll("\u2028", "\\u2028")
    .replaceAll("\u2029", "\\u2029");
}

interface Message {
  getType(): string;
  toDict(): { data: Record<string, unknown> };
}

function flatten(value: unknown, encoded: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return encoded;
  if (isMessage(value)) return { ...value.toDict().data, type: value.getType() };
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof Set) return [...value];
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (value instanceof Error) return { error: value.name, message: value.message };
  return encoded;
}

function isMessage(value: object): value is Message {
  return (
    "getType" in value && "toDict" in value && typeof value.toDict === "function" && typeof value.getType === "function"
  );
}
