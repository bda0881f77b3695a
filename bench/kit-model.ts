import type { BaseLanguageModelInput } from "@langchain/core/language_models/base";
import { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessageChunk } from "@langchain/core/messages";
import type { ChatResult } from "@langchain/core/outputs";
import type { Runnable } from "@langchain/core/runnables";

/** A model that says the same at once, so that what is measured is what stands around it. */
export class InstantModel extends BaseChatModel {
  readonly model = "instant";
  readonly answer: Record<string, unknown>;
  /** How often it was asked. */
  asked = 0;

  constructor(answer: Record<string, unknown>) {
    super({});
    this.answer = answer;
  }

  override _llmType(): string {
    return "bench";
  }

  override bindTools(tools: object[]): Runnable<BaseLanguageModelInput, AIMessageChunk> {
    return this.withConfig({ tools } as object);
  }

  override async _generate(_messages: unknown, options: this["ParsedCallOptions"]): Promise<ChatResult> {
    this.asked += 1;
    const { tools } = options as { tools?: { name?: string; function?: { name: string } }[] };
    const name = tools?.[0]?.function?.name ?? tools?.[0]?.name;
    const usage_metadata = { input_tokens: 10, output_tokens: 5, total_tokens: 15 };
    const response_metadata = { model_name: "instant", finish_reason: "stop" };
    const message =
      name === undefined
        ? new AIMessageChunk({ content: JSON.stringify(this.answer), usage_metadata, response_metadata })
        : new AIMessageChunk({
            content: "",
            tool_calls: [{ id: "call", name, args: this.answer, type: "tool_call" }],
            usage_metadata,
            response_metadata,
          });
    return { generations: [{ text: "", message }] };
  }
}
