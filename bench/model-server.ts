import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

/** A model that says the same words to everybody, as OpenAI's chat completions stream them. */
export interface ModelServer {
  /** The base URL, ending in /v1. */
  url: string;
  /** When the first word of each answer was sent, in the order of the requests. */
  firstWordAt: number[];
  close(): Promise<void>;
}

const WORDS = ["Two ", "words ", "or ", "five."];

/** Starts it on a free port; each word comes so long after the one before. */
export async function startModelServer(pauseMs: number): Promise<ModelServer> {
  const firstWordAt: number[] = [];
  const server = createServer(async (request, response) => {
    request.resume();
    await once(request, "end");
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const [place, content] of WORDS.entries()) {
      await pause(pauseMs);
      if (place === 0) firstWordAt.push(performance.timeOrigin + performance.now());
      response.write(chunk({ role: "assistant", content }, null));
    }
    response.write(chunk({}, "stop"));
    // Without it the client would count for itself, with tables that it fetches from the internet.
    response.write(chunk(undefined, null));
    response.end("data: [DONE]\n\n");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    firstWordAt,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function chunk(delta: Record<string, unknown> | undefined, finish_reason: string | null): string {
  const head = { id: "chatcmpl-bench", object: "chat.completion.chunk", created: 1, model: "bench" };
  const choices = delta === undefined ? [] : [{ index: 0, delta, finish_reason }];
  const usage = delta === undefined ? { prompt_tokens: 4, completion_tokens: 4, total_tokens: 8 } : null;
  return `data: ${JSON.stringify({ ...head, choices, usage })}\n\n`;
}
