import { type Logger, pino } from "pino";
import { describeError } from "./log-error.ts";

/** The structured logger; every line names what it is about (request_id, run_id, thread_id, graph_id, worker_id). */
export type Log = Logger;

// Whatever a caller logs by mistake, these never reach a log file.
const REDACTED = [
  "authorization",
  "cookie",
  "x-api-key",
  "password",
  "secret",
  "*.authorization",
  "*.cookie",
  "*.password",
  "*.secret",
  "*.api_key",
];

/** Opens the log: JSON lines on stderr, so that stdout stays for what a command prints. */
export function openLog(options: { level: string; pretty: boolean }): Log {
  const base = {
    level: options.level,
    base: undefined,
    redact: { paths: REDACTED, censor: "[redacted]" },
    serializers: { err: describeError },
  };
  if (!options.pretty) return pino(base, pino.destination({ dest: 2, sync: false }));
  return pino({
    ...base,
    transport: {
      target: "pino-pretty",
      options: { destination: 2, ignore: "pid,hostname", translateTime: "SYS:HH:MM:ss", singleLine: true },
    },
  });
}
