import {
  AIMessage,
  AIMessageChunk,
  BaseMessage,
  ChatMessage,
  ChatMessageChunk,
  FunctionMessage,
  FunctionMessageChunk,
  HumanMessage,
  HumanMessageChunk,
  RemoveMessage,
  SystemMessage,
  SystemMessageChunk,
  ToolMessage,
  ToolMessageChunk,
} from "@langchain/core/messages";

type MessageClass = new (fields: never) => BaseMessage;

/** The only classes of LangChain's that are ever made from stored data. */
const MESSAGE_CLASSES: ReadonlyMap<string, MessageClass> = new Map<string, MessageClass>([
  ["AIMessage", AIMessage],
  ["AIMessageChunk", AIMessageChunk],
  ["ChatMessage", ChatMessage],
  ["ChatMessageChunk", ChatMessageChunk],
  ["FunctionMessage", FunctionMessage],
  ["FunctionMessageChunk", FunctionMessageChunk],
  ["HumanMessage", HumanMessage],
  ["HumanMessageChunk", HumanMessageChunk],
  ["RemoveMessage", RemoveMessage],
  ["SystemMessage", SystemMessage],
  ["SystemMessageChunk", SystemMessageChunk],
  ["ToolMessage", ToolMessage],
  ["ToolMessageChunk", ToolMessageChunk],
]);

/** For a message of a class of the user's own: the standard class of the same type. */
const CLASS_BY_TYPE: Readonly<Record<string, string>> = {
  ai: "AIMessage",
  function: "FunctionMessage",
  generic: "ChatMessage",
  human: "HumanMessage",
  remove: "RemoveMessage",
  system: "SystemMessage",
  tool: "ToolMessage",
};

/** The name under which a message is stored, or undefined for anything that is not an instance of a message class. */
export function messageClassName(value: object): string | undefined {
  if (!BaseMessage.isInstance(value)) return undefined;
  const name = value.lc_id.at(-1);
  return name !== undefined && MESSAGE_CLASSES.has(name) ? name : CLASS_BY_TYPE[value.getType()];
}

// What code sets on a message that was made without it: a graph of several agents says which one has answered.
const SET_LATER = ["id", "name", "usage_metadata", "status", "artifact"];

/** The constructor fields of a message, with the values they have by now: nodes do change messages in place. */
export function messageFields(value: object): Record<string, unknown> {
  const message = value as BaseMessage & Record<string, unknown>;
  const fields: Record<string, unknown> = {};
  for (const key of Object.keys(message.lc_kwargs))
    fields[key] = key in message ? message[key] : message.lc_kwargs[key];
  for (const key of SET_LATER)
    if (Object.hasOwn(message, key) && message[key] !== undefined) fields[key] = message[key];
  return fields;
}

/** Makes the message again. */
export function messageFrom(name: string, fields: unknown): BaseMessage {
  const Message = MESSAGE_CLASSES.get(name);
  if (Message === undefined) throw new Error(`stored state names the unknown message class ${JSON.stringify(name)}`);
  return new Message(fields as never);
}
