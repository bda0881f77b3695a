/** What kind of failure an error is: what is done about it follows from that alone. */
export const ERROR_CLASSES = [
  "rate_limit",
  "timeout",
  "provider",
  "validation",
  "tool",
  "budget",
  "permission",
  "bug",
] as const;

/** What kind of failure an error is. */
export type ErrorClass = (typeof ERROR_CLASSES)[number];
