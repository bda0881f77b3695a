import { HoldpointError } from "../protocol/errors.ts";
import { failure } from "./failure.ts";
import { requestIds } from "./request-log.ts";

type Fetch = (request: Request) => Promise<Response>;

/** What requests come in by: it can be shut, and it knows when everybody has been answered. */
export interface Door {
  fetch: Fetch;
  /** Answers whoever comes from now on that this process stops. */
  shut(): void;
  /** Settles when everybody who had come in is answered, or after that time. */
  empty(maxMs: number): Promise<void>;
}

const RETRY_AFTER_S = "1";

/**
 * Counts requests by their handlers and not by their connections: a client that has gone leaves its handler behind, which
 * still needs the database.
 */
export function createDoor(fetch: Fetch): Door {
  const underWay = new Set<Promise<unknown>>();
  let isShut = false;
  return {
    async fetch(request) {
      if (isShut) return lastWords(refusal(request));
      const answering = fetch(request);
      underWay.add(answering);
      try {
        const response = await answering;
        return isShut ? lastWords(response) : response;
      } finally {
        underWay.delete(answering);
      }
    },
    shut() {
      isShut = true;
    },
    async empty(maxMs) {
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(late.resolve, maxMs);
      await Promise.race([late.promise, Promise.allSettled(underWay)]);
      clearTimeout(timer);
    },
  };
}

/** A client that keeps its connection would send the next request where nobody answers any more. */
function lastWords(response: Response): Response {
  response.headers.set("connection", "close");
  return response;
}

function refusal(request: Request): Response {
  const stopping = new HoldpointError("shutting_down", "this process is stopping; send the request again");
  const response = failure(stopping, new URL(request.url).pathname);
  response.headers.set("retry-after", RETRY_AFTER_S);
  response.headers.set("cache-control", "no-store");
  response.headers.set("x-content-type-options", "nosniff");
  response.headers.set("x-request-id", requestIds(request, {}).request_id);
  return response;
}
