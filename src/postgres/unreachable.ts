import { HoldpointError } from "../protocol/errors.ts";

/** One line about a database that does not answer, without its password. */
export function unreachable(url: string, cause: unknown): HoldpointError {
  return new HoldpointError(
    "database_unreachable",
    `cannot connect to ${maskUrl(url)}: ${reason(cause)}. Check DATABASE_URL`,
    { cause },
  );
}

/** The address with everything that may be secret left out. */
export function maskUrl(url: string): string {
  if (!URL.canParse(url)) return "the database (its address is not a URL)";
  const { protocol, username, host, pathname, searchParams } = new URL(url);
  const where = searchParams.get("host") ?? host;
  return `${protocol}//${username === "" ? "" : `${username}@`}${where}${pathname}`;
}

function reason(cause: unknown): string {
  // Several addresses were tried and each failed: the error itself has no message then.
  if (cause instanceof AggregateError && cause.errors.length > 0) return reason(cause.errors[0]);
  return cause instanceof Error && cause.message !== "" ? cause.message : String(cause);
}
