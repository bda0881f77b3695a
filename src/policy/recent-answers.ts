import { LRUCache } from "lru-cache";

/** Answers that one process has seen last, as text, bounded by bytes. Nobody is given another tenant's. */
export interface RecentAnswers {
  /** Undefined where there is none, or its time is over. */
  get(tenant_id: string, key: string, now: number): string | undefined;
  /** Kept until then, unless it is larger than one answer may be. */
  put(tenant_id: string, key: string, text: string, until: number): void;
}

/** What answers are kept under: keys are digests, and what is longer is no key. */
export const LONGEST_KEY = 200;
/** What is larger is asked for each time: a cache is for answers, not for files. */
const LARGEST_ANSWER_BYTES = 1_000_000;
const ALL_ANSWERS_BYTES = 32_000_000;
// A character of a text in memory takes two at most, and an entry something beside it.
const BYTES_OF_CHARACTER = 2;
const BYTES_OF_ENTRY = 300;

/** Remembers the answers that were used last. */
export function createRecentAnswers(bytes = ALL_ANSWERS_BYTES): RecentAnswers {
  const answers = new LRUCache<string, { text: string; until: number }>({ maxSize: bytes });
  // A tenant's name cannot hold this character, so no two pairs are one name.
  const nameOf = (tenant_id: string, key: string) => `${tenant_id}\u0000${key}`;
  return {
    get(tenant_id, key, now) {
      const name = nameOf(tenant_id, key);
      const found = answers.get(name);
      if (found === undefined || found.until > now) return found?.text;
      answers.delete(name);
      return undefined;
    },
    put(tenant_id, key, text, until) {
      const name = nameOf(tenant_id, key);
      const size = (text.length + name.length) * BYTES_OF_CHARACTER + BYTES_OF_ENTRY;
      answers.set(name, { text, until }, { size });
    },
  };
}

/** An answer as text; undefined where it is none that could be kept. */
export function answerText(value: unknown): string | undefined {
  try {
    const text = JSON.stringify(value) as string | undefined;
    return text === undefined || Buffer.byteLength(text) > LARGEST_ANSWER_BYTES ? undefined : text;
  } catch {
    return undefined;
  }
}

const LONGEST_TTL_MS = 366 * 86_400_000;

/** How long an answer is kept: not at all where nobody can tell. */
export function answerTtlMs(ttl_ms: number): number {
  return ttl_ms > 0 ? Math.min(ttl_ms, LONGEST_TTL_MS) : 0;
}
