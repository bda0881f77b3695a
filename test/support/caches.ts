import { join, resolve } from "node:path";

const CACHES = resolve(import.meta.dirname, "..", "..", "node_modules/.cache/holdpoint-test");

/** Where the processes that tests start keep what Node has compiled, which is half of their start. */
export const COMPILED = join(CACHES, "compiled");
/** Where transformed graph files are kept, which is a third of it. */
export const TRANSFORMED = join(CACHES, "transformed");
