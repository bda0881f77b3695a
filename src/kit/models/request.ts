import type { BaseMessage } from "@langchain/core/messages";
import { withinTime } from "../time-limit.ts";
import type { BoundModel } from "./bind.ts";
import type { ModelCall, Piece } from "./model-call.ts";

/** Makes one request: gives the answer, or its pieces as they come. It ends with its consumer. */
export async function* requestPieces({ runnable, options }: BoundModel, call: ModelCall): AsyncGenerator<Piece> {
  const { stopped, terms, streams } = call;
  // One signal, told of the other: one that is made of two costs more than all that is done here.
  const request = new AbortController();
  const onStopped = () => request.abort(stopped?.reason);
  if (stopped?.aborted === true) onStopped();
  stopped?.addEventListener("abort", onStopped, { once: true });
  const told = { ...options, signal: request.signal };
  const inTime = <Value>(body: () => Promise<Value>) => withinTime(terms.timeoutMs, stopped, body);
  let pieces: AsyncIterator<Piece> | undefined;
  try {
    const messages = call.messages as BaseMessage[];
    if (!streams) {
      yield await inTime(() => runnable.invoke(messages, told));
      return;
    }
    const stream = await inTime(() => runnable.stream(messages, told));
    pieces = stream[Symbol.asyncIterator]();
    const from = pieces;
    // Bound: the answer's end, or the time in which nothing comes.
    for (;;) {
      const next = await inTime(() => from.next());
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    stopped?.removeEventListener("abort", onStopped);
    request.abort(OVER);
    // What is in the middle of something ends by the signal; nobody waits for it.
    void Promise.resolve(pieces?.return?.()).catch(() => undefined);
  }
}

// Given a reason, an abort makes no error of its own, with a stack, at every request.
const OVER = new DOMException("the request is over", "AbortError");
