/** What the log tells of an error: never what else hangs on it, which may be a request's headers or a graph's state. */
export interface LoggedError {
  type: string;
  message: string;
  code?: string;
  /** Where it was thrown, without the message. */
  stack: string;
  cause?: LoggedError;
}

const LONGEST_MESSAGE = 2_000;
const FRAMES = 20;
const DEEPEST_CAUSE = 5;

// What a message repeats of what it was given: passwords in addresses, keys, tokens.
const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/(\b[a-z][a-z0-9+.-]*:\/\/[^:@/\s]*):[^@/\s]*@/gi, "$1:[redacted]@"],
  [/\b(bearer|basic)\s+[\w.~+/=-]{6,}/gi, "$1 [redacted]"],
  [/\b(sk-|hp_|whsec_)[\w+/=*-]{6,}/g, "$1[redacted]"],
];

/** An error as the log shows it. What is no error is told by its type alone. */
export function describeError(error: unknown, depth = 1): LoggedError {
  if (!(error instanceof Error)) return { type: typeof error, message: `${typeof error}, not an error`, stack: "" };
  const { name, message, stack = "", cause } = error;
  const code = "code" in error && typeof error.code === "string" ? error.code.slice(0, 100) : undefined;
  return {
    type: String(name).slice(0, 200),
    message: withoutSecrets(String(message).slice(0, LONGEST_MESSAGE)),
    ...(code === undefined ? {} : { code }),
    stack: framesOf(stack),
    ...(cause === undefined || depth >= DEEPEST_CAUSE ? {} : { cause: describeError(cause, depth + 1) }),
  };
}

/** A text without what looks like a password, a key or a token. */
export function withoutSecrets(text: string): string {
  return SECRETS.reduce((left, [pattern, stand]) => left.replaceAll(pattern, stand), text);
}

/** A stack begins with the message, of any length and with whatever is in it. */
function framesOf(stack: string): string {
  const frames = String(stack)
    .split("\n")
    .filter((line) => /^\s+at /.test(line));
  return frames
    .slice(0, FRAMES)
    .map((line) => line.trim())
    .join("\n");
}
