import type { ChatOpenAI } from "@langchain/openai";
import type { ModelPort } from "../kit/ports.ts";
import { createModelApi, type ModelApi, type ModelApiOptions } from "./model-api.ts";
import type { ScriptStep } from "./model-step.ts";

/** A model of a test: what it will say, and what it was asked. */
export interface ScriptedModel extends Pick<ModelApi, "requests" | "overrun" | "left"> {
  /** The same model as LangChain's `ChatOpenAI`, for code that is given one. */
  chat(options?: { model?: string; useResponsesApi?: boolean }): Promise<ChatOpenAI>;
  /** The same for whatever model is asked for: what `withTestPorts` takes as `models`. */
  port(): Promise<ModelPort>;
  /** How often it refused, because its script had no step. */
  readonly refused: number;
}

/** How it differs from a strict one that counts tokens. */
export type ScriptedModelOptions = Pick<ModelApiOptions, "after" | "usage">;

const NAME = "scripted";

/**
 * A model that follows a script, in this process: the client, its protocol and its errors are the real ones, and nothing
 * is connected to. Asked for more than it has, it refuses, unless `after` says otherwise.
 */
export function scriptedModel(steps: readonly ScriptStep[], options: ScriptedModelOptions = {}): ScriptedModel {
  const { after = "refuse" } = options;
  const api = createModelApi({ ...options, after, steps });
  // Loaded on first use: tests without a model need not wait for it.
  const chats = async () => {
    const { ChatOpenAI } = await import("@langchain/openai");
    return (model: string, useResponsesApi: boolean) =>
      new ChatOpenAI({
        apiKey: "mock",
        model,
        useResponsesApi,
        maxRetries: 0,
        configuration: {
          baseURL: "http://model.invalid/v1",
          fetch: (input, init) => api.fetch(new Request(input, init)),
        },
      });
  };
  const own: Pick<ScriptedModel, "chat" | "port" | "refused"> = {
    chat: async ({ model = NAME, useResponsesApi = false } = {}) => (await chats())(model, useResponsesApi),
    async port() {
      const chat = await chats();
      return ({ model = NAME }) => chat(model, false);
    },
    get refused() {
      return after === "refuse" ? api.overrun : 0;
    },
  };
  return Object.create(api, Object.getOwnPropertyDescriptors(own)) as ScriptedModel;
}
