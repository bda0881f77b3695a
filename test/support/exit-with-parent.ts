import { isMainThread } from "node:worker_threads";

// Loaded into every server a test starts: the end of its input is the end of the test's process, however that came.
if (isMainThread) {
  const end = () => process.kill(process.pid, "SIGKILL");
  process.stdin.on("end", end).on("error", end).resume();
}
