import { appendFileSync } from "node:fs";

// Read once, at load: a failpoint sits on hot paths and must cost nothing when it is off.
const armed = parseFailpoint(process.env);
let onTestDatabase = false;
let remaining = armed?.nth ?? 0;

function parseFailpoint(env: NodeJS.ProcessEnv): { name: string; nth: number; file: string } | undefined {
  const { HOLDPOINT_TEST: test, HOLDPOINT_FAILPOINT: spec, HOLDPOINT_FAILPOINT_FILE: file } = env;
  if (test !== "1" || !spec || !file) return undefined;
  const [name = "", count = "1"] = spec.split(":");
  return { name, nth: Number(count), file };
}

/** Tells the failpoints which database this process works on: they stay off unless its name ends in `_test`. */
export function allowFailpoints(databaseUrl: string): void {
  onTestDatabase = new URL(databaseUrl).pathname.endsWith("_test");
}

/**
 * A named place where a test may kill this process: the n-th time HOLDPOINT_FAILPOINT=name[:n] is reached, the name is
 * written to HOLDPOINT_FAILPOINT_FILE, so that the test can tell that it was reached, and the process gets SIGKILL.
 */
export function failpoint(name: string): void {
  if (armed === undefined || !onTestDatabase || armed.name !== name) return;
  remaining -= 1;
  if (remaining > 0) return;
  appendFileSync(armed.file, `${name}\n`);
  process.kill(process.pid, "SIGKILL");
}
