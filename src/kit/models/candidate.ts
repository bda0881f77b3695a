import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { longestMatch } from "../../policy/model-name.ts";

/** One model that a call may go to. */
export interface Candidate {
  /** Provider and model: what its breaker and its limits are kept under. */
  readonly id: string;
  readonly model: string;
  readonly chat: BaseChatModel;
  /** Tokens that it takes in all; undefined where nobody knows. */
  readonly window: number | undefined;
  /** Tokens that an answer may have, where that is limited. */
  readonly most_output: number | undefined;
}

interface NamedChat {
  model?: unknown;
  modelName?: unknown;
  temperature?: unknown;
  maxTokens?: unknown;
  profile?: { maxInputTokens?: unknown };
}

/** Makes a candidate of a chat model of any provider. */
export function candidateOf(chat: BaseChatModel, windows: ReadonlyMap<string, number>): Candidate {
  const { model: own, modelName, maxTokens, profile } = chat as NamedChat;
  const model = [own, modelName].find((name) => typeof name === "string" && name !== "") ?? chat.getName();
  const name = String(model);
  const most_output = Number.isInteger(maxTokens) && Number(maxTokens) > 0 ? Number(maxTokens) : undefined;
  const known = profile?.maxInputTokens;
  const window = longestMatch(windows, name) ?? (typeof known === "number" ? known : undefined);
  return { id: `${chat._llmType()}/${name}`, model: name, chat, window, most_output };
}

/** What a model was made with: only where it is 0 does asking the same again give the same. */
export function temperatureOf({ chat }: Candidate): number | undefined {
  const { temperature } = chat as NamedChat;
  return typeof temperature === "number" ? temperature : undefined;
}
