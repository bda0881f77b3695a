/** What a model was asked, whichever protocol it came in. */
export interface AskedModel {
  protocol: "chat" | "responses";
  model: string;
  messages: readonly AskedMessage[];
  /** What the user said last; "" when no user said anything. */
  question: string;
  tools: readonly { name: string; parameters: unknown }[];
  /** The tool that has to be called, when one has to. */
  must_call: string | undefined;
  /** The JSON Schema that the answer must have, when it must. */
  schema: unknown;
  streams: boolean;
  /** All that was sent. */
  body: Record<string, unknown>;
}

/** One message, as far as it is text. */
export interface AskedMessage {
  role: string;
  text: string;
}

/** A request that the protocol does not allow: answered with 400, as the provider does. */
export class ProtocolFault extends Error {
  override readonly name = "ProtocolFault";
  /** The member of the request that is wrong. */
  readonly param: string;

  constructor(param: string, message: string) {
    super(message);
    this.param = param;
  }
}

/** The text of a message's content: itself, or that of its parts. */
export function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.map((part: { text?: unknown } | null) => (typeof part?.text === "string" ? part.text : "")).join("");
}

/** What the user said last. */
export function questionOf(messages: readonly AskedMessage[]): string {
  return messages.findLast(({ role }) => role === "user")?.text ?? "";
}

/** Takes a member that has to be a text. */
export function requireText(body: Record<string, unknown>, name: string): string {
  const value = body[name];
  if (typeof value === "string" && value !== "") return value;
  throw new ProtocolFault(name, `you must provide a ${name} parameter`);
}

/** Takes a list of objects; an empty one where it is left out. */
export function objectsIn(value: unknown, param: string): Record<string, unknown>[] {
  if (value === undefined || value === null) return [];
  const isObject = (one: unknown) => typeof one === "object" && one !== null && !Array.isArray(one);
  if (Array.isArray(value) && value.every(isObject)) return value;
  throw new ProtocolFault(param, `${param} has to be a list of objects`);
}

/** The tool that a `tool_choice` asks for: `named` is the name it gives, where it gives one. */
export function mustCall(choice: unknown, named: unknown, tools: AskedModel["tools"]): string | undefined {
  if (choice === "required") return tools[0]?.name;
  if (typeof named !== "string") return undefined;
  if (tools.some(({ name }) => name === named)) return named;
  throw new ProtocolFault("tool_choice", `tool_choice names ${JSON.stringify(named)}, which is none of the tools`);
}
