import type { Json } from "../protocol/json.ts";
import type { Guards } from "./guards.ts";

/** Guards of one process, for tests and for code that is called by itself: they let everything through and keep no account. */
export function createMemoryGuards(): Guards {
  const cache = new Map<string, Json>();
  const nothing = async () => {};
  return {
    breakers: { enter: async () => ({ succeeded: nothing, faulted: nothing, ignored: nothing }) },
    limits: { take: async () => ({ granted: true }), adjust: nothing },
    cache: {
      get: async (key) => cache.get(key),
      put: async (key, value) => void cache.set(key, value),
    },
    meter: { record: nothing, overspent: async () => undefined, grant: nothing },
  };
}
