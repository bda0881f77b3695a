/** A refusal in the words of the project's own Auth, which are sent as they are. */
export class AuthRefusal extends Error {
  override readonly name = "AuthRefusal";
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

// How an answer is framed is the server's to say.
const FRAMING = new Set(["content-type", "content-length", "content-encoding", "transfer-encoding", "connection"]);

/**
 * The refusal that a handler has thrown as `HTTPException`; undefined for everything else. Told by its members: the
 * project has a copy of the class of its own. A status that is none of an error would let in, so `otherwise` stands for it.
 */
export function refusalOf(thrown: unknown, otherwise: number): AuthRefusal | undefined {
  if (!(thrown instanceof Error) && !isErrorLike(thrown)) return undefined;
  const { status, headers, message } = thrown as { status?: unknown; headers?: unknown; message: string };
  if (typeof status !== "number" || typeof headers !== "object" || headers === null) return undefined;
  const isError = Number.isInteger(status) && status >= 400 && status <= 599;
  return new AuthRefusal(isError ? status : otherwise, message, sendable(headers));
}

function isErrorLike(thrown: unknown): boolean {
  return typeof thrown === "object" && thrown !== null && "message" in thrown && typeof thrown.message === "string";
}

/** Of the headers those that can be sent. */
function sendable(headers: object): Record<string, string> {
  const given = headers instanceof Headers ? [...headers] : Object.entries(headers);
  const kept = given.filter(([name, value]) => {
    if (typeof value !== "string" || FRAMING.has(name.toLowerCase())) return false;
    try {
      return new Headers([[name, value]]) !== undefined;
    } catch {
      return false;
    }
  });
  return Object.fromEntries(kept) as Record<string, string>;
}
