import type { ChatOpenAI } from "@langchain/openai";
import { createModelApi, type ModelApi, type ModelApiOptions } from "./model-api.ts";
import type { ScriptStep } from "./model-step.ts";

/** A model of a test: what it will say, and what it was asked. */
export interface ScriptedModel extends Pick<ModelApi, "requests" | "overrun" | "left"> {
  /** The same model as LangChain's `ChatOpenAI`, for code that is given one. */
  chat(options?: { model?: string; useResponsesApi?: boolean }): Promise<ChatOpenAI>;
}

/** How it differs from a strict one that counts tokens. */
export type ScriptedModelOptions = Pick<ModelApiOptions, "after" | "usage">;

const NAME = "scripted";

/**
 * A model that follows a script, in this process: the client, its protocol and its errors are the real ones, and nothing
 * is connected to. Asked for more than it has, it refuses, unless `after` says otherwise.
 */
export function scriptedModel(steps: readonly ScriptStep[], options: ScriptedModelOptions = {}): ScriptedModel {
  const api = createModelApi({ after: "refuse", ...options, steps });
  return Object.create(api, {
    chat: {
      value: async ({ model = NAME, useResponsesApi = false } = {}) => {
        // Loaded on first use: tests without a model need not wait for it.
        const { ChatOpenAI } = await import("@langchain/openai");
        return new ChatOpenAI({
          apiKey: "mock",
          model,
          useResponsesApi,
          maxRetries: 0,
          configuration: {
            baseURL: "http://model.invalid/v1",
            fetch: (input, init) => api.fetch(new Request(input, init)),
          },
        });
      },
    },
  }) as ScriptedModel;
}
