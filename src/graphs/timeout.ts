/** How long a file may take to load that nobody said it of, and a factory to make its graph. */
export const DEFAULT_TIMEOUT_MS = 10_000;

/** Waits for a promise, at most so long. What loses goes on in the background; its later failure is not an accident. */
export async function withTimeout<Value>(promise: Promise<Value>, timeoutMs: number, message: string): Promise<Value> {
  const { promise: expired, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(message)), timeoutMs);
  promise.catch(() => undefined);
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
  }
}
