import type { Explanation } from "../explain.ts";

/** The store, crons, and what says that the server is there. */
export const REST: readonly Explanation[] = [
  {
    what: "items of the store",
    why: "The one that was written last comes first.",
    where: /the store > search(?! with words)/,
  },
  {
    what: "a search of the store with words",
    why: "Words are searched for, with a score; the answer says how it was ranked. The development server ignores them without an embedding model.",
    where: /the store > search with words/,
  },
  {
    what: "crons, openapi.json, prune and cancelling many",
    why: "They are served; the development server has none.",
    where: /(crons > |the rest > (prune|cancel many|openapi)).*\.status$/,
  },
  {
    what: "what the server says it can do",
    why: "It is what this server can do.",
    where: /the rest > info\[0\]\.body/,
  },
];
