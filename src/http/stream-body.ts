/** Why a stream was ended from outside: its reader left, or the server stops. */
export type StreamEnd = "disconnected" | "draining";

/**
 * A response's body out of a generator of text. It starts when it is first read, so a body that nobody reads (the
 * answer to HEAD) costs nothing. The generator is told by the signal when to end, and why; without `draining` it goes on
 * until its connection is cut.
 */
export function streamBody(
  source: (signal: AbortSignal) => AsyncGenerator<string>,
  draining?: AbortSignal,
): ReadableStream<Uint8Array> {
  const stop = new AbortController();
  const drain = () => stop.abort("draining" satisfies StreamEnd);
  const encoder = new TextEncoder();
  let chunks: AsyncGenerator<string> | undefined;
  return new ReadableStream(
    {
      async pull(controller) {
        if (chunks === undefined) {
          draining?.addEventListener("abort", drain);
          if (draining?.aborted === true) drain();
          chunks = source(stop.signal);
        }
        try {
          const { done, value } = await chunks.next();
          if (!done) return controller.enqueue(encoder.encode(value));
          draining?.removeEventListener("abort", drain);
          controller.close();
        } catch (error) {
          draining?.removeEventListener("abort", drain);
          controller.error(error);
        }
      },
      async cancel() {
        draining?.removeEventListener("abort", drain);
        stop.abort("disconnected" satisfies StreamEnd);
        await chunks?.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}
