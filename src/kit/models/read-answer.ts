import type { AIMessage, AIMessageChunk } from "@langchain/core/messages";
import { z } from "zod";
import type { Json } from "../../protocol/json.ts";
import { plainJson, plainText } from "../plain-json.ts";
import { isRefusal } from "./refusal.ts";

/** What an answer says: a value of the shape, or why it is none. */
export type ReadAnswer<Value> =
  | { fits: true; value: Value }
  /** `said` and `wrong` are what the model is shown when it is asked again; without them there is no use in it. */
  | { fits: false; reason: string; repair?: { said: string; wrong: string } };

/** Why there is no answer where the provider has kept it. */
export const HELD_BACK = "its provider held its answer back";
const NOT_JSON = "its answer was not the JSON that was asked for";
const LONGEST_SAID = 8_000;
const LONGEST_WRONG = 2_000;

/** Reads an answer that was to be JSON of a shape, as text or as the arguments of a tool. */
export async function readAnswer<Schema extends z.ZodType>(
  message: AIMessage | AIMessageChunk,
  schema: Schema,
): Promise<ReadAnswer<z.output<Schema>>> {
  const { response_metadata, tool_calls = [], invalid_tool_calls = [] } = message;
  if (isRefusal(message)) return { fits: false, reason: "it refused to answer" };
  const finish_reason = response_metadata["finish_reason"];
  if (finish_reason === "content_filter") return { fits: false, reason: HELD_BACK };
  const said = tool_calls[0] ? JSON.stringify(tool_calls[0].args) : (invalid_tool_calls[0]?.args ?? message.text);
  if (finish_reason === "length") return tooLong(said);
  const json = parsed(said);
  if (json === undefined) return unfit(NOT_JSON, said, "It is not JSON. Answer with the JSON alone.");
  const plain = plainJson(json);
  if (plain === undefined) return unfit("its answer was nested too deep", said, "It is nested too deep.");
  const checked = await schema.safeParseAsync(plain);
  if (checked.success) return { fits: true, value: checked.data };
  return unfit("its answer did not have the asked shape", said, z.prettifyError(checked.error));
}

/** The same of an answer of which only that is known. */
export function tooLong(said = ""): { fits: false; reason: string; repair: { said: string; wrong: string } } {
  return unfit(
    "its answer was longer than it may be",
    said,
    "It was cut off, because it was too long. Answer more briefly.",
  );
}

function unfit(reason: string, said: string, wrong: string) {
  const shown = plainText(said.slice(0, LONGEST_SAID));
  return { fits: false as const, reason, repair: { said: shown, wrong: plainText(wrong.slice(0, LONGEST_WRONG)) } };
}

// Models like to put JSON into a block of Markdown, also when they are told not to.
const FENCED = /^```(?:json)?\s*\n([\s\S]*?)\n?```$/;

function parsed(said: string): Json | undefined {
  const text = said.trim();
  try {
    return JSON.parse(FENCED.exec(text)?.[1] ?? text) as Json;
  } catch {
    return undefined;
  }
}
