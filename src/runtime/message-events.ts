import { wireJson } from "../graphs/wire-json.ts";
import type { StreamEvent } from "../protocol/events.ts";

interface Message {
  id?: string;
  getType(): string;
  concat?(more: Message): Message;
}

/** Makes the events of the stream mode `messages`. */
export interface MessageEvents {
  /** What to tell of something the graph has streamed. */
  see(namespace: readonly string[], mode: string, payload: unknown): StreamEvent[];
}

/**
 * The stream mode `messages`: of a message that a model is writing, once what it belongs to and then all of it so far, each
 * time there is more; of every message that is part of the state, once as a whole.
 */
export function createMessageEvents(): MessageEvents {
  const written = new Map<string, Message>();
  const complete = new Set<string>();
  return {
    see(namespace, mode, payload) {
      const told: StreamEvent[] = [];
      const tell = (event: string, data: unknown) => {
        const name = namespace.length === 0 ? event : `${event}|${namespace.join("|")}`;
        told.push({ event: name, data: JSON.parse(wireJson(data)) });
      };
      if (mode === "messages") writing(payload as [unknown, unknown], written, tell);
      if (mode === "values") {
        const whole = messagesOf(payload).filter(({ id }) => id !== undefined && !complete.has(id));
        for (const { id } of whole) complete.add(id as string);
        if (whole.length > 0) tell("messages/complete", whole);
      }
      return told;
    },
  };
}

function writing(
  [message, metadata]: [unknown, unknown],
  written: Map<string, Message>,
  tell: (event: string, data: unknown) => void,
): void {
  // What is no piece is whole, and is told when it is part of the state.
  if (!isMessage(message) || message.concat === undefined || message.id === undefined) return;
  const before = written.get(message.id);
  const soFar = before?.concat === undefined ? message : before.concat(message);
  written.set(message.id, soFar);
  if (before === undefined) tell("messages/metadata", { [message.id]: { metadata } });
  tell("messages/partial", [soFar]);
}

function messagesOf(payload: unknown): Message[] {
  if (typeof payload !== "object" || payload === null || !("messages" in payload)) return [];
  return [payload.messages].flat().filter(isMessage);
}

function isMessage(value: unknown): value is Message {
  return typeof value === "object" && value !== null && "getType" in value && typeof value.getType === "function";
}
