import { setTimeout as sleep } from "node:timers/promises";
import { classifyError, STRATEGIES } from "../../policy/error-class.ts";
import { failureWords } from "../../policy/failure-words.ts";

/** How texts become vectors. */
export interface EmbedderOptions {
  /** What the vectors are kept under. */
  model: string;
  dims: number;
  fields: readonly string[];
  /** One request: a vector for each text, in their order. */
  embedDocuments(texts: readonly string[]): Promise<unknown>;
  /** Makes the error that is thrown when there are no vectors. */
  failed(message: string, isTextRefused: boolean, cause: unknown): Error;
  /** Told once for every time that the model is given up. */
  onFailure(reason: string): void;
  /** All requests for one batch together: somebody waits for it. 10 seconds unless given. */
  timeoutMs?: number;
  /** Requests at most for one batch; 3 unless given. */
  attempts?: number;
  /** Before the second request, doubled before each further one, unless the server says how long; 250 ms unless given. */
  firstWaitMs?: number;
  /** How long nobody asks after the model was given up, so that not everybody waits for it; 30 seconds unless given. */
  pauseMs?: number;
}

const TIMEOUT_MS = 10_000;
const ATTEMPTS = 3;
const FIRST_WAIT_MS = 250;
const PAUSE_MS = 30_000;
// What one request may hold; providers take more texts, and about so many tokens.
const BATCH_TEXTS = 100;
const BATCH_CHARACTERS = 200_000;
/** These statuses speak of what was sent; every other one of the endpoint, the key or the moment. */
const REFUSED_TEXTS = new Set([400, 413, 422]);

/** Makes vectors with a model that is somewhere else, in bounded time. */
export function createEmbedder(options: EmbedderOptions) {
  const { model, dims, fields, failed, onFailure } = options;
  let pausedUntil = 0;
  let pausedFor = "";
  const embedBatch = async (texts: readonly string[]): Promise<(Float32Array | null)[]> => {
    if (performance.now() < pausedUntil) throw failed(`${model} is left alone for a moment: ${pausedFor}`, false, null);
    try {
      return await askForVectors(options, texts);
    } catch (error) {
      const isTextRefused = REFUSED_TEXTS.has((error as { status?: number }).status ?? 0);
      const reason =
        error instanceof WrongAnswer ? error.message : failureWords(classifyError(error, Date.now(), "provider"));
      if (!isTextRefused) {
        pausedFor = reason;
        pausedUntil = performance.now() + (options.pauseMs ?? PAUSE_MS);
      }
      onFailure(reason);
      throw failed(`${model} made no vectors: ${reason}`, isTextRefused, error);
    }
  };
  return {
    model,
    dims,
    fields,
    async embed(texts: readonly string[]): Promise<(Float32Array | null)[]> {
      const vectors: (Float32Array | null)[] = [];
      for (const batch of batchesOf(texts)) vectors.push(...(await embedBatch(batch)));
      return vectors;
    },
  };
}

function batchesOf(texts: readonly string[]): string[][] {
  const batches: string[][] = [];
  let characters = 0;
  for (const text of texts) {
    const last = batches.at(-1);
    if (last === undefined || last.length >= BATCH_TEXTS || characters + text.length > BATCH_CHARACTERS) {
      batches.push([text]);
      characters = text.length;
    } else {
      last.push(text);
      characters += text.length;
    }
  }
  return batches;
}

/** An answer that holds other things than the vectors that were asked for: asking again changes nothing. */
class WrongAnswer extends Error {
  override readonly name = "WrongAnswer";
}

async function askForVectors(options: EmbedderOptions, texts: readonly string[]): Promise<(Float32Array | null)[]> {
  const { embedDocuments, dims, attempts = ATTEMPTS, firstWaitMs = FIRST_WAIT_MS, timeoutMs = TIMEOUT_MS } = options;
  const deadline = performance.now() + timeoutMs;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const answer = await withinTime(embedDocuments(texts), deadline - performance.now());
      return checkedVectors(answer, texts.length, dims);
    } catch (error) {
      if (error instanceof WrongAnswer) throw error;
      const failure = classifyError(error, Date.now(), "provider");
      const waitMs = failure.retry_after_ms ?? firstWaitMs * 2 ** (attempt - 1);
      if (STRATEGIES[failure.class].retry === "never" || attempt >= attempts || performance.now() + waitMs >= deadline)
        throw error;
      await sleep(waitMs);
    }
  }
}

async function withinTime<Value>(promise: Promise<Value>, timeoutMs: number): Promise<Value> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(Object.assign(new Error("no answer in time"), { name: "TimeoutError" }));
  }, timeoutMs);
  // What loses goes on in the background; its later failure is not an accident.
  promise.catch(() => undefined);
  return await Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function checkedVectors(answer: unknown, texts: number, dims: number): (Float32Array | null)[] {
  if (!Array.isArray(answer) || answer.length !== texts) {
    const seen = Array.isArray(answer) ? `${answer.length} vectors` : "no list of vectors";
    throw new WrongAnswer(`it gave ${seen} for ${texts} texts`);
  }
  return answer.map((vector: unknown) => {
    const numbers = Array.isArray(vector) || ArrayBuffer.isView(vector) ? Float32Array.from(vector as number[]) : [];
    if (numbers.length !== dims) {
      throw new WrongAnswer(`its vectors have ${numbers.length} numbers where ${dims} were configured`);
    }
    return unitVector(numbers as Float32Array);
  });
}

/** With length 1; null where it points nowhere. */
function unitVector(vector: Float32Array): Float32Array | null {
  let sum = 0;
  for (const one of vector) sum += one * one;
  if (!Number.isFinite(sum)) throw new WrongAnswer("its vectors hold what is no number");
  return sum === 0 ? null : vector.map((one) => one / Math.sqrt(sum));
}
