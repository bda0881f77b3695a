import { ERRORS, type ErrorCode } from "../protocol/errors.ts";

/** What the shell is told. Scripts rely on these numbers; the README lists them. */
export const EXIT = {
  done: 0,
  failed: 1,
  /** The command line or the configuration is wrong. */
  usage: 2,
  /** Somebody was first, or something else comes first. */
  conflict: 3,
  denied: 4,
  /** The server, or the review's own schema, refuses what was sent. */
  invalid: 5,
  /** What was shown is not what stands now: look again. */
  stale: 6,
  /** Ended by Ctrl-C. */
  interrupted: 130,
} as const;

/** One of the numbers a command ends with. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const STALE: ReadonlySet<string> = new Set<ErrorCode>([
  "digest_mismatch",
  "precondition_failed",
  "stale",
  "superseded",
]);
const CONFIGURATION: ReadonlySet<string> = new Set<ErrorCode>([
  "configuration_invalid",
  "database_newer",
  "database_unreachable",
  "graph_invalid",
  "migration_edited",
  "policy_invalid",
]);

/** The exit code of an error of the register; a code this program does not know yet is judged by its HTTP status. */
export function exitCodeOf(code: string | undefined, status: number | undefined): ExitCode {
  if (code !== undefined && STALE.has(code)) return EXIT.stale;
  if (code !== undefined && CONFIGURATION.has(code)) return EXIT.usage;
  switch (status ?? (code !== undefined && code in ERRORS ? ERRORS[code as ErrorCode].status : undefined)) {
    case 401:
    case 403:
      return EXIT.denied;
    case 409:
    case 410:
      return EXIT.conflict;
    case 400:
    case 413:
    case 422:
    case 428:
      return EXIT.invalid;
    case 412:
      return EXIT.stale;
    default:
      return EXIT.failed;
  }
}
