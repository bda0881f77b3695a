import type { Piece } from "./model-call.ts";

interface RawChoice {
  message?: { refusal?: unknown };
  delta?: { refusal?: unknown };
}

/**
 * Keeps a refusal with the piece it came in. LangChain's client of OpenAI's chat completions drops it, and gives only the
 * whole raw response on wish, which nobody else is to keep.
 */
export function keepRefusal(piece: Piece): void {
  const { __raw_response: raw, ...rest } = piece.additional_kwargs as { __raw_response?: { choices?: RawChoice[] } };
  if (raw === undefined) return;
  const choice = raw.choices?.[0];
  const refusal = choice?.message?.refusal ?? choice?.delta?.refusal;
  piece.additional_kwargs = typeof refusal === "string" && refusal !== "" ? { ...rest, refusal } : rest;
}

/** Whether an answer is a refusal, as providers say it. */
export function isRefusal({ additional_kwargs, response_metadata, content }: Piece): boolean {
  if (additional_kwargs["refusal"] != null || response_metadata["stop_reason"] === "refusal") return true;
  return Array.isArray(content) && content.some((block) => (block as { type?: unknown }).type === "refusal");
}
