import { acquireFileLock } from "../../src/postgres/file-lock.ts";

// A process that holds a file lock until it is killed.
const path = process.argv[2];
if (path === undefined) throw new Error("usage: lock-holder.ts <file>");

await acquireFileLock(path);
process.stdout.write("held\n");
setInterval(() => undefined, 60_000);
