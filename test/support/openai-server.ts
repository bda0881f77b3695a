import { type ModelServer, startModelServer } from "../../src/testing/model-server.ts";

export { vectorOf } from "../../src/testing/embeddings-wire.ts";
export type { ModelStep } from "../../src/testing/model-step.ts";

/** A local endpoint that speaks OpenAI's protocols and follows a script, whose last step is repeated. */
export type OpenAIServer = ModelServer;

/** Starts the server on a free port of the loopback interface. */
export function startOpenAIServer(): Promise<OpenAIServer> {
  return startModelServer({ after: "repeat", usage: { input_tokens: 20, output_tokens: 10, cached_tokens: 0 } });
}
