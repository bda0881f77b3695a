// Loaded before a server: throws, outside of every run, as soon as a file says so.
import { existsSync } from "node:fs";
import { join } from "node:path";

const file = join(process.env["HOLDPOINT_DATA_DIR"] ?? "", "throw");
const watch = setInterval(() => {
  if (!existsSync(file)) return;
  clearInterval(watch);
  throw new Error("thrown by nobody's run");
}, 50);
watch.unref();
